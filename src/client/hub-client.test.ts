import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { startTestApi, TOKENS, WITH_TOKENS } from '../testing/api.ts'
import type { FakeHub } from '../testing/fake-hub.ts'
import { freePort } from '../testing/ports.ts'
import { Relay } from '../testing/relay.ts'
import { until } from '../testing/until.ts'
import type { HubClient } from './hub-client.ts'
import { openHubClient } from './open-hub-client.ts'

const QUICK = { firstMs: 5, mostMs: 20 }

function open(t: TestContext, url: string, token?: string): HubClient {
  const client = openHubClient({ url, token }, QUICK)
  t.after(() => client.close())
  return client
}

/** Takes what comes until the test is over. */
function collect<T>(t: TestContext, follow: (log: Log, signal: AbortSignal) => AsyncIterable<T>) {
  const values: T[] = []
  const log = new Log()
  const end = new AbortController()
  t.after(() => end.abort())
  const done = (async () => {
    for await (const value of follow(log, end.signal)) values.push(value)
  })()
  done.catch(() => {})
  return { values, log, end, done }
}

class Log {
  readonly said: string[] = []
  lost(): void {
    this.said.push('lost')
  }
  restored(): void {
    this.said.push('restored')
  }
}

describe('requests', () => {
  test('do with agents what the hub can', async (t) => {
    const { url, hub } = await startTestApi(t)
    const client = open(t, url)
    const { id } = await client.createAgent({ code: '// Hello\nvar a = 1' })
    assert.deepEqual(await client.agents(), await hub.agents())
    const changed = await client.updateAgent('Hello', { code: '// Hello\nvar a = 2', ifVersion: 1 })
    assert.equal(changed.version, 2)
    assert.deepEqual(await client.agent('0'), changed)
    assert.deepEqual(await client.history(id), await hub.history(id))
    const back = await client.rollback(id, 1)
    assert.equal(back.code, '// Hello\nvar a = 1')
    await assert.rejects(client.deleteAgent(id, 1), { name: 'Mistake', code: 'E_CONFLICT' })
    await client.deleteAgent(id, 3)
    await assert.rejects(client.agent(id), { code: 'E_NOT_FOUND', hint: /identity/ })
    await assert.rejects(client.createAgent({ code: 'var = 1' }), {
      code: 'E_AGENT_SYNTAX',
      message: /:1:5:/,
    })
  })

  test('name agents whatever letters they have', async (t) => {
    const { url } = await startTestApi(t)
    const client = open(t, url)
    for (const title of ['a/b', '..', '.', '100 %', 'ä ö', '?q=1#2', '%2e%2e', ' ']) {
      const made = await client.createAgent({ code: 'var a', title })
      assert.deepEqual(await client.agent(title), made, title)
    }
  })

  test('ask all else there is', async (t) => {
    const { url, hub } = await startTestApi(t, WITH_TOKENS)
    const client = open(t, url, TOKENS.viewer)
    const line = hub.print({ text: 'x' })
    hub.print({ text: 'y' })
    hub.titles.push('A')
    hub.see('{"id": "x/y-1"}', '{"id":"x/y-2","text":"\\n\\"entries\\":["}')
    assert.deepEqual(await client.console({ text: 'X' }), [line])
    assert.deepEqual(await client.nodes(), [])
    assert.deepEqual(await client.activeTitles(), ['A'])
    assert.deepEqual(await client.jobs({ order: 'list', selector: {} }), [])
    assert.equal((await client.status()).version, '1.2.3')
    const page = await client.entries({ filter: '', limit: 1 })
    assert.deepEqual(page, { entries: [hub.kept[1]], cursor: '1', scanned: 2, missing: [] })
    const rest = await client.entries({ filter: '', limit: 10, cursor: page.cursor ?? '' })
    assert.deepEqual(rest.entries, ['{"id": "x/y-1"}'])
    await assert.rejects(client.jobs({ order: 'run', selector: {} }), { code: 'E_FORBIDDEN' })
    await assert.rejects(client.audits(10), { code: 'E_FORBIDDEN' })
    const [audit] = await open(t, url, TOKENS.admin).audits(1)
    assert.equal(audit?.outcome, 'refused')
  })

  test('say who is not there, and what to do', async (t) => {
    const url = `http://127.0.0.1:${await freePort()}`
    await assert.rejects(open(t, url).agents(), {
      name: 'Mistake',
      code: 'E_HUB_UNREACHABLE',
      message: new RegExp(`the hub at ${url} cannot be reached: .*ECONNREFUSED`),
      hint: /remora tap.*--hub-url.*REMORA_TOKEN/,
    })
    const following = collect(t, (log, signal) => open(t, url).followConsole({}, log, signal))
    await assert.rejects(following.done, { code: 'E_HUB_UNREACHABLE' })
    assert.throws(() => openHubClient({ url: 'ftp://x', token: undefined }), { code: 'E_USAGE' })
    assert.throws(() => openHubClient({ url: 'hub', token: undefined }), { code: 'E_USAGE' })
    const tls = { ca: '/nowhere/ca.pem' }
    assert.throws(() => openHubClient({ url, token: undefined, tls }), {
      code: 'E_USAGE',
      message: /nowhere/,
    })
  })

  test('say that a token is missing, wrong or not enough', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    await assert.rejects(open(t, url).agents(), { code: 'E_UNAUTHENTICATED', message: /missing/ })
    const wrong = open(t, url, 'wrong-wrong-wrong')
    await assert.rejects(wrong.agents(), { code: 'E_UNAUTHENTICATED', message: /not known/ })
    await assert.rejects(collect(t, (log, signal) => wrong.live('', log, signal)).done, {
      code: 'E_UNAUTHENTICATED',
    })
  })

  test('tell a failure of the hub from a mistake', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.failure = new Error('broken')
    await assert.rejects(open(t, url).agents(), { name: 'Error', message: /the hub has failed.*log/ })
  })

  test('tell what is no hub', async (t) => {
    const pages = ['<html>', '{"hello":1}', '{"entries":7}', '']
    for (const page of pages) {
      const url = await serve(t, (response) => response.end(page))
      await assert.rejects(open(t, url).agents(), { code: 'E_HUB_UNREACHABLE', message: /not a hub/ })
      await assert.rejects(open(t, url).entries({ filter: '', limit: 1 }), { code: 'E_HUB_UNREACHABLE' })
    }
    const url = await serve(t, (response) => response.writeHead(502).end('<html>'))
    await assert.rejects(open(t, url).agents(), { code: 'E_HUB_UNREACHABLE', message: /not a hub/ })
    const following = collect(t, (log, signal) => open(t, url).followAgents(log, signal))
    await assert.rejects(following.done, { code: 'E_HUB_UNREACHABLE', message: /502/ })
  })

  test('tell a hub that takes no more clients', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => socket.close(1013, 'too many'))
    await once(server, 'listening')
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const following = collect(t, (log, signal) => open(t, url).followAgents(log, signal))
    await assert.rejects(following.done, {
      code: 'E_HUB_UNREACHABLE',
      message: /closed the connection \(1013 too many\)/,
    })
  })

  test('make no entries where traffic is captured', async (t) => {
    const seen: unknown[] = []
    const url = await serve(t, (response, headers) => {
      seen.push(headers['x-kubeshark-capture'])
      response.writeHead(500).end()
    })
    await assert.rejects(open(t, url).agents())
    await assert.rejects(collect(t, (log, signal) => open(t, url).followAgents(log, signal)).done)
    assert.deepEqual(seen, ['ignore', 'ignore'])
  })
})

describe('what comes', () => {
  test('console lines come once each, however often the connection breaks', async (t) => {
    const { url, hub } = await startTestApi(t)
    const relay = await Relay.to(t, url)
    hub.print({ text: 'long ago', at: 1000 })
    hub.print({ text: 'before' })
    const client = open(t, relay.url)
    const { values, log } = collect(t, (events, signal) => client.followConsole({ last: 1 }, events, signal))
    await until(() => values.length === 1, 'the line before')
    const texts = ['before']
    for (let outage = 0; outage < 5; outage++) {
      for (const when of ['just before', 'during', 'late, during']) {
        // Clocks of nodes are not that of the hub, and lines of one that was cut off come later.
        const at = Date.now() + (when === 'late, during' ? -20_000 : 1500)
        hub.print({ text: `${when} ${outage}`, at })
        texts.push(`${when} ${outage}`)
        if (when === 'just before') relay.cut()
      }
      await until(() => log.said.filter((word) => word === 'lost').length === outage + 1, 'a loss')
      relay.mend()
      await until(() => values.length === texts.length, `line ${texts.length}`)
      hub.print({ text: `after ${outage}` })
      texts.push(`after ${outage}`)
      await until(() => values.length === texts.length, `line ${texts.length}`)
    }
    assert.deepEqual(values.map(({ text }) => text).toSorted(), texts.toSorted())
    assert.deepEqual(log.said, Array(5).fill(['lost', 'restored']).flat())
  })

  test('agents come now and after each change, over outages', async (t) => {
    const { url, hub } = await startTestApi(t)
    const relay = await Relay.to(t, url)
    const { values, log } = collect(t, (events, signal) => open(t, relay.url).followAgents(events, signal))
    const newest = () => values.at(-1)?.map(({ title }) => title)
    await until(() => values.length === 1, 'no agents')
    await hub.createAgent({ code: '// A' }, 'me')
    await until(() => newest()?.length === 1, 'one agent')
    relay.cut()
    await hub.createAgent({ code: '// B' }, 'me')
    await until(() => log.said.length === 1, 'the loss')
    relay.mend()
    await until(() => newest()?.length === 2, 'two agents')
    assert.deepEqual(newest(), ['A', 'B'])
  })

  test('entries come letter by letter, with the number of those that did not', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { values, end, done } = collect(t, (events, signal) => open(t, url).live('http', events, signal))
    await until(() => hub.watchers === 1, 'who watches')
    const part = { node: 'n', entries: ['{"a":  1}', '{"text":"\\n]}\\n\\"error\\":"}'], dropped: 7 }
    hub.pass(part)
    hub.pass({ node: 'm', entries: [], dropped: 2 })
    await until(() => values.length === 2, 'both')
    assert.deepEqual(values, [part, { node: 'm', entries: [], dropped: 2 }])
    end.abort()
    await done
    await until(() => hub.watchers === 0, 'nobody')
  })

  test('who takes entries slowly makes the hub drop some, and gets to know how many', async (t) => {
    const { url, hub } = await startTestApi(t)
    const client = open(t, url)
    const end = new AbortController()
    t.after(() => end.abort())
    const parts = client.live('', new Log(), end.signal)[Symbol.asyncIterator]()
    const first = parts.next()
    await until(() => hub.watchers === 1, 'who watches')
    const count = await flood(hub)
    let seen = 0
    const add = ({ value }: IteratorResult<{ entries: readonly string[]; dropped: number }>) => {
      seen += value.entries.length + value.dropped
    }
    add(await first)
    while (seen < count) add(await parts.next())
    assert.equal(seen, count)
  })

  test('a filter that cannot be read ends it, and so does closing the client', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    const client = open(t, url, TOKENS.viewer)
    await assert.rejects(collect(t, (log, signal) => client.live('a ==', log, signal)).done, {
      code: 'E_FILTER_SYNTAX',
    })
    const { values, done } = collect(t, (log, signal) => client.followAgents(log, signal))
    await until(() => values.length === 1, 'agents')
    await client.close()
    await done
  })
})

/** Far more than the ways to a client hold. */
async function flood(hub: FakeHub): Promise<number> {
  const entries = Array.from({ length: 100 }, (_, at) => JSON.stringify({ at, text: 'x'.repeat(2000) }))
  for (let part = 0; part < 300; part++) {
    hub.pass({ node: 'n', entries, dropped: 0 })
    await new Promise((resolve) => setImmediate(resolve))
  }
  return 300 * entries.length
}

async function serve(
  t: TestContext,
  answer: (response: ServerResponse, headers: NodeJS.Dict<string | string[]>) => void,
): Promise<string> {
  const server = createServer((request, response) => answer(response, request.headers))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
