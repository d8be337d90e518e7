import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const SILENT = 'function onPacketCaptured(info) {}'

interface Line {
  readonly type: string
  readonly entry?: Shown
  readonly text?: string
}

interface Shown {
  readonly id: string
  readonly protocol: { readonly abbr: string }
  readonly request: { readonly path: string; readonly headers: unknown } | null
  readonly response: { readonly status: number; readonly content: { readonly text: string } } | null
  readonly error: { readonly type: string; readonly msg: string } | null
  readonly base: unknown
  readonly passed: boolean
  readonly failed: boolean
  readonly tags: unknown
}

/** Runs agents on the sample with `--entries`, and answers what is shown. */
async function shown(filter: string, ...agents: readonly string[]) {
  const files = Object.fromEntries(agents.map((source, at) => [`${at}.js`, source]))
  return withFiles(files, async (folder) => {
    const args = ['run', folder, '--pcap', SAMPLE, '--json', '--node-name', 'n', '--entries', filter]
    const { code, stdout, stderr } = await remora(args, { cwd: folder })
    assert.equal(code, 0, stderr)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    return {
      entries: lines.filter(({ type }) => type === 'entry').map(({ entry }) => entry as Shown),
      texts: lines.filter(({ type }) => type === 'console').map(({ text }) => text as string),
      summary: lines.at(-1) as unknown as {
        agents: readonly { calls: number; errors: number; state: string }[]
        ledger: { discrepancies: readonly string[] }
      },
    }
  })
}

describe('remora run --entries', () => {
  test('shows all entries, also when no agent asks for any', async () => {
    const { entries, summary } = await shown('', SILENT)
    assert.equal(entries.length, 349)
    assert.equal(new Set(entries.map(({ id }) => id)).size, 349)
    assert.deepEqual(summary.ledger.discrepancies, [])
  })

  test('shows those that match, as many as the filter wants, masked as it says', async () => {
    assert.equal((await shown('http and response.status >= 400', SILENT)).entries.length, 6)
    const { entries } = await shown(
      'http and limit(3) and redact("request.headers.Host", "response.content.text")',
      SILENT,
    )
    assert.equal(entries.length, 3)
    for (const { request, response } of entries) {
      assert.match(JSON.stringify(request?.headers), /"\[REDACTED\]"/)
      assert.equal(response?.content.text, '[REDACTED]')
    }
  })

  test('carries the marks and tags of onItemCaptured', async () => {
    const { entries } = await shown(
      'http',
      'function onItemCaptured(data) { if (data.protocol.name === "http") { test.pass(data); data.tags = { a: 1 } } }',
      'function onItemCaptured(data) { if (data.response && data.response.status >= 400) { test.fail(data); data.tags = { b: 2 } } }',
    )
    const failed = entries.filter((entry) => entry.failed)
    assert.equal(entries.length, 45)
    assert.equal(entries.filter(({ passed }) => passed).length, 45)
    assert.equal(failed.length, 6)
    assert.deepEqual(failed[0]?.tags, { a: 1, b: 2 })
  })

  test('lets a filter ask for the marks', async () => {
    const mark =
      'function onItemCaptured(data) { if (data.response && data.response.status === 404) { data.failed = true } }'
    assert.deepEqual(
      (await shown('failed == true', mark)).entries.map(({ response }) => response?.status),
      [404],
    )
  })

  test('takes entries through onItemQueried of every agent in turn', async () => {
    const { entries, texts } = await shown(
      'http and limit(2)',
      'function onItemQueried(data, filter) { data.request.path = "/one"; data.Request.Headers = { f: filter }; data.id = "other" }',
      'function onItemQueried(data) { return test.pass({ id: "x", request: { path: data.request.path + "/two", headers: data.request.headers }, response: data.response }) }',
      'function onItemQueried(data) { console.log(data.request.path, data.passed, data.protocol.name, data.id.slice(-2), "base" in data) }',
    )
    const [first] = entries
    assert.match(first?.id ?? '', /\.pcap-0$/, 'what says which entry it is stays')
    assert.deepEqual(first?.request, { path: '/one/two', headers: { f: 'http and limit(2)' } })
    assert.equal(first?.passed, true)
    assert.deepEqual(texts, ['/one/two true http -0 false', '/one/two true http -1 false'])
  })

  test('goes on with the entry when an agent answers nonsense', async () => {
    const nonsense = [
      ...['[1]', '5', '"text"', 'new Date()', 'new String("x")', 'function () {}'],
      ...['undefined', 'null', '5', '"x"'].map((value) => `{ toJSON: function () { return ${value} } }`),
    ]
    for (const answer of nonsense) {
      const { entries, summary } = await shown(
        'http and limit(1)',
        `function onItemQueried(data) { return ${answer} }`,
        'function onItemQueried(data) { data.tags = [data.request.path] }',
      )
      assert.deepEqual([entries[0]?.request?.path, entries[0]?.tags], ['/json', ['/json']], answer)
      assert.ok(summary.agents.every(({ state }) => state === 'ok'))
    }
  })

  test('hides what an agent answers null or false for', async () => {
    const { entries } = await shown(
      '',
      'function onItemQueried(data) { if (data.protocol.name === "dns") return null; if (data.protocol.name === "http") return false }',
    )
    assert.deepEqual(
      new Set(entries.map(({ protocol }) => protocol.abbr)),
      new Set(['TLSX', 'TCP', 'TCP FLOW', 'UDP', 'UDP FLOW']),
    )
  })

  test('shows an entry as it was when an agent fails before it has changed it', async () => {
    const { entries, texts, summary } = await shown(
      'http and limit(2)',
      'function onItemQueried(data) { throw new Error("no") }',
    )
    assert.equal(entries[0]?.request?.path, '/json')
    assert.deepEqual(texts, [
      'onItemQueried: Error: no (0.js:1:38)',
      'onItemQueried: Error: no (0.js:1:38) (1 more like it)',
    ])
    assert.deepEqual(
      summary.agents.map(({ calls, errors }) => [calls, errors]),
      [[2, 2]],
    )
  })

  test('shows nothing of the content when an agent fails halfway or is stopped', async () => {
    const half = 'function onItemQueried(data) { data.request.path = "/a"; throw new Error("no") }'
    const endless = 'function onItemQueried(data) { data.request.path = "/a"; for (;;) {} }'
    for (const source of [half, endless]) {
      const { entries } = await shown('http and limit(1)', source, 'function onItemQueried(data) {}')
      const [entry] = entries
      assert.deepEqual([entry?.request, entry?.response, entry?.base], [null, null, null])
      assert.deepEqual(entry?.error, { type: 'agent', msg: '"0" failed while it was changing this entry' })
    }
  })

  test('goes on with the other agents and the other entries when one is stopped', async () => {
    const { entries, summary } = await shown(
      'http',
      'var n = 0; function onItemQueried(data) { if (++n === 20) { for (;;) {} } }',
      'function onItemQueried(data) { data.tags = { seen: true } }',
    )
    assert.equal(entries.length, 45)
    assert.ok(entries.every(({ tags }) => (tags as { seen?: boolean } | null)?.seen === true))
    assert.deepEqual(
      summary.agents.map(({ calls, state }) => [calls, state.split(':')[0]]),
      [
        [20, 'stopped'],
        [45, 'ok'],
      ],
    )
  })

  test('says where a filter is wrong before anything runs', async () => {
    await withFiles({ 'a.js': SILENT }, async (folder) => {
      const { code, stderr, stdout } = await remora(
        ['run', 'a.js', '--pcap', SAMPLE, '--entries', 'http and ('],
        { cwd: folder },
      )
      assert.equal(code, 2)
      assert.match(stderr, /--entries: 1:11: unexpected end of the filter/)
      assert.equal(stdout, '')
    })
  })
})
