import assert from 'node:assert/strict'
import { appendFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { tempFolder } from '../testing/temp-folder.ts'
import type { EffectRecord } from '../wire/effects.ts'
import { EffectLog } from './effect-log.ts'

describe('the log of effects', () => {
  test('is there after a restart, newest first, and answers what is asked for', async (t) => {
    const folder = join(await tempFolder(t), 'audit')
    const first = new EffectLog({ folder, mostBytes: 1 << 20 })
    first.add(record(1, { helper: 'vendor.slack', outcome: 'failed' }))
    first.add(record(2, { agent: 'b', title: 'B' }))
    await first.close()
    await appendFile(join(folder, 'effects.jsonl'), '{"at":3,"ag')
    await appendFile(join(folder, 'effects.jsonl'), '\n')
    const log = new EffectLog({ folder, mostBytes: 1 << 20 })
    t.after(() => log.close())
    log.add(record(4, {}))
    const times = async (query: object) => (await log.read({ limit: 10, ...query })).map(({ at }) => at)
    assert.deepEqual(await times({}), [4, 2, 1])
    assert.deepEqual(await times({ limit: 2 }), [4, 2])
    assert.deepEqual(await times({ since: 2 }), [4, 2])
    assert.deepEqual(await times({ agent: 'b' }), [2])
    assert.deepEqual(await times({ agent: 'B' }), [2])
    assert.deepEqual(await times({ helper: 'vendor.slack' }), [1])
    assert.deepEqual(await times({ outcome: 'failed' }), [1])
    log.add(record(5, { entry: 'n1/a.pcap-0' }))
    assert.deepEqual(await times({ entry: 'n1/a.pcap-0' }), [5])
    assert.equal((await stat(join(folder, 'effects.jsonl'))).mode & 0o777, 0o600)
  })

  test('is read no further back than what is asked for, but for clocks that were set', async (t) => {
    const folder = await tempFolder(t)
    const log = new EffectLog({ folder, mostBytes: 1 << 20 })
    t.after(() => log.close())
    for (const at of [950_000, 100_000, 970_000, 900_000, 960_000, 980_000]) log.add(record(at, {}))
    const found = await log.read({ since: 955_000, limit: 10 })
    assert.deepEqual(
      found.map(({ at }) => at),
      [980_000, 960_000, 970_000],
    )
    assert.deepEqual(await log.read({ since: 981_000, limit: 10 }), [])
  })

  test('is never larger than it may be, and keeps what is newest', async (t) => {
    const folder = await tempFolder(t)
    const log = new EffectLog({ folder, mostBytes: 20_000 })
    for (let at = 0; at < 500; at++) {
      log.add(record(at, {}))
      if (at % 10 === 9) await log.read({ limit: 1 })
    }
    await log.close()
    const sizes = await Promise.all(
      (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
    )
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 20_000, String(sizes))
    const kept = await log.read({ limit: 1000 })
    assert.equal(kept[0]?.at, 499)
    assert.deepEqual(
      kept.map(({ at }) => at),
      Array.from(kept, (_, place) => 499 - place),
    )
    assert.equal(log.lost, 0)
  })

  test('counts what could not be written', async (t) => {
    const folder = await tempFolder(t)
    const log = new EffectLog({ folder: join(folder, 'a'), mostBytes: 1 << 20 })
    await writeFile(join(folder, 'a'), 'no folder')
    log.add(record(1, {}))
    log.add(record(2, { error: 'x'.repeat(9 << 20) }))
    await log.close()
    assert.equal(log.lost, 2)
  })
})

function record(at: number, more: Partial<EffectRecord>): EffectRecord {
  return {
    ...{ at, agent: 'a', title: 'A', version: 1, node: 'n1', component: 'worker' },
    ...{ helper: 'vendor.webhook', kind: 'network', target: 'POST h', outcome: 'ok', ms: 1, bytes: 2 },
    ...more,
  } as EffectRecord
}
