import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { describeFailures } from '../../testing/describe-failures.ts'
import { fakeHost } from '../../testing/helper-host.ts'
import { httpServer } from '../../testing/http-server.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { Refusal, retryOf } from '../answer.ts'
import { openDataFolder } from '../data-folder.ts'
import { dispatch } from '../dispatch.ts'
import { openEgress } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import { namespaces } from '../index.ts'
import { Rehearsal } from '../rehearsal.ts'

/** The body of POST /chat/completions as OpenAI publishes it, as far as we send any of it. */
const published = z.strictObject({
  model: z.string().min(1),
  messages: z
    .array(
      z.strictObject({ role: z.enum(['developer', 'system', 'user', 'assistant']), content: z.string() }),
    )
    .min(1),
  max_completion_tokens: z.int().positive().optional(),
  /** Deprecated there; what servers of other makers know. */
  max_tokens: z.int().positive().optional(),
  temperature: z.number().min(0).max(2).optional(),
})

const ANSWER = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_767_225_600,
  model: 'gpt-4o-mini',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'I am a teapot.', refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 },
}

interface Reply {
  readonly status?: number
  readonly body?: unknown
}

/** A server that takes nothing but what is published, and a host that may reach it. */
async function open(
  t: TestContext,
  { status = 200, body = ANSWER }: Reply = {},
  more: Partial<HelperHost> = {},
) {
  const server = await httpServer(t, (seen, response) => {
    const wrong = problemOf(seen)
    const json = { 'content-type': 'application/json' }
    if (wrong === undefined) response.writeHead(status, json).end(JSON.stringify(body))
    else
      response
        .writeHead(400, json)
        .end(JSON.stringify({ error: { message: wrong, type: 'invalid_request_error' } }))
  })
  const egress = openEgress()
  t.after(() => egress.close())
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    request: (options) => egress.request(options),
    env: { OPENAI_BASE_URL: `${server.url}/v1` },
    ...more,
  })
  const call = (path: string, ...args: unknown[]) => dispatch(namespaces, path, args, host)
  return { call, server, host, endpoint: `${server.url}/v1` }
}

function problemOf({
  method,
  path,
  headers,
  body,
}: {
  method: string
  path: string
  headers: object
  body: string
}) {
  if (method !== 'POST' || path !== '/v1/chat/completions') return `${method} ${path}`
  const read = published.safeParse(JSON.parse(body))
  if (!read.success) return z.prettifyError(read.error)
  const strange = Object.keys(headers).filter((name) => name.startsWith('x-stainless'))
  return strange.length > 0 ? `tells of this machine: ${strange}` : undefined
}

const bodyOf = ({ server }: Awaited<ReturnType<typeof open>>) => JSON.parse(server.seen.at(-1)?.body ?? '')

describe('chatgpt.prompt', () => {
  test('says so when what env names is no address', async (t) => {
    for (const url of ['api.openai.com/v1', 'ftp://api.openai.com', 'https://']) {
      const { call } = await open(t, {}, { env: { OPENAI_BASE_URL: url } })
      await assert.rejects(call('chatgpt.prompt', 'sk-planted', 'x'), {
        code: 'E_HELPER_ARGUMENT',
        message: 'chatgpt.prompt: env.OPENAI_BASE_URL is no http address',
      })
    }
  })

  test('asks as is published, and returns the text of the answer', async (t) => {
    const opened = await open(t)
    assert.equal(await opened.call('chatgpt.prompt', 'sk-planted', 'What is 418?'), 'I am a teapot.')
    assert.equal(opened.server.seen[0]?.headers.authorization, 'Bearer sk-planted')
    assert.deepEqual(bodyOf(opened), {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'What is 418?' }],
      max_tokens: 1024,
    })
    await opened.call('chatgpt.prompt', 'sk-planted', 'What is 418?', 50)
    assert.equal(bodyOf(opened).max_tokens, 50)
  })

  test('goes to OpenAI, with what its new models take, unless env says otherwise', async (t) => {
    const sent: { url: string; body: string }[] = []
    const { call } = await open(
      t,
      {},
      {
        env: { OPENAI_MODEL: 'o9' },
        request: async ({ url, body }) => {
          sent.push({ url, body: String(body) })
          return {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(ANSWER),
          }
        },
      },
    )
    await call('chatgpt.prompt', 'k', 'Hi', 9)
    assert.equal(sent[0]?.url, 'https://api.openai.com/v1/chat/completions')
    const body = published.parse(JSON.parse(sent[0]?.body ?? ''))
    assert.deepEqual(body, {
      model: 'o9',
      messages: [{ role: 'user', content: 'Hi' }],
      max_completion_tokens: 9,
    })
  })

  test('is refused without a key, without text, and where models are not to be asked', async (t) => {
    const { call } = await open(t)
    await assert.rejects(call('chatgpt.prompt'), { code: 'E_HELPER_ARGUMENT', message: /apiKey: is missing/ })
    await assert.rejects(call('chatgpt.prompt', '', 'Hi'), { code: 'E_HELPER_ARGUMENT' })
    await assert.rejects(call('chatgpt.prompt', 'k', ''), { code: 'E_HELPER_ARGUMENT' })
    const off = await open(t, {}, { aiAssistantEnabled: false })
    await assert.rejects(off.call('chatgpt.prompt', 'k', 'Hi'), {
      code: 'E_HELPER_REFUSED',
      message: 'chatgpt.prompt: no models are asked here',
    })
    assert.equal(off.server.seen.length, 0)
  })

  test('stays inside where public addresses are off', async (t) => {
    const egress = openEgress({ internetConnectivity: false })
    t.after(() => egress.close())
    const { call } = await open(
      t,
      {},
      {
        env: { OPENAI_BASE_URL: 'http://203.0.113.9/v1' },
        request: (options) => egress.request(options),
      },
    )
    await assert.rejects(call('chatgpt.prompt', 'k', 'Hi'), {
      code: 'E_HELPER_REFUSED',
      message: /address is forbidden/,
    })
  })
})

describe('llm.prompt', () => {
  test('asks any server, with or without a key', async (t) => {
    const opened = await open(t)
    const { call, endpoint, server } = opened
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]
    const request = { endpoint, model: 'llama3.2', messages, maxTokens: 7, temperature: 0.5, timeoutMs: 5000 }
    assert.equal(await call('llm.prompt', request), 'I am a teapot.')
    assert.equal(server.seen[0]?.headers.authorization, undefined)
    assert.deepEqual(bodyOf(opened), { model: 'llama3.2', messages, max_tokens: 7, temperature: 0.5 })
    await call('llm.prompt', {
      endpoint: `${endpoint}/chat/completions`,
      model: 'm',
      prompt: 'Hi',
      apiKey: 'k',
    })
    assert.equal(server.seen[1]?.headers.authorization, 'Bearer k')
    assert.deepEqual(bodyOf(opened).messages, [{ role: 'user', content: 'Hi' }])
    await call('llm.prompt', { endpoint: `${endpoint}/`, model: 'm', prompt: 'Hi', apiKey: '' })
    assert.equal(server.seen[2]?.headers.authorization, undefined)
  })

  test('says what is wrong with a request', async (t) => {
    const { call, endpoint } = await open(t)
    const refused = (request: object, message: RegExp) =>
      assert.rejects(call('llm.prompt', request), { code: 'E_HELPER_ARGUMENT', message })
    await refused({ model: 'm', prompt: 'Hi' }, /endpoint/)
    await refused({ endpoint, prompt: 'Hi' }, /model/)
    await refused({ endpoint, model: 'm' }, /either messages or prompt/)
    await refused({ endpoint, model: 'm', prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, /either/)
    await refused({ endpoint, model: 'm', messages: [{ role: 'boss', content: 'b' }] }, /role/)
    await refused({ endpoint, model: 'm', prompt: 'a', temperature: 3 }, /temperature/)
    await refused({ endpoint, model: 'm', prompt: 'a', max_tokens: 3 }, /max_tokens/)
  })

  test('tells refusals of the model, answers without text, and accounts without credit', async (t) => {
    const failing = async (reply: Reply) => {
      const { call, endpoint } = await open(t, reply)
      try {
        await call('llm.prompt', { endpoint, model: 'm', prompt: 'a', apiKey: 'planted-key' })
      } catch (error) {
        assert.ok(error instanceof Error && !error.message.includes('planted-key'), String(error))
        return error
      }
      throw new Error('it did not fail')
    }
    const choice = (message: object, finish_reason = 'stop') => ({
      body: { ...ANSWER, choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] },
    })
    const refusal = await failing(choice({ content: null, refusal: 'I will not.' }))
    assert.match(refusal.message, /the model of 127\.0\.0\.1:\d+ refuses: I will not\.$/)
    assert.equal(retryOf(refusal).when, 'never')
    assert.match((await failing(choice({ content: '' }, 'length'))).message, /maxTokens were used up/)
    assert.match((await failing({ body: {} })).message, /has no answer in it/)
    const poor = await failing({
      status: 429,
      body: { error: { message: 'No credit for planted-key', code: 'insufficient_quota' } },
    })
    assert.ok(poor instanceof Refusal)
    assert.match(poor.message, /answered 429: No credit for \[key\]$/)
    assert.equal(poor.retry.when, 'never')
    assert.match(
      (await failing({ status: 404, body: { error: 'model "m" not found' } })).message,
      /404: model "m" not/,
    )
  })

  test('waits for a model that thinks for longer than others may take', async (t) => {
    const server = await httpServer(t, (_, response) => {
      const answer = () =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ANSWER))
      setTimeout(answer, 2000)
    })
    const egress = openEgress({ timeoutMs: 300, totalMs: 300 })
    t.after(() => egress.close())
    const { call } = await open(t, {}, { request: (options) => egress.request(options) })
    const request = { endpoint: server.url, model: 'm', prompt: 'Hi', timeoutMs: 30_000 }
    assert.equal(await call('llm.prompt', request), 'I am a teapot.')
  })

  test('rehearses: nothing is sent, and there is an answer', async (t) => {
    const { host, endpoint, server } = await open(t)
    const effects: unknown[] = []
    const rehearsal = new Rehearsal({
      namespaces,
      env: { KEY: 'planted-key' },
      tell: (effect) => effects.push(effect),
      check: () => {},
    })
    const args = [{ endpoint, model: 'm', prompt: 'Hi', apiKey: 'planted-key' }]
    assert.match(
      String(await rehearsal.dispatch({ path: 'llm.prompt', args }, host)),
      /what the model would answer/,
    )
    assert.equal(server.seen.length, 0)
    assert.partialDeepStrictEqual(effects, [{ helper: 'llm.prompt', kind: 'network' }])
    assert.ok(!JSON.stringify(effects).includes('planted-key'))
  })
})

describeFailures({
  name: 'llm.prompt',
  async call(t, { url, secret, network }) {
    const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), network)
    const request = { endpoint: `${url}/v1`, model: 'm', prompt: 'Hi', apiKey: secret, timeoutMs: 500 }
    return await dispatch(namespaces, 'llm.prompt', [request], host)
  },
  unauthorized: {
    status: 401,
    body: '{"error":{"message":"Incorrect API key provided: planted-5e2c9a","code":"invalid_api_key"}}',
  },
  malformed: '{"choices":',
})

/** https://github.com/cjhutto/vaderSentiment#output-for-the-above-example-code: neg, neu, pos and compound. */
const VADER: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'VADER is smart, handsome, and funny.': [0, 0.254, 0.746, 0.8316],
  'VADER is smart, handsome, and funny!': [0, 0.248, 0.752, 0.8439],
  'VADER is very smart, handsome, and funny.': [0, 0.299, 0.701, 0.8545],
  'VADER is VERY SMART, handsome, and FUNNY.': [0, 0.246, 0.754, 0.9227],
  'VADER is VERY SMART, handsome, and FUNNY!!!': [0, 0.233, 0.767, 0.9342],
  'VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!': [0, 0.294, 0.706, 0.9469],
  'VADER is not smart, handsome, nor funny.': [0.646, 0.354, 0, -0.7424],
  'The book was good.': [0, 0.508, 0.492, 0.4404],
  "At least it isn't a horrible book.": [0, 0.637, 0.363, 0.431],
  'The book was only kind of good.': [0, 0.697, 0.303, 0.3832],
  'The plot was good, but the characters are uncompelling and the dialog is not great.': [
    0.327, 0.579, 0.094, -0.7042,
  ],
  'Today SUX!': [0.779, 0.221, 0, -0.5461],
  'Make sure you :) or :D today!': [0, 0.294, 0.706, 0.8633],
}

describe('chatgpt.sentiment', () => {
  test('scores as is published', async (t) => {
    const { call } = await open(t)
    for (const [text, [neg, neu, pos, compound]] of Object.entries(VADER))
      assert.deepEqual(await call('chatgpt.sentiment', text), { neg, neu, pos, compound }, text)
    assert.deepEqual(await call('chatgpt.sentiment', ''), { neg: 0, neu: 0, pos: 0, compound: 0 })
  })

  test('refuses texts that are too long', async (t) => {
    const { call } = await open(t)
    await assert.rejects(call('chatgpt.sentiment', 'good '.repeat(20_001)), { code: 'E_HELPER_ARGUMENT' })
  })
})
