import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { joinEntries } from '../../src/wire/entry-lines.ts'
import { type Socket, Stream } from './stream.ts'

describe('the stream of the page', () => {
  test('hands entries as texts to who subscribed, with what was dropped', () => {
    const { stream, sockets } = connected()
    const got: unknown[] = []
    stream.subscribe({ subscribe: 'entries', filter: 'http' }, { onEntries: (batch) => got.push(batch) })
    sockets[0]?.onopen?.()
    assert.deepEqual(sockets[0]?.said, [{ subscribe: 'entries', filter: 'http', id: '1' }])
    sockets[0]?.onmessage?.({ data: joinEntries({ id: '1', node: 'n', dropped: 3 }, ['{"a":1}', '{"b":2}']) })
    assert.deepEqual(got, [{ node: 'n', dropped: 3, texts: ['{"a":1}', '{"b":2}'] }])
  })

  test('subscribes to everything again when the connection was lost, with what is wanted by then', () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const { stream, sockets } = connected()
      let since = 1
      let again = 0
      stream.subscribe(() => ({ subscribe: 'console', since }), { onReconnect: () => again++ })
      sockets[0]?.onopen?.()
      assert.equal(again, 0)
      since = 2
      sockets[0]?.onclose?.()
      assert.equal(stream.state, 'lost')
      mock.timers.tick(10_000)
      sockets[1]?.onopen?.()
      assert.deepEqual(sockets[1]?.said, [{ subscribe: 'console', since: 2, id: '1' }])
      assert.deepEqual([stream.state, again], ['open', 1])
    } finally {
      mock.timers.reset()
    }
  })

  test('tells who subscribed that the hub refuses, and does not ask again', () => {
    const { stream, sockets } = connected()
    const failures: string[] = []
    stream.subscribe({ subscribe: 'entries', filter: '(' }, { onError: ({ code }) => failures.push(code) })
    sockets[0]?.onopen?.()
    const error = JSON.stringify({ id: '1', error: { code: 'E_FILTER_SYNTAX', message: 'no' } })
    sockets[0]?.onmessage?.({ data: error })
    sockets[0]?.onmessage?.({ data: error })
    assert.deepEqual(failures, ['E_FILTER_SYNTAX'])
  })

  test('says when something is not wanted any more, and passes nothing on after that', () => {
    const { stream, sockets } = connected()
    let got = 0
    const end = stream.subscribe({ subscribe: 'nodes' }, { onMessage: () => got++ })
    sockets[0]?.onopen?.()
    end()
    sockets[0]?.onmessage?.({ data: JSON.stringify({ id: '1', nodes: [] }) })
    assert.deepEqual([sockets[0]?.said.at(-1), got], [{ unsubscribe: '1' }, 0])
  })
})

interface FakeSocket extends Socket {
  readonly said: unknown[]
}

function connected() {
  const sockets: FakeSocket[] = []
  const stream = new Stream(() => {
    const said: unknown[] = []
    const socket: FakeSocket = {
      said,
      send: (text) => said.push(JSON.parse(text)),
      close: () => {},
      ...{ onopen: null, onclose: null, onmessage: null },
    }
    sockets.push(socket)
    return socket
  })
  return { stream, sockets }
}
