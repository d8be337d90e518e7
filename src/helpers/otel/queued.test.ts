import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { HelperBroker } from '../../agent/broker.ts'
import { configOf } from '../../cli/options.ts'
import { testAgent } from '../../testing/group.ts'
import { otlpReceiver } from '../../testing/otlp-receiver.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import type { Effect } from '../../wire/trials.ts'

const AT = 1_767_225_600_000

async function openBroker(t: TestContext, set: readonly string[], rehearse?: (effect: Effect) => void) {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`, ...set] })
  const broker = new HelperBroker({
    config,
    nodeName: 'n1',
    link: { action() {}, alert() {}, targeted: () => ({ targets: [], excluded: [] }), health: () => ({}) },
    rehearse,
    outbox: { folder: join(folder, 'outbox'), report() {} },
  })
  t.after(() => broker.close())
  const ask = (path: string, ...args: readonly unknown[]) =>
    broker.call({ agent: testAgent(0, ''), component: 'worker', path, args, nowMs: AT, warn() {} })
  return { ask, broker }
}

describe('telemetry by way of the outbox', () => {
  test('arrives many at once, each once, and counts right', async (t) => {
    const receiver = await otlpReceiver(t)
    const { ask, broker } = await openBroker(t, [`scripting.otel.endpoint=${receiver.http}`])
    for (let at = 0; at < 60; at++) {
      const entry = { id: `e${at}`, protocol: { name: 'dns' }, timestamp: AT + at }
      await ask('otel.spanFromEntry.queue', entry)
      await ask('otel.metric.queue', 'seen', 1, { type: 'counter' })
      await ask('otel.log.queue', `line ${at}`)
    }
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    assert.deepEqual(receiver.complaints, [])
    const ids = receiver.items('traces').map(({ attributes }) => attributes['remora.entry.id'])
    assert.deepEqual(
      ids,
      Array.from({ length: 60 }, (_, at) => `e${at}`),
    )
    assert.equal(receiver.items('logs').length, 60)
    const last = receiver.items('metrics').at(-1)?.item.sum as { dataPoints: { asDouble: number }[] }
    assert.equal(last.dataPoints[0]?.asDouble, 60)
    assert.ok(receiver.requests.length < 120, `${receiver.requests.length} requests for 180 calls`)
  })

  test('is tried again while the receiver is not there, and given up when it is refused', async (t) => {
    const refusing = await otlpReceiver(t, { grpc: { code: 16, message: 'who are you' } })
    const { ask, broker } = await openBroker(t, ['scripting.otel.protocol=grpc'])
    await ask('otel.log.queue', 'x', { endpoint: refusing.grpc })
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    const [dead] = broker.queued?.outbox?.dead(10) ?? []
    assert.match(dead?.reason ?? '', /otel\.log: 127\.0\.0\.1:\d+ answered UNAUTHENTICATED: who are you/)
  })
})

describe('telemetry that is only rehearsed', () => {
  for (const protocol of ['http/protobuf', 'grpc'])
    test(`is shown as JSON and without keys, also what would go over ${protocol}`, async (t) => {
      const receiver = await otlpReceiver(t)
      const effects: Effect[] = []
      const { ask } = await openBroker(
        t,
        [
          `scripting.otel.endpoint=${protocol === 'grpc' ? receiver.grpc : receiver.http}`,
          `scripting.otel.protocol=${protocol}`,
          'scripting.otel.headers.x-team=planted-5e2c9a',
        ],
        (effect) => effects.push(effect),
      )
      await ask('otel.span', 'checkout', { attributes: { shop: 'eu' } })
      const [effect] = effects
      assert.match(effect?.sent?.body ?? '', /"name":"checkout".*"stringValue":"eu"/)
      assert.ok(!JSON.stringify(effects).includes('planted'))
      assert.deepEqual(receiver.requests, [])
    })
})
