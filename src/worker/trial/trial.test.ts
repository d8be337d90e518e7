import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { SandboxLauncher } from '../../agent/launcher.ts'
import { configSchema } from '../../config/schema.ts'
import { httpServer } from '../../testing/http-server.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { expectationOf } from '../../wire/fixtures.ts'
import { type TrialOrder, type TrialOutcome, trialOutcome } from '../../wire/trials.ts'
import { runTrial } from './trial.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

interface Given {
  readonly env?: TrialOrder['env']
  /** Entries to run on; the sample capture when absent. */
  readonly entries?: readonly object[]
  readonly mostMs?: number
  readonly pods?: NonNullable<TrialOrder['pods']>
}

async function tryOut(t: TestContext, code: string, { env = {}, entries, mostMs, pods }: Given = {}) {
  const order = {
    code,
    title: 'tried',
    language: 'es5' as const,
    env,
    input: await inputOf(t, entries),
    pods,
  }
  const tools = { config: configSchema.parse({}), launcher: new SandboxLauncher() }
  const outcome = await runTrial(order, mostMs === undefined ? tools : { ...tools, mostMs })
  // It is to pass between programs.
  return trialOutcome.parse(JSON.parse(JSON.stringify(outcome)))
}

async function inputOf(t: TestContext, entries: readonly object[] | undefined): Promise<TrialOrder['input']> {
  if (entries === undefined) return { kind: 'capture', path: SAMPLE, description: 'the sample' }
  const path = join(await tempFolder(t), 'entries')
  writeFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  return { kind: 'entries', path, description: 'entries' }
}

function entryAt(second: number, status = 200): object {
  return {
    id: `10.0.0.1:48999/000000000001.pcap-${second}`,
    ...{ index: second, stream: '000000000001.pcap', worker: '10.0.0.1:48999' },
    protocol: { name: 'http', version: '1.1', abbr: 'HTTP' },
    ...{ timestamp: 1_767_225_600_000 + second * 1000, elapsedTime: 2000 },
    src: { ip: '10.0.0.2', port: '40000', name: 'cart' },
    dst: { ip: '10.0.0.3', port: '80', name: 'pay' },
    request: { method: 'GET', url: '/', headers: {} },
    response: { status, headers: {} },
  }
}

function podAt(
  second: number,
  state: object,
  event: 'ADDED' | 'MODIFIED' | 'DELETED' = second > 0 ? 'MODIFIED' : 'ADDED',
) {
  const pod = {
    metadata: { name: 'cart-1', namespace: 'shop', uid: 'uid of cart-1', resourceVersion: '' },
    spec: { nodeName: 'worker-1', containers: [{ name: 'main' }] },
    status: { phase: 'Running', podIP: '10.0.0.2', containerStatuses: [{ name: 'main', state }] },
  }
  return { at: 1_767_225_600_000 + second * 1000, event, pod }
}

function texts({ console }: TrialOutcome): string[] {
  return console.lines.filter(({ level }) => level === 'log').map(({ text }) => text)
}

function callsOf({ calls }: TrialOutcome, name: string): number | undefined {
  return calls.find((each) => each.name === name)?.calls
}

describe('a trial', () => {
  test('sends nothing, and says what would have been sent, of which entry', async (t) => {
    const server = await httpServer(t, (_, response) => response.end('hello'))
    const env = { HOOK: `${server.url}/secret-path`, KEY: 'very-secret' }
    const code = `
      function onItemCaptured(data) {
        var answer = vendor.webhook('POST', env.HOOK, { status: data.response.status, key: env.KEY });
        console.log(answer, env.KEY);
        hub.action('failed', { id: data.id });
        file.append('log.txt', env.KEY + '\\n');
      }
      function onHubAction(action, object) { console.log('hub', action, object.id) }`
    const outcome = await tryOut(t, code, { env, entries: [entryAt(0)] })
    assert.deepEqual(server.seen, [])
    const id = '10.0.0.1:48999/000000000001.pcap-0'
    assert.deepEqual(texts(outcome), ['{} [env.KEY]', `hub failed ${id}`])
    assert.deepEqual(outcome.console.lines[0]?.entry, id)
    assert.deepEqual(
      outcome.effects.list.map(({ helper, target, entry }) => [helper, target, entry]),
      [
        ['vendor.webhook', `POST ${server.url}/[env.HOOK]`, id],
        ['hub.action', 'failed', id],
        ['file.append', 'log.txt', id],
      ],
    )
    assert.deepEqual(outcome.stored.files, [{ path: 'log.txt', bytes: 12, head: '[env.KEY]\n' }])
    assert.doesNotMatch(JSON.stringify(outcome), /very-secret|secret-path/)
  })

  test('goes by the clock of its entries, and runs jobs between them', async (t) => {
    const code = `
      var n = 0;
      function onItemCaptured() { n++ }
      jobs.schedule('tick', '*/10 * * * * *', function () { console.log(n, new Date().toISOString()) });`
    const outcome = await tryOut(t, code, { entries: [entryAt(1), entryAt(11), entryAt(25)] })
    assert.deepEqual(texts(outcome), [
      '1 2026-01-01T00:00:10.000Z',
      '2 2026-01-01T00:00:20.000Z',
      '3 2026-01-01T00:00:25.002Z',
    ])
    assert.deepEqual([callsOf(outcome, 'onItemCaptured'), callsOf(outcome, 'job "tick"')], [3, 3])
    assert.deepEqual(outcome.events.entries, { received: 3, delivered: 3, dropped: 0 })
  })

  test('tells of pods between its entries, where they change, and what that means', async (t) => {
    const code = `
      function onItemCaptured(data) { console.log(data.index, new Date().toISOString()) }
      function onPodEvent(event, pod, meta, why) {
        console.log(event, pod.metadata.name, why ? why.reason + ' ' + why.container : '-', new Date().toISOString());
        if (why) console.log(pcap.history(pod, 30))
      }
      jobs.schedule('tick', '*/10 * * * * *', function () { console.log('tick') });`
    const pods = [
      podAt(25, { running: {} }, 'DELETED'),
      podAt(0, { running: {} }),
      podAt(12, { terminated: { exitCode: 1, containerID: 'containerd://1' } }),
    ]
    const outcome = await tryOut(t, code, { entries: [entryAt(1), entryAt(11), entryAt(21)], pods })
    assert.deepEqual(texts(outcome), [
      'ADDED cart-1 - 2026-01-01T00:00:00.000Z',
      '1 2026-01-01T00:00:01.002Z',
      'tick',
      '11 2026-01-01T00:00:11.002Z',
      'MODIFIED cart-1 crash main 2026-01-01T00:00:12.000Z',
      'null',
      'tick',
      '21 2026-01-01T00:00:21.002Z',
      'DELETED cart-1 - 2026-01-01T00:00:25.000Z',
      'tick',
    ])
    const warnings = outcome.console.lines.filter(({ level }) => level === 'warn').map(({ text }) => text)
    assert.match(warnings[0] ?? '', /^pcap.history: nothing of shop\/cart-1 is kept of those 30 s/)
    assert.deepEqual([callsOf(outcome, 'onPodEvent'), outcome.notes.length], [3, 1])
    const without = await tryOut(t, code, { entries: [entryAt(1)] })
    assert.ok(without.notes.some((note) => note.startsWith('onPodEvent was not called')))
    const alone = await tryOut(t, code, { entries: [], pods: pods.slice(1) })
    assert.equal(texts(alone)[0], 'ADDED cart-1 - 2026-01-01T00:00:00.000Z')
  })

  test('has the packets of a pod as they were when it crashed, on a capture', async (t) => {
    const code = `
      var seen = 0;
      function onItemCaptured(data) { if (data.dst.ip === '127.0.0.1') seen++ }
      function onPodEvent(event, pod, meta, why) {
        if (why) console.log(why.reason, seen, pcap.history('cart-1', 600))
      }`
    const firstMs = 1_795_416_691_872
    const pods = [
      { ...podAt(0, { running: {} }), at: firstMs },
      { ...podAt(0, { terminated: { exitCode: 1 } }), at: firstMs + 60_000 },
    ]
    for (const { pod } of pods) Object.assign(pod.status as object, { podIP: '127.0.0.1' })
    const outcome = await tryOut(t, code, { pods })
    const [, seen, name] = /^crash (\d+) (\d+\.pcap)$/.exec(texts(outcome)[0] ?? '') ?? []
    assert.ok(Number(seen) > 0, JSON.stringify([outcome.console, outcome.source]))
    assert.deepEqual(
      outcome.stored.files.map(({ path }) => path),
      [name],
    )
  })

  test('says where errors arose, and what was marked, changed and hidden', async (t) => {
    const code = `function onItemCaptured(data) {
  if (data.response.status === 500) throw new Error('no')
  if (data.index === 0) test.pass(data)
}
function onItemQueried(data) {
  if (data.index === 1) return null
  if (data.index === 2) { data.request.url = '?'; return test.fail(data) }
}
cluster.counter.add('loads')`
    const outcome = await tryOut(t, code, { entries: [entryAt(0), entryAt(1, 500), entryAt(2, 500)] })
    const id = (at: number) => `10.0.0.1:48999/000000000001.pcap-${at}`
    assert.deepEqual(outcome.faults, [
      { line: 2, column: 43, message: 'onItemCaptured: Error: no', count: 2 },
    ])
    assert.deepEqual(outcome.marks.list, [
      { entry: id(1), queried: 'hidden' },
      { entry: id(2), failed: true, queried: 'changed', changes: ['request.url', 'failed'] },
      { entry: id(0), passed: true },
    ])
    assert.deepEqual(outcome.stored.shared, [{ kind: 'counter', name: 'loads', value: 1 }])
    const calls = outcome.calls.find(({ name }) => name === 'onItemCaptured')
    assert.deepEqual([calls?.calls, calls?.errors], [3, 2])
  })

  test('shows what it exports, also of one that was stopped', async (t) => {
    const code = `var seen = 0
function onItemCaptured(data) {
  prometheus.metric('seen_total', 'Entries with env.KEY ' + env.KEY, 1, ++seen)
  prometheus.vector('latency', 'ms', 2, 12.5, { s_path: '/' })
  prometheus.observe('sizes', 3, {}, [1, 5])
  if (seen === 2) while (true);
}`
    const outcome = await tryOut(t, code, { entries: [entryAt(0), entryAt(1)] })
    const labels = 'component="worker",node="worker-1",agent="tried"'
    assert.deepEqual(
      outcome.stored.metrics.map(({ name, type }) => [name, type]),
      [
        ['seen_total', 'counter'],
        ['latency', 'gauge'],
        ['sizes', 'histogram'],
      ],
    )
    assert.equal(outcome.stored.metrics[1]?.text, `latency{${labels},s_path="/"} 12.5`)
    assert.equal(outcome.stored.metrics[2]?.text.split('\n').length, 5)
  })

  test('says that entries have no packets, and which entries it cannot read', async (t) => {
    const code = 'function onPacketCaptured() {}\nfunction onItemCaptured() {}'
    const foreign = { ...entryAt(1), protocol: { name: 'of-another-agent', version: '', abbr: 'X' } }
    const { notes, source } = await tryOut(t, code, { entries: [entryAt(0), foreign] })
    assert.match(notes.join('\n'), /onPacketCaptured was not called/)
    assert.match(notes.join('\n'), /1 entries were left out/)
    assert.equal(source.unreadable, 1)
  })

  test('says why code does not load', async (t) => {
    const { loadError } = await tryOut(t, 'var a = 1\nthrow new Error("not here")', { entries: [] })
    assert.match(loadError ?? '', /not here \(tried\.js:2:7\)/)
  })

  for (const name of readdirSync(join(REPOSITORY, 'examples')).filter((each) => each.endsWith('.js')))
    test(`comes out the same each time for ${name}`, async (t) => {
      const code = readFileSync(join(REPOSITORY, 'examples', name), 'utf8')
      const once = await tryOut(t, code)
      assert.deepEqual([once.ended, once.faults, once.loadError], ['complete', [], undefined])
      assert.ok(once.source.entries + once.source.packets > 0)
      assert.deepEqual(expectationOf(await tryOut(t, code)), expectationOf(once))
    })
})

describe('a trial of a hostile agent', () => {
  test('that loops stops it, and ends', async (t) => {
    const outcome = await tryOut(t, 'function onItemCaptured() { for (;;) {} }')
    assert.match(outcome.stopped ?? '', /CPU time|ms/)
    assert.equal(outcome.ended, 'complete')
    assert.ok(outcome.events.entries.dropped > 0)
  })

  test('that hoards memory stops it, and ends', async (t) => {
    const code =
      'var all = [];\nfunction onItemCaptured() { for (;;) all.push(new Array(1000).join("x" + all.length)) }'
    const outcome = await tryOut(t, code)
    assert.notEqual(outcome.stopped, undefined)
    assert.equal(outcome.ended, 'complete')
  })

  test('that floods the console keeps what there is room for, and counts the rest', async (t) => {
    const code = 'function onItemCaptured() { for (var i = 0; i < 500; i++) console.log(i) }'
    const { console } = await tryOut(t, code)
    assert.equal(console.lines.length, 2000)
    assert.ok(console.dropped > 10_000)
  })

  test('that calls helpers without end keeps what there is room for', async (t) => {
    const code = `function onItemCaptured() { for (var i = 0; i < 10; i++) file.write('f' + i, 'x') }`
    const entries = Array.from({ length: 250 }, (_, at) => entryAt(at))
    const { effects, stored } = await tryOut(t, code, { entries })
    assert.deepEqual([effects.list.length, effects.dropped, stored.files.length], [1000, 1500, 10])
  })

  test('that takes its time is ended by the limit', async (t) => {
    const code = `function onItemCaptured() { var end = Date.now; for (var i = 0; i < 3e7; i++) i = i + 0 }
      jobs.schedule('slow', '* * * * * *', function () { for (var i = 0; i < 1e9; i++) i = i + 0 })`
    const { ended } = await tryOut(t, code, { mostMs: 1500 })
    assert.equal(ended, 'time')
  })
})
