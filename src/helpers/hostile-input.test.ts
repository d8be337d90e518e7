import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { PartlyFailed } from './answer.ts'
import { openDataFolder } from './data-folder.ts'
import { allHelpers, dispatch } from './dispatch.ts'
import type { BrokerHelper, HelperHost } from './helper.ts'
import { namespaces } from './index.ts'
import { deliver, prepareCall } from './queued.ts'

const URLS = ['http://h.example/x', 'https://u:p@h.example:1/%zz?q=1#f', 'http://[::1]:8086']
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    ...['', ' ', 'a\r\nb: c', '\0', '..', '/etc/passwd', '__proto__', 'a'.repeat(9000), '{"a":1}', 'null'],
  ),
  fc.constantFrom(
    ...['eu-west-1', '-1', 'POST', 'a.txt', 'a@b.c', 'traffic', '2026-13-01T00:00:00Z', ...URLS],
  ),
)
const number = fc.constantFrom(0, -1, 1.5, 1e300, 5e-324, 1_767_225_600_123)
const leaf: fc.Arbitrary<unknown> = fc.oneof(text, number, fc.constantFrom(null, true, false))
const value = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(text, leaf, { noNullPrototype: true }),
)

/** By name: what helpers mostly get there, so that they come to what is behind their checks. */
const USUAL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  ...{
    url: fc.constantFrom(...URLS),
    webhookUrl: fc.constantFrom(...URLS),
    path: fc.constantFrom('a.txt', 'none'),
  },
  ...{ bucket: fc.constantFrom('traffic', 'my.traffic'), containerName: fc.constant('traffic') },
  ...{
    region: fc.constantFrom('eu-west-1', '-1'),
    awsRegion: fc.constant('eu-west-1'),
    streamName: fc.constant('s'),
  },
  ...{ method: fc.constantFrom('POST', 'get'), index: fc.constant('logs'), tag: fc.constant('AP0') },
  ...{ accountName: fc.constant('shop'), accountKey: fc.constantFrom('', 'c2VjcmV0', '%'), value: number },
  labels: fc.dictionary(fc.constantFrom('a', 'b'), value, { minKeys: 1, noNullPrototype: true }),
  options: fc.record(
    {
      endpoint: fc.constantFrom('http://h.example', 'https://h.example:4317/x'),
      ...{
        protocol: fc.constantFrom('grpc', 'http/json'),
        attributes: fc.dictionary(text, value),
        time: number,
      },
      ...{
        traceparent: text,
        tracestate: text,
        start: number,
        duration: number,
        bounds: fc.constant([0, 1]),
      },
      ...{ type: fc.constantFrom('counter', 'histogram'), tenant: text, headers: fc.dictionary(text, text) },
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  message: fc.record({
    server: fc.constant('h.example:25'),
    from: fc.constant('a@b.c'),
    to: text,
    subject: text,
    text,
  }),
  request: fc.record({
    endpoint: fc.constant('http://h.example/v1'),
    model: text,
    prompt: text,
    apiKey: text,
  }),
}

const reply = fc.record({
  status: fc.constantFrom(200, 204, 307, 400, 401, 404, 409, 429, 500),
  headers: fc.constantFrom<HelperReply['headers']>(
    {},
    { 'content-type': 'application/x-protobuf' },
    { etag: '"1"', date: 'x', 'retry-after': '-1', location: '\0', 'x-influxdb-version': '1.8' },
  ),
  body: fc.oneof(
    text,
    fc.json(),
    fc.constantFrom('{"ok":true}', '<Error><Code>A</Code></Error>', '{"items":[]}'),
  ),
})
type HelperReply = Awaited<ReturnType<HelperHost['request']>>

/** What it throws that is no Mistake, and so is a bug of ours. */
async function bugOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    if (error instanceof PartlyFailed)
      return [...error.failures.values()].find((each) => !(each instanceof Mistake))
    return error instanceof Mistake ? undefined : error
  }
}

describe('whatever scripts say and others answer, what helpers throw is a Mistake', () => {
  for (const [path, helper] of allHelpers(namespaces)) {
    // Those that connect by themselves would wait here, and `file.delete` would take away what others read.
    if (helper.where === 'sandbox' || /^(vendor\.(kafka|nats)\.|file\.delete)/.test(path)) continue
    test(path, async (t) => {
      const files = await openDataFolder(await tempFolder(t), 1 << 24)
      writeFileSync(join(files.root, 'a.txt'), 'text')
      const given = Object.keys(helper.params).map((name) =>
        fc.oneof({ weight: 9, arbitrary: USUAL[name] ?? value }, { weight: 1, arbitrary: value }),
      )
      const replies = fc.array(reply, { minLength: 1, maxLength: 4 })
      await fc.assert(
        fc.asyncProperty(fc.tuple(...given), replies, async (args, answers) => {
          const host = hostFor(files, answers)
          // As it crosses the bridge.
          await tryAll(path, helper, JSON.parse(JSON.stringify(args)), host)
        }),
        { numRuns: 60, seed: 7 },
      )
    })
  }
})

function hostFor(files: HelperHost['files'], answers: readonly Omit<HelperReply, 'bytes'>[]): HelperHost {
  const nowhere = () => Promise.reject(new Mistake('E_HELPER_FAILED', 'nobody is there'))
  let asked = 0
  return fakeHost(files, {
    env: { ...ENDPOINTS, OPENAI_BASE_URL: 'http://h.example/v1' },
    async request({ url, body }) {
      new URL(url)
      if (typeof body === 'object' && 'destroy' in body) body.destroy()
      const answer = answers[asked++ % answers.length]
      if (asked > MOST_REQUESTS || answer === undefined) return await nowhere()
      return { ...answer, bytes: Buffer.from(answer.body) }
    },
    ...{ connect: nowhere, addressOf: nowhere, queue: async () => 'id' },
    reports: { write: async () => ({ id: 'r', version: 1, bytes: 1 }) },
    alerts: { raise: async () => 'id', close: async () => {} },
  })
}

const ENDPOINTS = { AWS_ENDPOINT_URL: 'http://h.example', STORAGE_EMULATOR_HOST: 'h.example' }
/** Pages of lists may go on for ever. */
const MOST_REQUESTS = 20

async function tryAll(path: string, helper: BrokerHelper, args: unknown[], host: HelperHost): Promise<void> {
  for (const how of ['run', 'rehearsed'] as const) {
    const permit = (_: unknown, read: Parameters<BrokerHelper['run']>[0]) => void helper.target?.(read, host)
    assert.equal(await bugOf(() => dispatch(namespaces, path, args, host, { how, permit })), undefined)
  }
  if (helper.queued === undefined) return
  const bug = await bugOf(async () => {
    const prepared = await prepareCall(namespaces, path, args, host, () => {})
    const calls = ['1', '2'].map((id) => ({ id, at: 1_767_225_600_123, args: () => prepared.args }))
    try {
      await deliver(namespaces, { path, calls }, host, () => {})
    } finally {
      await prepared.undo()
    }
  })
  assert.equal(bug, undefined)
}
