import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ConsoleLine } from '../../../src/wire/console.ts'
import { LineBuffer } from './line-buffer.ts'

const SMALL = { ofAgent: 3, ofAll: 5, characters: 100 }

describe('lines of the console', () => {
  test('are kept in the order in which they come, each once', () => {
    const buffer = new LineBuffer(SMALL)
    buffer.add([line('a', 'one'), line('a', 'two', { id: 'x' })])
    buffer.add([line('a', 'two', { id: 'x' }), line('a', 'three', { at: 0 })])
    assert.deepEqual(texts(buffer), ['one', 'two', 'three'])
  })

  test('have numbers, of their agents and of all, that stay', () => {
    const buffer = new LineBuffer(SMALL)
    buffer.add(['1', '2', '3', '4'].map((text) => line('a', text)))
    buffer.add([line('b', '5')])
    assert.deepEqual(
      buffer.lines.map(({ line, ofAgent, ofAll }) => [line.text, ofAgent, ofAll]),
      [
        ['2', 2, 2],
        ['3', 3, 3],
        ['4', 4, 4],
        ['5', 1, 5],
      ],
    )
  })

  test('are bounded for each agent, for all, and in their characters; what goes is counted', () => {
    const buffer = new LineBuffer(SMALL)
    for (const agent of ['a', 'b', 'c'])
      buffer.add(['1', '2', '3', '4'].map((text) => line(agent, agent + text)))
    assert.deepEqual(texts(buffer), ['b3', 'b4', 'c2', 'c3', 'c4'])
    assert.deepEqual(
      [buffer.leftOut('a'), buffer.leftOut('b'), buffer.leftOut('c'), buffer.leftOut()],
      [4, 2, 1, 7],
    )
    buffer.add([line('a', 'x'.repeat(98))])
    assert.deepEqual(texts(buffer), ['c4', 'x'.repeat(98)])
    buffer.add([line('a', 'y'.repeat(1000))])
    assert.deepEqual(texts(buffer), ['y'.repeat(1000)], 'the newest stays, however long')
  })

  test('go when the console of their agent is cleared, or of all', () => {
    const buffer = new LineBuffer(SMALL)
    buffer.add([line('a', '1'), line('b', '2'), line('a', '', { level: 'clear' }), line('a', '3')])
    assert.deepEqual(
      buffer.lines.map(({ line, ofAgent }) => [line.agent, line.level, line.text, ofAgent]),
      [
        ['b', 'log', '2', 1],
        ['a', 'clear', '', 1],
        ['a', 'log', '3', 2],
      ],
    )
    buffer.add([line('', '', { level: 'clear' }), line('b', '4')])
    assert.deepEqual(
      buffer.lines.map(({ ofAll, line }) => [ofAll, line.text]),
      [
        [1, ''],
        [2, '4'],
      ],
    )
    assert.equal(buffer.leftOut(), 0)
  })

  test('stay away when they were cleared, also when they come again', () => {
    const buffer = new LineBuffer(SMALL)
    const old = line('a', 'old')
    buffer.add([old, line('a', '', { level: 'clear' })])
    buffer.add([old])
    assert.deepEqual(texts(buffer), [''])
  })

  test('are told of when there are others', () => {
    const buffer = new LineBuffer(SMALL)
    let told = 0
    const stop = buffer.subscribe(() => told++)
    const one = line('a', '1')
    buffer.add([one])
    const before = buffer.lines
    buffer.add([one])
    buffer.add([])
    assert.equal(told, 1)
    assert.equal(buffer.lines, before)
    stop()
    buffer.add([line('a', '2')])
    assert.equal(told, 1)
  })

  test('are the newest of each agent, however they come in parts', () => {
    const each = fc.record({ agent: fc.constantFrom('a', 'b', 'c'), clears: fc.nat(9).map((n) => n === 0) })
    fc.assert(
      fc.property(fc.array(fc.array(each, { maxLength: 8 }), { maxLength: 12 }), (parts) => {
        const inParts = new LineBuffer(SMALL)
        const all: ConsoleLine[] = []
        for (const part of parts) {
          const lines = part.map(({ agent, clears }) => line(agent, 'x', clears ? { level: 'clear' } : {}))
          all.push(...lines)
          inParts.add(lines)
          assert.ok(inParts.lines.length <= SMALL.ofAll)
        }
        for (const agent of ['a', 'b', 'c']) {
          const own = all.filter((each) => each.agent === agent)
          const since = own.slice(own.findLastIndex(({ level }) => level === 'clear') + 1)
          const kept = inParts.lines.filter((each) => each.line.agent === agent)
          const bounded = kept.length + inParts.leftOut(agent)
          const cleared = own.some(({ level }) => level === 'clear') ? 1 : 0
          assert.equal(bounded, since.length + cleared)
          assert.deepEqual(kept.at(-1)?.line, kept.length === 0 ? undefined : own.at(-1))
        }
      }),
    )
  })
})

function texts(buffer: LineBuffer): string[] {
  return buffer.lines.map(({ line }) => line.text)
}

let made = 0

function line(agent: string, text: string, other: Partial<ConsoleLine> = {}): ConsoleLine {
  return {
    id: `${made++}`,
    at: made,
    node: 'n1',
    agent,
    index: 0,
    title: agent,
    level: 'log',
    text,
    ...other,
  }
}
