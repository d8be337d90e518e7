import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stream, StreamMessage } from '../bus/bus.ts'
import { eventually } from '../testing/eventually.ts'
import { encode } from '../wire/codec.ts'
import type { ConsoleLine } from '../wire/console.ts'
import { ConsoleLog } from './console.ts'

const ALL = {}

test('a stream that cannot be read on is read again, and no line comes twice', async (t) => {
  const reads = [
    ['1', '2'],
    ['1', '2', '3'],
  ]
  const log = new ConsoleLog(streamOf(reads))
  t.after(() => log.close())
  await eventually('the third line', () => log.recent(ALL).length === 3)
  assert.deepEqual(
    log.recent(ALL).map(({ id }) => id),
    ['1', '2', '3'],
  )
  assert.ok(log.failures >= 1)
})

test('who follows gets what is kept, what comes, and an end with the signal', async (t) => {
  const more = Promise.withResolvers<void>()
  const log = new ConsoleLog(streamOf([['1'], ['1', '2']], more.promise))
  t.after(() => log.close())
  await eventually('the first line', () => log.recent(ALL).length === 1)
  const end = new AbortController()
  const seen: string[] = []
  for await (const { id } of log.follow(ALL, end.signal)) {
    seen.push(id)
    if (id === '1') more.resolve()
    if (id === '2') end.abort()
  }
  assert.deepEqual(seen, ['1', '2'])
})

/** Each reading gives these lines, in messages of their own, and then fails; the last goes on. */
function streamOf(
  readings: readonly (readonly string[])[],
  second: Promise<void> = Promise.resolve(),
): Stream {
  let reading = 0
  return {
    append: async () => {},
    consume: async () => {},
    async *read({ signal }): AsyncIterable<StreamMessage> {
      const at = reading++
      if (at > 0) await second
      for (const id of readings[at] ?? []) yield messageOf(lineOf(id))
      if (at < readings.length - 1) throw new Error('the disk is gone')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  }
}

function messageOf(line: ConsoleLine): StreamMessage {
  return { subject: 'console.n1', payload: encode([line]), sequence: 1, at: 0, redelivered: false }
}

function lineOf(id: string): ConsoleLine {
  return { id, at: 0, node: 'n1', agent: 'a', index: 0, title: 'A', level: 'log', text: `line ${id}` }
}
