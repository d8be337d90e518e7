import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { compileFilter } from '../../filter/index.ts'
import { type ClickHouseServer, clickHouseServer, hasClickHouse } from '../../testing/clickhouse-server.ts'
import { goldenEntries } from '../../testing/entry-json.ts'
import { ATOMS, ODD_ENTRIES } from '../../testing/filters.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { entriesQuery } from '../../wire/entries.ts'
import type { StoredEntry, StoredPage } from '../entries/entry-store.ts'
import { openEntryReader, openEntryWriter } from '../entries/index.ts'
import { openClickHouseReader, openClickHouseSink } from './index.ts'
import { sqlText, whereOf } from './sql.ts'

const NEVER = new AbortController().signal

interface Pages {
  page(
    query: ReturnType<typeof entriesQuery.parse>,
    options: { signal: AbortSignal; mostBytes: number },
  ): Promise<StoredPage>
}

describe('entries in ClickHouse', () => {
  test('are found like those on the disk of a worker', async (t) => {
    if (!hasClickHouse(t)) return
    const { server, sink, reader, folder } = await store(t)
    const local = join(folder, 'entries')
    mkdirSync(local)
    const writer = openEntryWriter({ folder: local, ttlMs: 1e9, mostBytes: 1e9 })
    const localReader = openEntryReader({ folder: local, prefer: 'kfl1', macros: {} })
    t.after(() => Promise.all([writer.close(), localReader.close()]))
    assert.deepEqual(
      (await reader.page(entriesQuery.parse({}), { signal: NEVER, mostBytes: 1e9 })).entries,
      [],
    )
    const golden = (await goldenEntries()).filter((_, at) => at % 4 === 0)
    for (const [at, json] of [...golden, ...ODD_ENTRIES].entries()) {
      writer.append(1.8e12 + at / 7, json)
      sink.append(1.8e12 + at / 7, json)
    }
    await writer.settle()
    await sink.flush()
    assert.equal(sink.counters.problem, '')
    assert.deepEqual(sink.counters.dropped, {})
    let matches = 0
    for (const atom of ATOMS) {
      if (!isFilter(atom)) continue
      const expected = await all(localReader, { filter: atom, limit: 1000 })
      const actual = await all(reader, { filter: atom, limit: 1000 })
      assert.deepEqual(actual.map(short), expected.map(short), atom)
      matches += expected.length
    }
    assert.ok(matches > 100)
    const [first] = await all(localReader, { filter: '', limit: 10 })
    const some = { filter: '', limit: 7, from: 1.8e12 + 10.3, to: (first?.atMs ?? 0) - 5 }
    assert.deepEqual(await all(reader, some), await all(localReader, some))
    const limited = { filter: 'http and limit(9)', limit: 4 }
    assert.deepEqual((await all(reader, limited)).map(short), (await all(localReader, limited)).map(short))
    assert.ok(server.url)
  })

  test('wait while the server is away, and are there once when it is back', async (t) => {
    if (!hasClickHouse(t)) return
    const { server, sink, reader } = await store(t)
    sink.append(1, '{"n":1}')
    await sink.flush()
    await server.stop()
    for (let n = 2; n <= 50; n++) sink.append(n, `{"n":${n}}`)
    while (sink.counters.retries === 0) await setTimeout(20)
    await assert.rejects(reader.page(entriesQuery.parse({}), { signal: NEVER, mostBytes: 1e9 }), {
      code: 'E_STORE',
    })
    assert.equal(sink.counters.waiting, 49)
    await server.start()
    await sink.flush()
    const { appended, written, dropped } = sink.counters
    assert.deepEqual({ appended, written, dropped }, { appended: 50, written: 50, dropped: {} })
    assert.equal((await all(reader, { filter: '', limit: 20 })).length, 50)
  })

  test('that were sent twice are there once', async (t) => {
    if (!hasClickHouse(t)) return
    const { server, sink, reader } = await store(t)
    for (let n = 0; n < 30; n++) sink.append(5, `{"n":${n}}`)
    await sink.flush()
    // As a server has it that had taken a batch, and died before it said so.
    const twice = await fetch(server.url, {
      method: 'POST',
      body: 'INSERT INTO remora.entries SELECT * FROM remora.entries',
    })
    assert.equal(twice.status, 200)
    const found = await all(reader, { filter: '', limit: 4 })
    assert.deepEqual(
      found.map(({ json }) => JSON.parse(json).n),
      Array.from({ length: 30 }, (_, at) => 29 - at),
    )
  })

  test('are asked for in a language in which a text stays a text', async (t) => {
    if (!hasClickHouse(t)) return
    const { server } = await store(t)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
        for (const hostile of [text, `${text}'`, `\\${text}`, `${text}\\'; DROP TABLE x --`]) {
          const literal = sqlText(hostile)
          if (literal === undefined) continue
          const body = `SELECT hex(${literal}) FORMAT TabSeparatedRaw`
          const answer = await (await fetch(server.url, { method: 'POST', body })).text()
          assert.equal(answer.trim().toLowerCase(), Buffer.from(hostile).toString('hex'))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('are asked for by what ClickHouse can tell', () => {
    const where = (text: string) => whereOf(compileFilter(text, { prefer: 'kfl1' }).conditions)
    assert.equal(
      where('http and response.status >= 500'),
      "(odd = 1 OR (protocol_abbr IN ('HTTP') AND status >= 500))",
    )
    assert.equal(
      where('http && status_code >= 500 && src.ip == "1.2.3.4"'),
      "(odd = 1 OR (protocol_name IN ('http') AND status >= 500 AND src_ip = '1.2.3.4'))",
    )
    assert.equal(where('request.path.startsWith("/it\'s")'), "(odd = 1 OR (position(path, '/it\\'s') = 1))")
    assert.equal(where('elapsedTime > 1000 and (dst.name == "a" or dns)'), '(odd = 1 OR (elapsed > 1000))')
    assert.equal(where('!http'), '1')
    assert.equal(where('response.status > 0.5'), '1')
    assert.equal(sqlText('\ud800'), undefined)
  })
})

async function store(t: TestContext) {
  const folder = await tempFolder(t)
  const server: ClickHouseServer = await clickHouseServer(t, folder)
  const options = { url: server.url, database: 'remora', user: 'default', password: '', ttlMs: 3_600_000 }
  const sink = openClickHouseSink({ ...options, node: "it's a \\node" })
  const reader = openClickHouseReader({ ...options, prefer: 'kfl1', macros: {} })
  t.after(() => Promise.all([sink.close(), reader.close()]))
  return { folder, server, sink, reader }
}

async function all(
  pages: Pages,
  asked: Parameters<typeof entriesQuery.parse>[0] & object,
): Promise<StoredEntry[]> {
  const found: StoredEntry[] = []
  let cursor: string | undefined
  do {
    const page = await pages.page(entriesQuery.parse({ ...asked, cursor }), { signal: NEVER, mostBytes: 1e9 })
    found.push(...page.entries)
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  return found
}

function isFilter(text: string): boolean {
  try {
    compileFilter(text, { prefer: 'kfl1' })
    return true
  } catch {
    return false
  }
}

const short = ({ json, atMs }: StoredEntry) => `${atMs} ${json.slice(0, 200)}`
