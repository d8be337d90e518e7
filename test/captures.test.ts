import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { corpusOrSkip } from '../src/testing/corpus.ts'
import { eventually } from '../src/testing/eventually.ts'
import { run } from '../src/testing/programs.ts'
import { readCapture } from '../src/testing/read-capture.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { apiFailure } from '../src/wire/api.ts'
import { type CaptureView, captureView } from '../src/wire/captures.ts'
import { splitEntries } from '../src/wire/entry-lines.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const OTHER = join(REPOSITORY, 'samples/beanstalk.pcap')

describe('captures that are uploaded', () => {
  test('are read once, and answer filters with entries and packets like traffic', async (t) => {
    const hub = await start(t)
    const capture = await hub.upload('sample & co.pcap', readFileSync(SAMPLE))
    assert.partialDeepStrictEqual(capture, { name: 'sample & co.pcap', bytes: readFileSync(SAMPLE).length })
    const ready = await hub.ready(capture.id)
    const { counters, exchanges } = await readCapture(SAMPLE)
    assert.equal(ready.packets, counters.packets)
    assert.ok(ready.entries >= exchanges.length)
    assert.equal(ready.firstMs, counters.firstMs)
    assert.deepEqual(ready.problems, [])
    const http = await hub.entries(`capture:${capture.id}`, 'http')
    assert.equal(http.length, exchanges.filter(({ dissector }) => dissector.name === 'http').length)
    assert.deepEqual(await hub.entries(undefined, 'http'), [])
    const { id, src, dst } = JSON.parse(http[0] ?? '')
    const response = await fetch(`${hub.url}/entries/${id}/pcap?source=capture:${capture.id}`)
    const file = join(hub.cwd, 'out.pcap')
    writeFileSync(file, await response.bytes())
    const count = async (path: string, filter: string) =>
      (await run('tshark', ['-r', path, '-Y', filter])).stdout.trim().split('\n').length
    const filter = `tcp.port == ${src.port} && tcp.port == ${dst.port} && ip.addr == ${src.ip}`
    assert.equal(await count(file, 'frame'), await count(SAMPLE, filter))
    assert.equal((await fetch(`${hub.url}/entries/${id}?source=capture:${capture.id}`)).status, 200)
    assert.equal((await fetch(`${hub.url}/entries/${id}`)).status, 404)
  })

  test('may be compressed, come again with the next hub, and go when they are deleted', async (t) => {
    const cwd = await tempFolder(t)
    const first = await start(t, cwd)
    const zipped = await first.upload('a.pcap.gz', gzipSync(readFileSync(OTHER)))
    const packed = await first.upload('b.pcap.zst', zstdCompressSync(readFileSync(OTHER)))
    const [a, b] = [await first.ready(zipped.id), await first.ready(packed.id)]
    assert.ok(a.entries > 0)
    assert.deepEqual([a.entries, a.packets], [b.entries, b.packets])
    assert.equal(await first.program.stop(), 0)
    const second = await start(t, cwd)
    assert.deepEqual(
      (await second.list()).map(({ id, state }) => [id, state]),
      [
        [b.id, 'ready'],
        [a.id, 'ready'],
      ],
    )
    assert.equal((await second.entries(`capture:${a.id}`, '')).length, a.entries)
    assert.equal((await fetch(`${second.url}/captures/${a.id}`, { method: 'DELETE' })).status, 204)
    assert.equal((await second.list()).length, 1)
    assert.deepEqual(readdirSync(join(cwd, '.remora/state/captures')), [b.id])
    const gone = await fetch(`${second.url}/entries?source=capture:${a.id}`)
    assert.deepEqual([gone.status, apiFailure.parse(await gone.json()).code], [404, 'E_NOT_FOUND'])
  })

  test('that are none are refused, and leave nothing', async (t) => {
    const hub = await start(t, undefined, ['--set', 'hub.captures.mostBytes=1MB'])
    const refused = async (body: Uint8Array, type = 'application/octet-stream') => {
      const response = await hub.post('x.pcap', body, type)
      const { code, message } = apiFailure.parse(await response.json())
      return [response.status, code, message]
    }
    assert.deepEqual((await refused(Buffer.from('hello, this is text'.repeat(10)))).slice(0, 2), [
      400,
      'E_CAPTURE_FORMAT',
    ])
    assert.match(String(await refused(Buffer.from('{"json": 1}'))), /E_CAPTURE_FORMAT,x.pcap looks like JSON/)
    assert.match(String(await refused(Buffer.alloc(0))), /E_CAPTURE_FORMAT,x.pcap is empty/)
    assert.match(String(await refused(Buffer.from('snoop\0\0\0'))), /snoop format/)
    const large = Buffer.concat([readFileSync(SAMPLE), Buffer.alloc(2_000_000)])
    assert.deepEqual((await refused(large)).slice(0, 2), [413, 'E_TOO_LARGE'])
    assert.equal((await refused(readFileSync(SAMPLE), 'application/json'))[0], 400)
    assert.deepEqual(await hub.list(), [])
    assert.deepEqual(readdirSync(join(hub.cwd, '.remora/state/captures')), [])
    const inside = await hub.upload('y.pcap.gz', gzipSync('this is no capture either'.repeat(20)))
    const failed = await hub.settled(inside.id)
    assert.equal(failed.state, 'failed')
    assert.equal(failed.failure?.code, 'E_CAPTURE_FORMAT')
    const broken = await hub.upload('z.pcap', readFileSync(SAMPLE).subarray(0, 50_000))
    const read = await hub.settled(broken.id)
    assert.equal(read.state, 'ready')
    assert.match(read.problems.join(), /in the middle of packet/)
    assert.equal(read.lost['file.truncated'], 1)
  })

  test('whose reader is killed have failed, and the next one is read', async (t) => {
    const hub = await start(t)
    const one = readFileSync(SAMPLE)
    const many = Buffer.concat([one, ...Array.from({ length: 150 }, () => one.subarray(24))])
    const capture = await hub.upload('large.pcap', many)
    await eventually('a reader', async () => (await readers(hub.program.pid)).length > 0)
    for (const pid of await readers(hub.program.pid)) process.kill(pid, 'SIGKILL')
    const failed = await hub.settled(capture.id)
    assert.equal(failed.state, 'failed')
    assert.match(failed.failure?.message ?? '', /has ended: SIGKILL/)
    const next = await hub.upload('next.pcap', one)
    assert.equal((await hub.settled(next.id)).state, 'ready')
    assert.deepEqual(await readers(hub.program.pid), [])
  })

  test('of any kind are read to their end', async (t) => {
    const captures = corpusOrSkip(t).filter(({ group }) => ['malformed', 'format', 'link'].includes(group))
    if (captures.length === 0) return
    const hub = await start(t)
    const kept = new Map<string, string>()
    for (const { path, name } of captures.filter((_, at) => at % 25 === 0)) {
      const response = await hub.post(name, readFileSync(path))
      const answer = await response.json()
      if (response.status === 400) assert.equal(apiFailure.parse(answer).code, 'E_CAPTURE_FORMAT', name)
      else kept.set(captureView.parse(answer).id, path)
    }
    for (const [id, path] of kept) {
      const { state, failure, packets } = await hub.settled(id)
      assert.ok(
        state === 'ready' || failure?.code.startsWith('E_CAPTURE_') === true,
        `${path}: ${failure?.message}`,
      )
      if (state === 'ready') assert.equal(packets, (await readCapture(path)).counters.packets, path)
    }
  })
})

async function start(t: TestContext, folder?: string, more: readonly string[] = []) {
  const cwd = folder ?? (await tempFolder(t))
  // Something to capture that ends at once, without entries of HTTP.
  const program = new Running(t, cwd, ['tap', '--pcap', OTHER, ...more])
  await program.client(t)
  const url = `${/the API is at (\S+),/.exec(program.stderr)?.[1]}/api/v1`
  const post = (name: string, body: Uint8Array, type = 'application/octet-stream') =>
    fetch(`${url}/captures?name=${encodeURIComponent(name)}`, {
      ...{ method: 'POST', headers: { 'content-type': type }, body: new Uint8Array(body) },
    })
  const list = async () => {
    const { captures } = (await (await fetch(`${url}/captures`)).json()) as { captures: CaptureView[] }
    return captures
  }
  const settled = async (id: string) => {
    const find = async () => (await list()).find((each) => each.id === id && each.state !== 'reading')
    await eventually(`${id} is read`, async () => (await find()) !== undefined)
    return captureView.parse(await find())
  }
  return {
    ...{ cwd, program, url, post, list, settled },
    ready: async (id: string) => {
      const capture = await settled(id)
      assert.deepEqual(capture.failure, undefined)
      return capture
    },
    upload: async (name: string, body: Uint8Array) => {
      const response = await post(name, body)
      const answer = await response.json()
      assert.equal(response.status, 201, JSON.stringify(answer))
      return captureView.parse(answer)
    },
    entries: async (source: string | undefined, filter: string) => {
      const from = source === undefined ? '' : `&source=${source}`
      const response = await fetch(`${url}/entries?limit=10000&filter=${encodeURIComponent(filter)}${from}`)
      assert.equal(response.status, 200)
      return splitEntries(await response.text()).entries
    },
  }
}

/** Processes that read captures for a program. */
async function readers(parent: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-o', 'pid=,args=', '--ppid', String(parent)])
  const lines = stdout.split('\n').filter((line) => line.includes('capture-reader'))
  return lines.map((line) => Number.parseInt(line, 10))
}
