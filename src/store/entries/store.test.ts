import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Mistake } from '../../mistake/mistake.ts'
import { random } from '../../testing/mutate.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { entriesQuery } from '../../wire/entries.ts'
import type { EntryReader, EntryStoreCounters, FollowedEntries, StoredEntry } from './entry-store.ts'
import { openEntryReader, openEntryWriter } from './index.ts'
import { EntryLog } from './log.ts'

const NEVER = new AbortController().signal

describe('the store of entries', () => {
  test('gives what was appended, newest first, page by page, while more comes and columns are made', async (t) => {
    const { folder, writer, reader } = await store(t)
    for (let n = 0; n < 1000; n++) writer.append(n, entry(n))
    await writer.flush()
    const first = await page(reader, 'index >= 0', { limit: 10 })
    assert.deepEqual(numbers(first.entries), [999, 998, 997, 996, 995, 994, 993, 992, 991, 990])
    for (let n = 1000; n < 1100; n++) writer.append(n, entry(n))
    await writer.settle()
    assert.ok(readdirSync(folder).some((name) => name.endsWith('.cols')))
    const rest = await pages(reader, 'index >= 0', { limit: 77, cursor: first.cursor ?? undefined })
    assert.deepEqual(numbers(rest), downFrom(989))
    assert.deepEqual(numbers(await pages(reader, '', { limit: 400 })), downFrom(1099))
    await settled(writer.counters)
  })

  test('says so before anybody can read what was appended', async (t) => {
    const folder = await tempFolder(t)
    const found: boolean[] = []
    const isThere = () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => join(folder, name))
        .some((path) => statSync(path).isFile() && readFileSync(path, 'latin1').includes('the first of all'))
    const limits = { folder, ttlMs: 1e9, mostBytes: 1e9 }
    const writer = openEntryWriter(limits, () => found.push(isThere()))
    t.after(() => writer.close())
    await writer.flush()
    assert.deepEqual(found, [])
    writer.append(0, entry(0, 'the first of all'))
    await writer.flush()
    assert.deepEqual([found, isThere()], [[false], true])
  })

  test('looks only at the time that is asked for', async (t) => {
    const { writer, reader } = await store(t)
    for (let part = 0; part < 5; part++) {
      for (let n = part * 100; n < part * 100 + 100; n++) writer.append(n, entry(n))
      await writer.settle()
    }
    const some = await page(reader, '', { from: 250, to: 259 })
    assert.deepEqual(numbers(some.entries), [259, 258, 257, 256, 255, 254, 253, 252, 251, 250])
    assert.equal(some.scanned, 100)
    assert.equal(some.cursor, null)
  })

  test('holds no more in a page than is wanted, and at least one entry', async (t) => {
    const { writer, reader } = await store(t)
    for (let n = 0; n < 10; n++) writer.append(n, entry(n, 'x'.repeat(1000)))
    await writer.flush()
    assert.equal((await page(reader, '', {}, 1)).entries.length, 1)
    assert.deepEqual(numbers(await pages(reader, '', { limit: 3 }, 2500)), downFrom(9))
    const limited = await pages(reader, 'index < 8 and limit(4)', { limit: 3 })
    assert.deepEqual(numbers(limited), [7, 6, 5, 4])
    const [masked] = (await page(reader, 'index == 5 and redact("text")', {})).entries
    assert.doesNotMatch(masked?.json ?? '', /xxx/)
  })

  test('shows marks of agents, and filters by them', async (t) => {
    const { writer, reader } = await store(t)
    for (let n = 0; n < 100; n++) writer.append(n, entry(n))
    await writer.settle()
    for (const withColumns of [true, false]) {
      const before = withColumns ? 0 : 100
      if (!withColumns) for (let n = 100; n < 200; n++) writer.append(n, entry(n))
      writer.mark('s', before + 42, { passed: true })
      writer.mark('s', before + 42, { tags: { a: 'b' } })
      writer.mark('other', before + 43, { passed: true })
      await writer.flush()
      const { entries } = await page(reader, `passed == true and index >= ${before}`, {})
      assert.deepEqual(numbers(entries), [before + 42])
      assert.deepEqual(JSON.parse(entries[0]?.json ?? '').tags, { a: 'b' })
      assert.equal((await page(reader, `tags.a == "b" and index >= ${before}`, {})).entries.length, 1)
      assert.equal((await pages(reader, `passed == false and index >= ${before}`, {})).length, 99)
    }
  })

  test('lets go of the oldest, and knows why', async (t) => {
    const { writer, reader } = await store(t, { mostBytes: 1 << 20 })
    for (let n = 0; n < 3000; n++) {
      writer.append(n, entry(n, 'x'.repeat(2000)))
      if (n % 100 === 0) await writer.flush()
    }
    await writer.settle()
    const counters = await settled(writer.counters)
    assert.ok((counters.dropped['over-size'] ?? 0) > 1000)
    assert.ok(counters.bytes <= 1 << 20)
    const left = await pages(reader, '', { limit: 100 })
    assert.equal(left.length, counters.kept)
    assert.deepEqual(numbers(left).slice(0, 3), [2999, 2998, 2997])
  })

  test('goes on behind a cursor whose entries have expired meanwhile', async (t) => {
    const folder = await tempFolder(t)
    let now = Date.now()
    const log = new EntryLog({ folder, ttlMs: 10_000, mostBytes: 1e9 }, undefined, () => now)
    for (let part = 0; part < 4; part++) {
      log.append(
        Float64Array.from({ length: 10 }, (_, at) => part * 10 + at),
        range(part * 10, 10).map((n) => entry(n)),
      )
      log.finish()
      now += 4000
    }
    const reader = await open(t, folder)
    const cursor = (await page(reader, '', { limit: 15 })).cursor ?? undefined
    const gone = (await page(reader, '', { limit: 25 })).cursor ?? undefined
    log.tidy()
    const counters = log.counters
    assert.equal(counters.dropped.expired, 20)
    assert.equal(counters.found + counters.taken, counters.kept + sum(counters.dropped))
    assert.deepEqual(numbers(await pages(reader, '', { cursor })), [24, 23, 22, 21, 20])
    assert.deepEqual(await pages(reader, '', { cursor: gone }), [])
  })

  test('has everything that was flushed when its writer is killed', async (t) => {
    const folder = await tempFolder(t)
    const script = `
      import { openEntryWriter } from './src/store/entries/index.ts'
      const writer = openEntryWriter({ folder: process.argv[1], ttlMs: 1e9, mostBytes: 1e9 })
      for (let n = 0; n < 5000; n++) writer.append(n, JSON.stringify({ stream: 's', index: n }))
      await writer.flush()
      console.log('flushed')
      for (let n = 5000; ; n++) {
        writer.append(n, JSON.stringify({ stream: 's', index: n }))
        if (n % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(child.stdout, 'data')
    await setTimeout(100)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const last =
      readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
        .at(-1) ?? ''
    appendFileSync(join(folder, last), 'torn')
    const { writer, reader } = await store(t, { folder })
    await writer.flush()
    assert.equal(writer.counters.dropped.unreadable, 1)
    const all = numbers(await pages(reader, '', { limit: 10_000 }))
    assert.ok(all.length >= 5000)
    assert.deepEqual(all, downFrom(all.length - 1))
    assert.equal(writer.counters.kept, all.length)
    await settled(writer.counters)
  })

  test('is written by one process only', async (t) => {
    const { folder, writer } = await store(t)
    assert.throws(
      () => openEntryWriter({ folder, ttlMs: 1, mostBytes: 1 }),
      (error) => error instanceof Mistake && error.code === 'E_STORE' && /keeps entries/.test(error.message),
    )
    await writer.close()
    const again = openEntryWriter({ folder, ttlMs: 1e9, mostBytes: 1e9 })
    await again.close()
    writeFileSync(join(folder, 'writer.lock'), '999999999 1')
    await openEntryWriter({ folder, ttlMs: 1e9, mostBytes: 1e9 }).close()
    writeFileSync(join(folder, 'file'), '')
    assert.throws(
      () => openEntryWriter({ folder: join(folder, 'file', 'x'), ttlMs: 1, mostBytes: 1 }),
      Mistake,
    )
  })

  test('counts what a full disk does not take, and goes on when there is room again', async (t) => {
    const folder = await tempFolder(t)
    let room = 5000
    const { writeSync } = await import('node:fs')
    const disk = {
      write: (fd: number, bytes: Uint8Array) => {
        if (room <= 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
        const written = writeSync(fd, bytes.subarray(0, room))
        room -= written
        return written
      },
    }
    const log = new EntryLog({ folder, ttlMs: 1e9, mostBytes: 1e9 }, disk)
    const append = (from: number) =>
      log.append(
        new Float64Array(20),
        range(from, 20).map((n) => entry(n, 'x'.repeat(100))),
      )
    append(0)
    append(20)
    append(40)
    room = 1e9
    append(60)
    const { kept, taken, dropped } = log.counters
    assert.equal(taken, kept + (dropped['disk-full'] ?? 0))
    assert.ok((dropped['disk-full'] ?? 0) >= 20)
    const reader = await open(t, folder)
    const left = await pages(reader, '', {})
    assert.equal(left.length, kept)
    assert.deepEqual(numbers(left).slice(0, 20), downFrom(79).slice(0, 20))
    assert.equal(reader.counters.unreadable, 0)
  })

  test('tells those who follow what comes, and those who are slow what they missed', async (t) => {
    const { writer, reader } = await store(t)
    writer.append(0, entry(0))
    await writer.flush()
    const stop = new AbortController()
    const follow = reader.follow('index % 2 == 0', stop.signal)[Symbol.asyncIterator]()
    const first = follow.next()
    const before = await appendUntil(writer, first)
    let seen = lastOf(await first)
    for (let n = before + 1; n <= before + 20_000; n++) writer.append(n, entry(n))
    await writer.settle()
    await setTimeout(500)
    let dropped = 0
    let received = 0
    while (seen < before + 19_990) {
      const { value } = (await follow.next()) as { value: FollowedEntries }
      dropped += value.dropped
      received += value.entries.length
      seen = numbers(value.entries).at(-1) ?? seen
    }
    assert.ok(dropped > 0)
    assert.ok(received > 0 && dropped + received >= 9990 && dropped + received <= 10_000 + before)
    const ended = follow.next()
    stop.abort()
    assert.equal((await ended).done, true)
  })

  test('counts what is too much for it, and gives long entries whole', async (t) => {
    const { writer, reader } = await store(t)
    const stop = new AbortController()
    const followed = reader.follow('index == 7', stop.signal)[Symbol.asyncIterator]().next()
    const long = entry(7, 'x'.repeat(5 << 20))
    // The follower may not be there yet.
    for (let isDone = false; !isDone; await setTimeout(20)) {
      writer.append(1, long)
      isDone = await Promise.race([followed.then(() => true), setTimeout(200, false)])
    }
    stop.abort()
    assert.equal((await followed).value?.entries[0]?.json, long)
    writer.append(1, 'x'.repeat(17 << 20))
    for (let n = 0; n < 40; n++) writer.append(n, entry(n, 'x'.repeat(3 << 20)))
    await writer.flush()
    const { dropped } = await settled(writer.counters)
    assert.equal(dropped['too-large'], 1)
    assert.ok((dropped.behind ?? 0) > 0)
  })

  test('stops looking when nobody waits any more', async (t) => {
    const { writer, reader } = await store(t)
    for (let n = 0; n < 20_000; n++) writer.append(n, entry(n, 'x'.repeat(500)))
    await writer.flush()
    const stop = new AbortController()
    const asked = page(reader, 'text.json().a == 1', {}, 1e9, stop.signal)
    stop.abort()
    await assert.rejects(asked, { name: 'AbortError' })
    await assert.rejects(page(reader, '', { cursor: 'nonsense' }), { code: 'E_REQUEST' })
    await assert.rejects(page(reader, 'a ==', {}), { code: 'E_FILTER_SYNTAX' })
    assert.equal((await page(reader, 'index == 5', {})).entries.length, 1)
  })

  test('loses no more than the entry in which a bit has changed, and nothing where columns have', async (t) => {
    const next = random(11)
    for (const part of ['.jsonl', '.cols'])
      for (let round = 0; round < 5; round++) {
        const { folder, writer } = await store(t)
        for (let n = 0; n < 200; n++) writer.append(n, entry(n))
        await (round % 2 === 0 || part === '.cols' ? writer.settle() : writer.flush())
        await writer.close()
        const file = join(folder, readdirSync(folder).find((name) => name.endsWith(part)) ?? '')
        flipBit(file, next)
        const reader = await open(t, folder)
        const found = await pages(reader, 'index >= 0 and passed == false', { limit: 1000 })
        if (part === '.cols') assert.equal(found.length, 200)
        else {
          // Where it is the end of a line two have become one.
          assert.ok(
            found.length === 199 || (found.length === 198 && round % 2 === 1),
            `${found.length} are left`,
          )
          assert.ok(reader.counters.unreadable > 0)
        }
      }
  })

  test('passes over what is damaged, and gives all the rest', async (t) => {
    const next = random(7)
    for (let round = 0; round < 8; round++) {
      const { folder, writer } = await store(t)
      for (let n = 0; n < 300; n++) {
        writer.append(n, entry(n, 'x'.repeat(n % 50)))
        if (n === 150) await writer.settle()
      }
      if (round % 2 === 0) await writer.settle()
      await writer.close()
      for (const name of readdirSync(folder)) damage(join(folder, name), next)
      const reader = await open(t, folder)
      const all = await pages(reader, 'index >= 0 and stream == "s"', { limit: 1000 })
      for (const { json } of all) {
        const { index, text } = JSON.parse(json)
        assert.equal(json, entry(index, text))
      }
      const found = numbers(all)
      assert.deepEqual(
        found,
        [...found].sort((a, b) => b - a),
        'each at most once, in order',
      )
      const again = openEntryWriter({ folder, ttlMs: 1e9, mostBytes: 1e9 })
      again.append(1, entry(1000))
      await again.settle()
      assert.equal((await page(reader, 'index == 1000', {})).entries.length, 1)
      await again.close()
    }
  })
})

function flipBit(path: string, next: () => number): void {
  const bytes = readFileSync(path)
  const at = Math.floor(next() * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(next() * 8))
  writeFileSync(path, bytes)
}

/** Flips a bit, cuts off the end, or puts garbage in the middle. */
function damage(path: string, next: () => number): void {
  const bytes = readFileSync(path)
  const at = Math.floor(next() * bytes.length)
  const kind = Math.floor(next() * 4)
  if (kind === 0) truncateSync(path, at)
  else if (kind < 3 && bytes.length > 0) {
    const length = kind === 1 ? 1 : Math.min(64, bytes.length - at)
    for (let byte = at; byte < at + length; byte++)
      bytes[byte] = kind === 1 ? (bytes[byte] ?? 0) ^ (1 << Math.floor(next() * 8)) : Math.floor(next() * 256)
    writeFileSync(path, bytes)
  }
  const { mtime } = statSync(path)
  utimesSync(path, mtime, mtime)
}

async function store(t: TestContext, changes: { folder?: string; mostBytes?: number } = {}) {
  const folder = changes.folder ?? (await tempFolder(t))
  const writer = openEntryWriter({ folder, ttlMs: 1e9, mostBytes: changes.mostBytes ?? 1e9 })
  t.after(() => writer.close())
  return { folder, writer, reader: await open(t, folder) }
}

async function open(t: TestContext, folder: string): Promise<EntryReader> {
  const reader = openEntryReader({ folder, prefer: 'kfl1', macros: {} })
  t.after(() => reader.close())
  return reader
}

interface Asked {
  readonly limit?: number
  readonly cursor?: string | undefined
  readonly from?: number
  readonly to?: number
}

function page(reader: EntryReader, filter: string, asked: Asked, mostBytes = 1e9, signal = NEVER) {
  return reader.page(entriesQuery.parse({ filter, ...asked }), { signal, mostBytes })
}

async function pages(
  reader: EntryReader,
  filter: string,
  asked: Asked,
  mostBytes = 1e9,
): Promise<StoredEntry[]> {
  const all: StoredEntry[] = []
  let cursor = asked.cursor
  do {
    const next = await page(reader, filter, { ...asked, cursor }, mostBytes)
    assert.ok(next.entries.length <= (asked.limit ?? 100))
    all.push(...next.entries)
    cursor = next.cursor ?? undefined
  } while (cursor !== undefined)
  return all
}

async function appendUntil(
  writer: ReturnType<typeof openEntryWriter>,
  done: Promise<unknown>,
): Promise<number> {
  let isDone = false
  const waiting = done.then(() => {
    isDone = true
  })
  let n = 0
  while (!isDone) {
    writer.append(++n, entry(n))
    await setTimeout(5)
  }
  await waiting
  return n
}

function lastOf({ value }: IteratorResult<FollowedEntries>): number {
  return numbers(value.entries).at(-1)
}

/** The law of the ledger. */
async function settled(counters: EntryStoreCounters): Promise<EntryStoreCounters> {
  const { found, appended, waiting, kept, dropped } = counters
  assert.equal(found + appended, kept + waiting + sum(dropped), JSON.stringify(counters))
  return counters
}

const entry = (index: number, text = '') =>
  JSON.stringify({ stream: 's', index, text, passed: false, tags: null })
const numbers = (entries: readonly StoredEntry[]) => entries.map(({ json }) => JSON.parse(json).index)
const downFrom = (last: number) => Array.from({ length: last + 1 }, (_, at) => last - at)
const range = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at)
const sum = (dropped: Readonly<Record<string, number>>) => Object.values(dropped).reduce((a, b) => a + b, 0)

test('a folder that is deleted while it is written to is made again, and what was in it is counted', async (t) => {
  const folder = join(await tempFolder(t), 'entries')
  mkdirSync(folder)
  const log = new EntryLog({ folder, ttlMs: 1e9, mostBytes: 1e9 })
  const add = (id: number) => log.append(Float64Array.of(id), [`{"id":"${id}"}`])
  add(1)
  add(2)
  rmSync(folder, { recursive: true })
  add(3)
  add(4)
  assert.deepEqual(log.counters.dropped, { deleted: 2 })
  assert.equal(log.counters.kept, 2)
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('.jsonl')).length, 1)
  log.finish()
  rmSync(folder, { recursive: true })
  add(5)
  assert.deepEqual(log.counters.dropped, { deleted: 4 })
  assert.equal(log.counters.kept, 1)
  log.finish()
})
