import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import type { Config } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import { HOST, TestGroup, testAgent } from '../testing/group.ts'
import { httpServer } from '../testing/http-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import type { EffectRecord } from '../wire/effects.ts'
import type { Effect } from '../wire/trials.ts'
import type { Agent } from './agents.ts'
import { HelperBroker } from './broker.ts'

describe('queued calls of helpers', () => {
  test('return an id at once, and arrive with it', async (t) => {
    const sink = await sinkOf(t)
    const { ask, broker } = await openBroker(t)
    const id = await ask('vendor.webhook.queue', 'POST', `${sink.url}/a`, { n: 1 }, { 'X-Team': 'shop' })
    assert.match(String(id), /^[0-9a-f]{10}-[0-9a-z]+$/)
    assert.equal(await broker.queued?.outbox?.drained(10_000), 0)
    const [seen] = sink.seen
    assert.deepEqual(
      [seen?.path, seen?.body, seen?.headers['idempotency-key'], seen?.headers['x-team']],
      ['/a', '{"n":1}', `"${id}"`, 'shop'],
    )
  })

  test('are checked before they are kept', async (t) => {
    const { ask, broker } = await openBroker(t)
    await assert.rejects(ask('vendor.webhook.queue', 'POST', 'no address'), (error: Mistake) => {
      return error.code === 'E_HELPER_ARGUMENT' && error.message.includes('vendor.webhook(')
    })
    await assert.rejects(ask('file.read.queue', 'a'), /there is no helper file\.read\.queue/)
    assert.equal(broker.queued?.outbox, undefined)
  })

  test('are made again when they are refused for now, and given up when they are refused', async (t) => {
    const sink = await sinkOf(t, 503, 200, 404)
    const { ask, broker, audited } = await openBroker(t)
    await ask('vendor.webhook.queue', 'POST', `${sink.url}/again`)
    await ask('vendor.webhook.queue', 'POST', `${sink.url}/gone`)
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    assert.deepEqual(
      sink.seen.map(({ path }) => path),
      ['/again', '/again', '/gone'],
    )
    const [one, two] = sink.seen.map(({ headers }) => headers['idempotency-key'])
    assert.equal(one, two)
    const [dead] = broker.queued?.outbox?.dead(10) ?? []
    assert.match(dead?.reason ?? '', /answered 404/)
    assert.deepEqual(
      audited.map(({ outcome, helper, queuedId }) => [outcome, helper, queuedId === dead?.id]),
      [
        ['queued', 'vendor.webhook', false],
        ['queued', 'vendor.webhook', false],
        ['failed', 'vendor.webhook', false],
        ['delivered', 'vendor.webhook', false],
        ['failed', 'vendor.webhook', true],
        ['dead', 'vendor.webhook', true],
      ],
    )
  })

  test('have no secret on the disk, and are made with what it is then', async (t) => {
    const folder = await tempFolder(t)
    const sink = await sinkOf(t, 503)
    const env = (token: string) => [
      `scripting.env.TOKEN=${token}`,
      `scripting.env.HOOK=${sink.url}/hooks/s3cret-path`,
    ]
    const first = await openBroker(t, { folder, set: env('tok-one-11111') })
    await first.ask(
      'vendor.webhook.queue',
      'POST',
      `${sink.url}/hooks/s3cret-path`,
      'a \uE0A7 b "tok-one-11111"',
      {
        Authorization: 'Bearer tok-one-11111',
      },
    )
    await until(() => first.broker.queued?.outbox?.lanes(1)[0]?.failures === 1)
    await first.broker.close()
    for (const name of readdirSync(join(folder, 'outbox'))) {
      const text = readFileSync(join(folder, 'outbox', name), 'latin1')
      assert.ok(!/tok-one|s3cret-path/.test(text), `${name} has a secret`)
    }
    const second = await openBroker(t, { folder, set: env('tok-two-22222') })
    assert.equal(await second.broker.queued?.outbox?.drained(20_000), 0)
    assert.equal(sink.seen.at(-1)?.path, '/hooks/s3cret-path')
    assert.equal(sink.seen.at(-1)?.body, 'a \uE0A7 b "tok-two-22222"')
    assert.equal(sink.seen.at(-1)?.headers.authorization, 'Bearer tok-two-22222')
  })

  test('are given up when the value of env is gone, and made when it is back', async (t) => {
    const folder = await tempFolder(t)
    const sink = await sinkOf(t, 503)
    const set = ['scripting.env.TOKEN=tok-one-11111']
    const first = await openBroker(t, { folder, set })
    await first.ask('vendor.webhook.queue', 'POST', sink.url, 'tok-one-11111')
    await until(() => first.broker.queued?.outbox?.lanes(1)[0]?.failures === 1)
    await first.broker.close()
    const second = await openBroker(t, { folder })
    await until(() => second.broker.queued?.outbox?.dead(1).length === 1)
    assert.match(
      second.broker.queued?.outbox?.dead(1)[0]?.reason ?? '',
      /env\.TOKEN, which it was called with, is gone/,
    )
    await second.broker.close()
    const third = await openBroker(t, { folder, set })
    assert.equal(await third.broker.queued?.outbox?.retry({}), 1)
    assert.equal(await third.broker.queued?.outbox?.drained(20_000), 0)
    assert.equal(sink.seen.at(-1)?.body, 'tok-one-11111')
  })

  test('tell the console of their agent what helpers warn of, without secrets', async (t) => {
    const { ask, broker, warned } = await openBroker(t, { set: ['scripting.env.TOKEN=tok-one-11111'] })
    for (let n = 0; n < 5; n++)
      await ask(
        'vendor.influxdb.queue',
        'http://127.0.0.1:9',
        'tok-one-11111',
        'org',
        'tok-one-11111',
        'm',
        {},
      )
    for (let n = 0; n < 5; n++)
      await ask('vendor.influxdb.queue', 'http://127.0.0.1:9', 'x', 'org', 'b', 'of tok-one-11111', {})
    assert.equal(await broker.queued?.outbox?.drained(10_000), 0)
    assert.deepEqual(warned, [
      'agent 0: vendor.influxdb: m: no field has a value, nothing is written',
      'agent 0: vendor.influxdb: of [env.TOKEN]: no field has a value, nothing is written',
    ])
  })

  test('are held to the header that they were made under, also when the program was killed', async (t) => {
    const folder = await tempFolder(t)
    const target = await httpServer(t, (_, reply) => reply.end())
    const elsewhere = target.url.replace('127.0.0.1', 'localhost')
    let isUp = false
    const server = await httpServer(t, ({ path }, reply) => {
      if (!isUp) reply.writeHead(503).end()
      else if (path === '/away') reply.writeHead(302, { location: elsewhere }).end()
      else reply.end()
    })
    const first = await openBroker(t, { folder })
    const ask = (header: string, path: string) =>
      first.askAs(testAgent(0, header), 'vendor.webhook.queue', 'GET', `${server.url}${path}`)
    await ask('// @allow hosts 127.0.0.1', '/away')
    await ask('// @allow hosts 127.0.0.1\n// @rate vendor.webhook 5/min', '/here')
    await ask('', '/away')
    await until(() => first.broker.queued?.outbox?.lanes(1)[0]?.failures === 1)
    // What `kill -9` leaves.
    const left = await tempFolder(t)
    cpSync(join(folder, 'outbox'), join(left, 'outbox'), { recursive: true })
    await first.broker.close()
    isUp = true
    const second = await openBroker(t, { folder: left })
    assert.equal(await second.broker.queued?.outbox?.drained(20_000), 0)
    const dead = second.broker.queued?.outbox?.dead(10) ?? []
    assert.equal(dead.length, 1)
    assert.match(dead[0]?.reason ?? '', /localhost.*not granted by the header of the script/)
    assert.equal(target.seen.length, 1)
    // The same for who sends it again.
    await second.broker.queued?.outbox?.retry({})
    await until(() => second.broker.queued?.outbox?.dead(10).length === 1)
    assert.equal(target.seen.length, 1)
  })

  test('are not made when the operator has taken their grant away', async (t) => {
    const folder = await tempFolder(t)
    const sink = await sinkOf(t, 503)
    const first = await openBroker(t, { folder })
    const agent = testAgent(0, '// @allow helpers vendor.webhook')
    await first.askAs(agent, 'vendor.webhook.queue', 'GET', sink.url)
    await until(() => first.broker.queued?.outbox?.lanes(1)[0]?.failures === 1)
    await first.broker.close()
    const second = await openBroker(t, { folder, grants: [{ agent: '*', helpers: ['file.*'] }] })
    await until(() => second.broker.queued?.outbox?.dead(1).length === 1)
    assert.match(second.broker.queued?.outbox?.dead(1)[0]?.reason ?? '', /not granted by scripting\.grants/)
    assert.equal(sink.seen.length, 1)
  })

  test('are refused where nothing is kept', async (t) => {
    const { ask } = await openBroker(t, { without: true })
    await assert.rejects(
      ask('vendor.webhook.queue', 'POST', 'http://127.0.0.1:9/'),
      (error: Mistake) => error instanceof Mistake && /there is no outbox here/.test(error.message),
    )
  })

  test('are recorded when agents are rehearsed', async (t) => {
    const effects: Effect[] = []
    const { ask } = await openBroker(t, { rehearse: (effect) => effects.push(effect) })
    assert.equal(await ask('vendor.webhook.queue', 'POST', 'http://127.0.0.1:9/a', 'text'), 'rehearsed1')
    assert.deepEqual(
      effects.map(({ helper, kind, target, arguments: args, answer }) => ({
        helper,
        kind,
        target,
        args,
        answer,
      })),
      [
        {
          helper: 'vendor.webhook.queue',
          kind: 'network',
          target: 'POST 127.0.0.1:9',
          args: [
            { name: 'method', value: '"POST"' },
            { name: 'url', value: '"http://127.0.0.1:9/a"' },
            { name: 'body', value: '"text"' },
          ],
          answer: '"rehearsed1"',
        },
      ],
    )
  })

  test('come from the sandbox as a function of the helper', async (t) => {
    const sink = await sinkOf(t)
    const { broker } = await openBroker(t)
    const source = `console.log(typeof vendor.webhook.queue('POST', '${sink.url}/from-script'), vendor.webhook.queue.name)
      try { vendor.webhook.queue('POST') } catch (error) { console.log(String(error)) }
      try { vendor.webhook.queue('POST', 'nowhere') } catch (error) { console.log(String(error)) }`
    const group = new TestGroup(t, { agents: [testAgent(0, source)] })
    group.answer = (call) => broker.call(call)
    await group.begin()
    assert.deepEqual(group.texts(), [
      'string queue',
      'TypeError: vendor.webhook.queue(method, url, body, headers): url is missing',
      'Error: vendor.webhook(method, url, body?, headers?): url: expected a URL, found "nowhere"',
    ])
    assert.equal(await broker.queued?.outbox?.drained(10_000), 0)
    assert.equal(sink.seen[0]?.path, '/from-script')
  })

  test('of a script that does not look at their ids go together, in order, and before what it waits for', async (t) => {
    const sink = await sinkOf(t)
    const { broker } = await openBroker(t)
    const source = `for (var n = 0; n < 300; n++) vendor.webhook.queue('POST', '${sink.url}/', n)
      vendor.webhook('POST', '${sink.url}/waited')
      vendor.webhook.queue('POST', '${sink.url}/', n)`
    const group = new TestGroup(t, { agents: [testAgent(0, source)], host: QUEUEING })
    let [under, most] = [0, 0]
    group.answer = async (call) => {
      most = Math.max(most, ++under)
      return await broker.call(call).finally(() => under--)
    }
    await group.begin()
    assert.equal(most, 128)
    const numbers = Array.from({ length: 301 }, (_, n) => n)
    assert.deepEqual(
      group.calls.map(({ args, isIgnored = false }) => (isIgnored ? args[2] : args[1])),
      [...numbers.slice(0, 300), `${sink.url}/waited`, 300],
    )
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    assert.deepEqual(
      sink.seen.filter(({ path }) => path === '/').map(({ body }) => Number(body)),
      numbers,
    )
  })

  test('that cannot be kept are told with where they stand, and the script goes on', async (t) => {
    const { broker } = await openBroker(t)
    const source = `function tell(url) {
        vendor.webhook.queue('POST', url)
      }
      tell('nowhere'); tell('http://127.0.0.1:9/'); tell('nowhere'); console.log('on')`
    const group = new TestGroup(t, { agents: [testAgent(0, source)], host: QUEUEING })
    group.answer = (call) => broker.call(call)
    await group.begin()
    assert.deepEqual(
      group.lines.map(({ level, text }) => `${level} ${text}`),
      [
        'log on',
        'error vendor.webhook(method, url, body?, headers?): url: expected a URL, found "nowhere" (agent 0.js:2:24)',
      ],
    )
    assert.equal(broker.queued?.figures()[0]?.queued, 1)
  })

  test('with files stay in order, however long it takes to put those aside', async (t) => {
    const { broker } = await openBroker(t)
    const source = `var account = 'BlobEndpoint=http://127.0.0.1:9/shop;AccountName=shop;AccountKey=c2VjcmV0'
      for (var n = 0; n < 4; n++) file.write('f' + n, n === 0 ? 'x'.repeat(4e6) : 'x')
      for (n = 0; n < 4; n++) vendor.azure.put.queue('traffic', 'f' + n, '', '', account)`
    const group = new TestGroup(t, { agents: [testAgent(0, source)], host: QUEUEING })
    const kept: unknown[] = []
    group.answer = async (call) => {
      const answer = await broker.call(call)
      if (call.isIgnored === true) kept.push(call.args[1])
      return answer
    }
    await group.begin()
    assert.deepEqual(kept, ['f0', 'f1', 'f2', 'f3'])
    assert.equal(broker.queued?.figures()[0]?.queued, 4)
  })
})

const QUEUEING = { ...HOST, ignoredResults: 'queue' } as const

interface BrokerSetup {
  readonly folder?: string
  readonly set?: readonly string[]
  readonly grants?: Config['scripting']['grants']
  readonly without?: boolean
  readonly rehearse?: (effect: Effect) => void
}

async function openBroker(
  t: TestContext,
  { folder, set = [], grants = [], without = false, rehearse }: BrokerSetup = {},
) {
  const place = folder ?? (await tempFolder(t))
  const { config } = configOf({ set: [`scripting.data=${join(place, 'data')}`, ...set] })
  const audited: EffectRecord[] = []
  const warned: string[] = []
  const broker = new HelperBroker({
    config: { ...config, scripting: { ...config.scripting, grants } },
    nodeName: 'n1',
    link: { action() {}, alert() {}, targeted: () => ({ targets: [], excluded: [] }), health: () => ({}) },
    rehearse,
    audit: (record) => audited.push(record),
    outbox: without
      ? undefined
      : {
          folder: join(place, 'outbox'),
          report() {},
          warn: ({ title }, text) => void warned.push(`${title}: ${text}`),
        },
  })
  t.after(() => broker.close())
  const askAs = (agent: Agent, path: string, ...args: readonly unknown[]) =>
    broker.call({ agent, component: 'worker', path, args, nowMs: 0, warn() {} })
  const ask = (path: string, ...args: readonly unknown[]) => askAs(testAgent(0, ''), path, ...args)
  return { ask, askAs, broker, audited, warned }
}

/** Takes requests, and answers with these statuses in turn; 200 after them. */
async function sinkOf(t: TestContext, ...statuses: number[]) {
  return await httpServer(t, (_, reply) => reply.writeHead(statuses.shift() ?? 200).end())
}
