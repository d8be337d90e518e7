import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import type { Stream } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { UnsureStream } from '../testing/unsure-stream.ts'
import { until } from '../testing/until.ts'
import { decode } from '../wire/codec.ts'
import { consoleLine } from '../wire/console.ts'
import { ConsoleOut, type NewLine } from './console-out.ts'
import { STREAM_OPTIONS } from './streams.ts'

describe('console lines on their way', () => {
  test('arrive once, with those that came while nobody knew whether the first had arrived', async (t) => {
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    const stream = new UnsureStream(await bus.stream(STREAM_OPTIONS.console))
    const out = new ConsoleOut(stream, 'n1', 'boot')
    stream.fails = () => {
      if (stream.attempts > 2) return 'no'
      out.push(line(`later ${stream.attempts}`))
      return 'after'
    }
    out.push(line('first'))
    await until(() => out.depth === 0)
    assert.deepEqual(await texts(stream), ['first', 'later 1', 'later 2'])
    assert.equal(out.dropped, 0)
    await out.close(100)
  })

  test('are counted when they could not be sent to the end', async (t) => {
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    const stream = new UnsureStream(await bus.stream(STREAM_OPTIONS.console))
    stream.fails = () => 'before'
    const out = new ConsoleOut(stream, 'n1', 'boot')
    out.push(line('one'))
    await until(() => stream.attempts > 0)
    out.push(line('two'))
    assert.equal(out.depth, 2)
    await out.close(5000)
    assert.equal(out.dropped, 2)
  })
})

function line(text: string): NewLine {
  return { agent: 'a', index: 0, title: 'A', level: 'log', text }
}

async function texts(stream: Stream): Promise<string[]> {
  const found: string[] = []
  const { signal } = new AbortController()
  for await (const { payload } of stream.read({ sinceMs: 0, follow: false, signal }))
    found.push(...(decode(z.array(consoleLine), payload) ?? []).map(({ text }) => text))
  return found
}
