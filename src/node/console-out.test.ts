import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Stream } from '../bus/bus.ts'
import { consoleLines } from '../hub/console.ts'
import { Mistake } from '../mistake/mistake.ts'
import { eventually } from '../testing/eventually.ts'
import { decode } from '../wire/codec.ts'
import { ConsoleOut } from './console-out.ts'

describe('console lines on their way to the hub', () => {
  test('arrive in order, each once', async () => {
    const { stream, texts } = streamThat()
    const out = new ConsoleOut(stream, 'a', 'boot')
    for (let at = 0; at < 5000; at++) out.push(line(`${at}`))
    await eventually('all lines', () => texts().length === 5000)
    assert.deepEqual(
      texts(),
      Array.from({ length: 5000 }, (_, at) => `${at}`),
    )
    assert.deepEqual([out.depth, out.dropped], [0, 0])
    await out.close(1000)
  })

  test('wait in an outage, the newest of them, and their number is not all that is limited', async () => {
    const { stream, texts, outage } = streamThat()
    const out = new ConsoleOut(stream, 'a', 'boot')
    outage(true)
    for (let at = 0; at < 25_000; at++) out.push(line(`${at}`))
    assert.deepEqual([out.depth, out.dropped], [20_000, 5000])
    const long = 'x'.repeat(60_000)
    for (let at = 0; at < 1000; at++) out.push(line(`${long}${at}`))
    assert.ok(out.depth * 60_000 < 20 << 20, `${out.depth} long lines wait`)
    assert.equal(out.depth + out.dropped, 26_000)
    const waited = out.depth
    outage(false)
    await eventually('what waited', () => texts().length === waited)
    assert.ok(texts().at(-1)?.endsWith('x999'))
    await out.close(1000)
  })
})

function line(text: string) {
  return { agent: 'a', index: 0, title: 'A', level: 'log' as const, text }
}

/** A stream that may be out, and the texts that have arrived. */
function streamThat() {
  const arrived: string[] = []
  let isOut = false
  const stream: Stream = {
    append: async (_, payload) => {
      if (isOut) throw new Mistake('E_BUS', 'out')
      arrived.push(...(decode(consoleLines, payload) ?? []).map(({ text }) => text))
    },
    consume: () => Promise.reject(new Error('nobody consumes here')),
    read: () => {
      throw new Error('nobody reads here')
    },
  }
  return {
    stream,
    texts: () => arrived,
    outage: (out: boolean) => {
      isOut = out
    },
  }
}
