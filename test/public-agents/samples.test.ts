import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { load, outcomeOf, said, sent, states } from './outcome.ts'

/** What the documentation of Kubeshark shows in use, a helper each. */
describe('samples of the documentation', { concurrency: 2 }, () => {
  test('sentiment.js: fields of an entry may be deleted before it is used', async () => {
    const lines = said(await load('samples/sentiment.js'))
    assert.equal(lines.length, 11)
    assert.deepEqual([...new Set(lines)].slice(0, 3), [
      'w1: /health good false ["neg","neu","pos","compound"]',
      'w1: /users/1 good false ["neg","neu","pos","compound"]',
      'w1: /orders bad false ["neg","neu","pos","compound"]',
    ])
  })

  test('prompt.js: asks for each failed call, without what was deleted, and shows no key', async () => {
    const outcome = await load('samples/prompt.js', { env: { OPENAI_API_KEY: 'sk-planted' } })
    const asked = sent(outcome, 'chatgpt.prompt')
    assert.equal(asked.length, 2)
    assert.equal(asked[0]?.maxTokens, '64')
    assert.doesNotMatch(JSON.stringify(outcome), /sk-planted/)
    assert.match(outcome.effects[0]?.sent?.body ?? '', /Why does this fail/)
  })

  test('prompt.js, where models are not to be asked: is told so', async () => {
    const outcome = await load('samples/prompt.js', {
      env: { OPENAI_API_KEY: 'sk-planted' },
      set: ['aiAssistantEnabled=false'],
    })
    assert.deepEqual(
      [...new Set(said(outcome))],
      ['w1 error: Error: chatgpt.prompt: no models are asked here'],
    )
  })

  test('aggregation.js: lines go to the log of the component, not to the console', async () => {
    const outcome = await load('samples/aggregation.js')
    assert.deepEqual(said(outcome), ['w1: written', 'hub: written'])
    assert.deepEqual(states(outcome), ['ok', 'ok'])
  })

  test('kfl_pcap_s3.js: a set for each filter, uploaded when its time has come', async () => {
    const outcome = await load('samples/kfl_pcap_s3.js')
    const puts = outcome.effects.map(({ target }) => /\/(kfl_\d)_kubeshark_\d+\.tar\.gz$/.exec(target)?.[1])
    assert.deepEqual(
      puts.filter((name) => name !== undefined),
      ['kfl_0', 'kfl_1', 'kfl_0', 'kfl_1'],
    )
    assert.deepEqual(said(outcome, 'w1 error'), [])
  })

  test('redact.js: bodies as bytes, and as text again for people', async () => {
    const outcome = await load('samples/redact.js', { entries: true })
    const http = outcome.entries.filter(
      ({ protocol, request }) => protocol.name === 'http' && request !== null,
    )
    assert.equal(http.length, 11)
    for (const { request, response } of http) {
      assert.equal(request?.headers?.['User-Agent'], '[redacted]')
      if (response !== null) assert.equal(response.content?.text, '{"status":"[redacted]"}')
    }
    assert.deepEqual([...new Set(said(outcome))], ['w1: redacted User-Agent'])
    // What it leaves as it is stays as it was.
    const idle = await outcomeOf(['samples/redact.js'], {
      entries: true,
      edit: (code) =>
        code.replace('["status"]', '[]').replace('JSON.stringify(body)', 'data.response.content.text'),
    })
    const texts = idle.entries
      .map(({ response }) => response?.content?.text)
      .filter((text) => text !== undefined)
    assert.ok(texts.includes('{"status":404}'), texts.join())
  })

  test('health.js: the state of a worker, and of the hub in its shape', async () => {
    const lines = said(await load('samples/health.js'))
    assert.deepEqual([...new Set(lines)], ['w1: w1 true true', 'hub: hub true true'])
  })
})
