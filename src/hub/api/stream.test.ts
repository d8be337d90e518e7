import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { Mistake } from '../../mistake/mistake.ts'
import { startTestApi } from '../../testing/api.ts'
import { Inbox, untilClosed, untilOpen } from '../../testing/sockets.ts'
import { until } from '../../testing/until.ts'
import { liveHead, streamMessage } from '../../wire/api.ts'
import { splitEntries } from '../../wire/entry-lines.ts'

async function open(t: TestContext, url: string, path = '/api/v1/stream') {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`)
  t.after(() => socket.terminate())
  const inbox = new Inbox(socket)
  await untilOpen(socket)
  const say = (message: unknown) => socket.send(JSON.stringify(message))
  const next = async () => JSON.parse(await inbox.next())
  return { socket, inbox, say, next }
}

describe('the stream', () => {
  test('sends entries letter by letter, each on a line of its own', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { inbox, say, next } = await open(t, url)
    say({ subscribe: 'entries', id: 'a', filter: 'http' })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    hub.pass({ node: 'n', entries: ['{"a":  1}', '{"b":"\\n]}"}'], dropped: 3 })
    const text = await inbox.next()
    assert.deepEqual(JSON.parse(text), {
      ...{ id: 'a', node: 'n', dropped: 3, count: 2 },
      entries: [{ a: 1 }, { b: '\n]}' }],
    })
    assert.deepEqual(splitEntries(text).entries, ['{"a":  1}', '{"b":"\\n]}"}'])
  })

  test('sends console lines that are kept and those that come, filtered', async (t) => {
    const { url, hub } = await startTestApi(t)
    const kept = [hub.print({ text: 'one' }), hub.print({ text: 'two' }), hub.print({ text: 'three' })]
    const { say, next } = await open(t, url)
    say({ subscribe: 'console', id: 'c', text: 'T', last: 1 })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    assert.deepEqual((await next()).lines, [kept[2]])
    await until(() => hub.followers === 1, 'who follows')
    hub.print({ text: 'no' })
    const line = hub.print({ text: 'yet' })
    assert.deepEqual((await next()).lines, [line])
  })

  test('says how many console lines went that a client was too slow for', async (t) => {
    const { url, hub } = await startTestApi(t)
    const line = hub.print({ text: 'the newest' })
    hub.console = async function* (_filter, _follow, _signal, lost) {
      lost?.(3)
      lost?.(4)
      yield line
    }
    const { say, next } = await open(t, url)
    say({ subscribe: 'console', id: 'c' })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    const { lines, dropped } = streamMessage.parse(await next())
    assert.deepEqual([lines, dropped], [[line], 7])
  })

  test('sends who talks to whom, of what matches', async (t) => {
    const { url, hub } = await startTestApi(t)
    const entry = (name: string) =>
      JSON.stringify({
        protocol: { name: 'http', abbr: 'HTTP' },
        src: { ip: '10.0.0.1', name: 'a' },
        dst: { ip: '10.0.0.2', name },
      })
    hub.kept.push(entry('b'), entry('c'))
    const { say, next } = await open(t, url)
    say({ subscribe: 'map', id: 'm', filter: 'dst.name == "b"', window: 60 })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    const { map } = streamMessage.parse(await next())
    assert.deepEqual(
      map?.ends.map(({ name }) => name),
      ['a', 'b'],
    )
    assert.partialDeepStrictEqual(map?.edges, [{ source: 0, destination: 1, protocol: 0, count: 1 }])
    say({ subscribe: 'map', id: 'bad', filter: 'a ==' })
    assert.partialDeepStrictEqual(await next(), { id: 'bad', error: { code: 'E_FILTER_SYNTAX' } })
    say({ subscribe: 'map', id: 'bad', window: -1 })
    assert.partialDeepStrictEqual(await next(), { id: 'bad', error: { code: 'E_REQUEST' } })
  })

  test('sends agents and nodes now, and after each change', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { say, next } = await open(t, url)
    say({ subscribe: 'agents', id: 'a' })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    assert.deepEqual(await next(), { id: 'a', agents: [] })
    await hub.createAgent({ code: '// One' }, 'me')
    assert.deepEqual(await next(), { id: 'a', agents: await hub.agents() })
    say({ subscribe: 'nodes', id: 'n' })
    assert.deepEqual(Object.keys(await next()), ['id', 'now'])
    assert.deepEqual(await next(), { id: 'n', nodes: [] })
    await until(() => hub.eventListeners === 2, 'who listens')
    hub.tellNodes()
    assert.deepEqual(await next(), { id: 'n', nodes: [] })
  })

  test('ends what is no longer wanted, with its connection or before', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { socket, say, next } = await open(t, url)
    say({ subscribe: 'entries', id: 'a' })
    say({ subscribe: 'entries', id: 'b' })
    await until(() => hub.watchers === 2, 'both')
    say({ unsubscribe: 'a' })
    await until(() => hub.watchers === 1, 'one')
    say({ subscribe: 'entries', id: 'b', filter: 'dns' })
    for (let message = 0; message < 3; message++) await next()
    assert.equal(hub.watchers, 1)
    socket.close()
    await until(() => hub.watchers === 0, 'none')
  })

  test('says what is wrong, to whom it is said, and goes on', async (t) => {
    const { url, hub, api } = await startTestApi(t)
    const { socket, say, next } = await open(t, url)
    const failing = async (message: unknown) => {
      say(message)
      const { id, error } = streamMessage.parse(await next())
      return `${id}: ${error?.code}: ${error?.message}`
    }
    socket.send('{')
    assert.equal((await next()).error.message, 'the message is not JSON')
    socket.send(Buffer.from([1, 2, 3]))
    assert.equal((await next()).error.code, 'E_REQUEST')
    assert.match(
      await failing({ subscribe: 'weather', id: 'x' }),
      /^x: E_REQUEST: message: subscribe: expected entries, console, agents, nodes or map/,
    )
    assert.match(await failing({ subscribe: 'entries', id: 'x', filter: 'a ==' }), /E_FILTER_SYNTAX/)
    assert.match(
      await failing({ subscribe: 'console', id: 'x', last: -1 }),
      /^x: E_REQUEST: message: last: Too small/,
    )
    assert.match(await failing(null), /^: E_REQUEST: message: expected object/)
    assert.match(await failing({ unsubscribe: 7 }), /^: E_REQUEST: message: unsubscribe: expected string/)
    assert.match(await failing({ subscribe: 'agents', id: '' }), /^: E_REQUEST: message: id: /)
    assert.match(await failing({ subscribe: 'agents', id: 'a', x: 1 }), /^a: E_REQUEST: .*x/)
    hub.failure = new Mistake('E_BUS', 'away')
    assert.match(await failing({ subscribe: 'entries', id: 'y' }), /^y: E_BUS: away/)
    assert.equal(hub.watchers, 0)
    hub.failure = undefined
    say({ subscribe: 'entries', id: 'z' })
    assert.equal((await next()).id, 'z')
    assert.ok(api.counters.badMessages >= 5)
  })

  test('has at most so many subscriptions, and messages are not endless', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { socket, say, inbox } = await open(t, url)
    for (let id = 0; id < 17; id++) say({ subscribe: 'entries', id: String(id) })
    await until(() => inbox.messages.some((text) => text.includes('16 subscriptions')), 'a refusal')
    assert.equal(hub.watchers, 16)
    const closed = untilClosed(socket)
    socket.send(`{"subscribe":"entries","filter":"${'x'.repeat(300_000)}"}`)
    assert.equal(await closed, 1009)
  })

  test('drops entries for a client that is slow, says how many, and stays within its memory', async (t) => {
    const { url, hub, api } = await startTestApi(t)
    const { socket, say, next, inbox } = await open(t, url)
    const other = await open(t, url)
    for (const client of [say, other.say]) client({ subscribe: 'entries', id: 'a' })
    await next()
    await until(() => hub.watchers === 2, 'both')
    socket.pause()
    const entries = Array.from({ length: 100 }, (_, at) => JSON.stringify({ at, text: 'x'.repeat(1000) }))
    // More than the kernel and the client's share of memory hold, but not at once, so that the other one has it all.
    const batches = 400
    for (let batch = 0; batch < batches; batch++) {
      hub.pass({ node: 'n', entries, dropped: 0 })
      await until(() => other.inbox.messages.length === batch + 2, 'the other client')
    }
    assert.ok(api.counters.droppedEntries > 0)
    const before = api.counters.droppedEntries
    socket.resume()
    const seen = () =>
      inbox.messages.slice(1).reduce((sum, text) => {
        const { dropped } = liveHead.parse(splitEntries(text).head)
        return sum + splitEntries(text).entries.length + dropped
      }, 0)
    await until(() => seen() === batches * 100, 'all entries, or their number')
    assert.equal(api.counters.droppedEntries, before)
  })

  test('makes the source of console lines wait for a client that is slow, and loses none', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { socket, say, next, inbox } = await open(t, url)
    say({ subscribe: 'console', id: 'c', last: 0 })
    await next()
    await until(() => hub.followers === 1, 'who follows')
    socket.pause()
    const count = 2000
    for (let line = 0; line < count; line++) hub.print({ text: `${line} ${'x'.repeat(10_000)}` })
    socket.resume()
    const lines = () => inbox.messages.flatMap((text) => streamMessage.parse(JSON.parse(text)).lines ?? [])
    await until(() => inbox.messages.length > 2 && lines().length === count, 'all lines')
    assert.deepEqual(
      lines().map(({ text }) => Number.parseInt(text, 10)),
      Array.from({ length: count }, (_, line) => line),
    )
  })

  test('shows a client that is slow only the newest agents', async (t) => {
    const { url, hub } = await startTestApi(t)
    const { socket, say, next, inbox } = await open(t, url)
    for (let agent = 0; agent < 50; agent++)
      await hub.createAgent({ code: `// ${agent}\n${' '.repeat(2000)}`, active: false }, 'me')
    say({ subscribe: 'agents', id: 'a' })
    await next()
    await until(() => hub.eventListeners === 1, 'who listens')
    socket.pause()
    const changes = 1000
    for (let change = 1; change <= changes; change++)
      await hub.updateAgent('0', { title: `v${change}` }, 'me')
    socket.resume()
    await until(() => inbox.messages.at(-1)?.includes(`"v${changes}"`) === true, 'the newest')
    assert.ok(inbox.messages.length < changes / 2, String(inbox.messages.length))
  })

  test('ends with a client that says nothing that makes sense', async (t) => {
    const { url, api } = await startTestApi(t)
    const { socket, inbox } = await open(t, url)
    const closed = untilClosed(socket)
    for (let message = 0; message < 200; message++) socket.send('?')
    assert.equal(await closed, 1008)
    assert.equal(api.counters.badMessages, 101)
    assert.equal(inbox.messages.length, 100)
  })

  test('is told when the hub ends, and does not hold it up', async (t) => {
    const { url, api } = await startTestApi(t)
    const { socket, say, next } = await open(t, url)
    say({ subscribe: 'entries', id: 'a' })
    await next()
    const stuck = connect(Number(new URL(url).port), '127.0.0.1')
    t.after(() => stuck.destroy())
    stuck.on('error', () => {})
    await once(stuck, 'connect')
    stuck.write('POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n')
    const closed = untilClosed(socket)
    await api.close()
    assert.equal(await closed, 1001)
  })

  test('is no page: without an upgrade it says so', async (t) => {
    const { url } = await startTestApi(t)
    const response = await fetch(`${url}/api/v1/stream`)
    assert.equal(response.status, 426)
    assert.match(await response.text(), /upgrade/)
  })
})
