import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Stream, StreamMessage } from '../bus/bus.ts'
import { eventually } from '../testing/eventually.ts'
import { encode } from '../wire/codec.ts'
import type { ConsoleLine } from '../wire/console.ts'
import { ConsoleLog } from './console.ts'

describe('the console of a hub', () => {
  test('has a line once that was sent twice, also when the console was cleared meanwhile', async () => {
    const { log, say } = consoleLog()
    say([lineOf(1), lineOf(2)])
    say([lineOf(2), lineOf(3)])
    await eventually('three lines', () => log.recent({}).length === 3)
    say([lineOf(4, { level: 'clear' })])
    say([lineOf(3), lineOf(5)])
    await eventually('the last line', () => log.recent({}).at(-1)?.id === '5')
    assert.deepEqual(
      log.recent({}).map(({ id }) => id),
      ['4', '5'],
    )
    await log.close()
  })

  test('clears the lines of one agent, or of all', async () => {
    const { log, say } = consoleLog()
    say([lineOf(1), lineOf(2, { agent: 'other' }), lineOf(3, { level: 'clear' })])
    await eventually('cleared', () => log.recent({}).length === 2)
    assert.deepEqual(
      log.recent({}).map(({ id }) => id),
      ['2', '3'],
    )
    say([lineOf(4, { level: 'clear', agent: '' })])
    await eventually('all cleared', () => log.recent({}).length === 1)
    await log.close()
  })

  test('does not grow with what was printed and cleared, nor with long lines', async () => {
    const { log, say } = consoleLog()
    for (let at = 0; at < 130_000; at += 1000) say([...lines(at, 999), lineOf(at + 999, { level: 'clear' })])
    await eventually('the last', () => log.recent({}).at(-1)?.id === '129999')
    say([lineOf(0)])
    say([lineOf(129_998), lineOf(130_000)])
    await eventually('one more', () => log.recent({}).at(-1)?.id === '130000')
    assert.deepEqual(
      log.recent({}).map(({ id }) => id),
      ['129999', '0', '130000'],
      'what is long ago is forgotten, what came lately is not',
    )
    const long = 'x'.repeat(1 << 20)
    for (let at = 0; at < 100; at++) say([lineOf(200_000 + at, { text: long })])
    await eventually('the last long one', () => log.recent({}).at(-1)?.id === '200099')
    assert.ok([63, 64].includes(log.recent({}).length))
    await log.close()
  })

  test('tells who reads too slowly how many lines went, but not which', async () => {
    const { log, say } = consoleLog()
    const end = new AbortController()
    let lost = 0
    const reading = log
      .follow({}, end.signal, (count) => {
        lost += count
      })
      [Symbol.asyncIterator]()
    say([lineOf(0)])
    assert.equal((await reading.next()).value?.id, '0')
    for (let at = 1; at <= 60_000; at += 1000) say(lines(at, 1000))
    await eventually('the last', () => log.recent({}).at(-1)?.id === '60000')
    assert.equal((await reading.next()).value?.id, '10001')
    assert.deepEqual([log.dropped, lost], [10_000, 10_000])
    end.abort()
    await reading.return?.()
    await log.close()
  })
})

/** A console, and how something is said on it. */
function consoleLog() {
  const waiting: StreamMessage[] = []
  const wake = { now: () => {} }
  const stream: Stream = {
    append: () => Promise.reject(new Error('nobody writes here')),
    consume: () => Promise.reject(new Error('nobody consumes here')),
    async *read({ signal }) {
      signal.addEventListener('abort', () => wake.now())
      while (!signal.aborted) {
        yield* waiting.splice(0)
        if (waiting.length > 0 || signal.aborted) continue
        await new Promise<void>((resolve) => {
          wake.now = resolve
        })
      }
    },
  }
  const log = new ConsoleLog(stream)
  let sequence = 0
  const say = (said: readonly ConsoleLine[]) => {
    waiting.push({
      at: 0,
      sequence: ++sequence,
      subject: 'console.a',
      payload: encode(said),
      redelivered: false,
    })
    wake.now()
  }
  return { log, say }
}

function lines(first: number, count: number): ConsoleLine[] {
  return Array.from({ length: count }, (_, at) => lineOf(first + at))
}

function lineOf(id: number, changes: Partial<ConsoleLine> = {}): ConsoleLine {
  return {
    id: `${id}`,
    at: 0,
    node: 'a',
    agent: 'a',
    index: 0,
    title: 'A',
    level: 'log',
    text: '',
    ...changes,
  }
}
