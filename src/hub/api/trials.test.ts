import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { knownProtocols } from '../../dissectors/known.ts'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { FakeHub } from '../../testing/fake-hub.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { trialOutcomeOf } from '../../testing/trial-outcome.ts'
import { fixture, type TrialOrder } from '../../wire/trials.ts'
import { type RunTrial, Trials, type TrialsOptions } from '../trials.ts'

const CODE = '// Tried\nfunction onItemCaptured(data) { vendor.webhook("POST", env.HOOK) }'
const SAMPLE = { kind: 'sample' } as const

/** An interface whose trials are run by `run`, with what each was asked for. */
async function withTrials(t: TestContext, options: Partial<TrialsOptions> = {}) {
  const hub = new FakeHub()
  const folder = await tempFolder(t)
  const sample = join(folder, 'sample.pcap')
  await writeFile(sample, 'packets')
  const orders: TrialOrder[] = []
  const run: RunTrial = options.run ?? (async () => trialOutcomeOf())
  const trials = new Trials({
    agents: { language: 'es5', protocols: knownProtocols },
    entries: (query, signal) => hub.entries(query, signal),
    env: { HOOK: 'https://example.com/secret', OTHER: 'another-secret' },
    standIns: { HOOK: 'https://example.com/[env.HOOK]', OTHER: '[env.OTHER]' },
    sample,
    captureOf: async () => undefined,
    ...options,
    run: (order, signal) => {
      orders.push(order)
      return run(order, signal)
    },
  })
  t.after(() => trials.close())
  const { url } = await startTestApi(t, { ...WITH_TOKENS, control: hub, trials })
  const post = (path: string, body: unknown, token: string = TOKENS.author) =>
    ask(`${url}`, 'POST', `/api/v1${path}`, { token, body })
  return { hub, orders, post, url }
}

describe('trials over the interface', () => {
  test('are for authors', async (t) => {
    const { post, orders } = await withTrials(t)
    for (const role of ['viewer', 'operator'] as const) {
      const { status } = await post('/trials', { code: CODE, source: SAMPLE }, TOKENS[role])
      assert.equal(status, 403)
    }
    assert.deepEqual(orders, [])
  })

  test('run code that is not saved, on the sample, and keep who did in the audit', async (t) => {
    const { post, orders, hub } = await withTrials(t)
    const { status, body } = await post('/trials', { code: CODE, source: SAMPLE })
    assert.equal(status, 200)
    assert.partialDeepStrictEqual(body, { title: 'tried', ended: 'complete' })
    assert.partialDeepStrictEqual(orders, [
      { code: CODE, title: 'Tried', env: { HOOK: 'https://example.com/secret' }, input: { kind: 'capture' } },
    ])
    assert.partialDeepStrictEqual(hub.audited, [{ action: 'agent.try', who: 'the author', outcome: 'done' }])
    assert.deepEqual(await hub.agents(), [])
  })

  test('refuse what cannot be read, with its line, before anything is started', async (t) => {
    const { post, orders } = await withTrials(t)
    const { status, body } = await post('/trials', { code: 'var a\nvar = 1', source: SAMPLE })
    assert.equal(status, 400)
    assert.partialDeepStrictEqual(body, { code: 'E_AGENT_SYNTAX' })
    assert.match((body as { message: string }).message, /:2:5/)
    const missing = await post('/trials', { code: CODE, source: { kind: 'capture', id: 'none' } })
    assert.equal(missing.status, 404)
    assert.deepEqual(orders, [])
  })

  test('are fed with entries that are kept, oldest first', async (t) => {
    const kept: string[][] = []
    const { hub, post } = await withTrials(t, {
      now: () => 10_000,
      run: async ({ input }) => {
        const { readFile } = await import('node:fs/promises')
        kept.push((await readFile(input.path, 'utf8')).trimEnd().split('\n'))
        return trialOutcomeOf()
      },
    })
    for (const timestamp of [1000, 8000, 9000]) hub.see(JSON.stringify({ id: `${timestamp}`, timestamp }))
    const recent = (seconds: number) =>
      post('/trials', { code: CODE, source: { kind: 'recent', seconds, filter: '' } })
    assert.equal((await recent(60)).status, 200)
    const [entries = []] = kept
    assert.deepEqual(
      entries.map((line) => JSON.parse(line).id),
      ['1000', '8000', '9000'],
    )
  })

  test('are one at a time for each person, and few at all', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { post } = await withTrials(t, {
      run: async () => {
        await gate.promise
        return trialOutcomeOf()
      },
    })
    const first = post('/trials', { code: CODE, source: SAMPLE })
    const started = await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 200))])
    assert.equal(started, undefined)
    const second = await post('/trials', { code: CODE, source: SAMPLE })
    assert.equal(second.status, 429)
    assert.partialDeepStrictEqual(second.body, { code: 'E_BUSY' })
    gate.resolve()
    assert.equal((await first).status, 200)
    assert.equal((await post('/trials', { code: CODE, source: SAMPLE })).status, 200)
  })

  test('become tests, without secrets, for who has run them', async (t) => {
    const { post, orders } = await withTrials(t)
    const { body } = await post('/trials', { code: CODE, source: SAMPLE })
    const { id } = body as { id: string }
    assert.equal((await post(`/trials/${id}/fixture`, undefined, TOKENS.admin)).status, 404)
    const made = await post(`/trials/${id}/fixture`, undefined)
    assert.equal(made.status, 200)
    assert.match(String(made.headers['content-disposition']), /filename="tried\.test\.json"/)
    const read = fixture.parse(made.body)
    assert.deepEqual(read.env, { HOOK: 'https://example.com/[env.HOOK]' })
    assert.deepEqual(read.input, {
      kind: 'capture',
      name: 'sample.pcap',
      base64: Buffer.from('packets').toString('base64'),
    })
    assert.doesNotMatch(made.text, /secret/)
    // What it expects is what comes with the stand-ins.
    assert.deepEqual(orders[1]?.env, read.env)
    assert.equal((await post('/trials/none/fixture', undefined)).status, 404)
  })
})
