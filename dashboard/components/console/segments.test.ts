import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readAnsi } from './ansi.ts'
import { segmentsOf, shortLength, type TextMark } from './segments.ts'

describe('a line with marks', () => {
  test('is cut where looks and marks begin and end', () => {
    const spans = readAnsi('one \x1b[1mtwo\x1b[0m three')
    const marks: TextMark[] = [
      { kind: 'match', from: 2, to: 6 },
      { kind: 'place', from: 8, to: 13 },
      { kind: 'current', from: 10, to: 11 },
    ]
    assert.deepEqual(
      segmentsOf(spans, marks).map(({ text, style, marks }) => [text, 'bold' in style, marks.join()]),
      [
        ['on', false, ''],
        ['e ', false, 'match'],
        ['tw', true, 'match'],
        ['o', true, ''],
        [' ', false, ''],
        ['th', false, 'place'],
        ['r', false, 'place,current'],
        ['ee', false, 'place'],
      ],
    )
    assert.deepEqual(segmentsOf([], marks), [])
  })

  test('is the same text, whatever is marked, up to where it is cut', () => {
    const mark = fc.record({
      kind: fc.constantFrom('match' as const, 'current' as const, 'place' as const),
      from: fc.nat(30),
      to: fc.nat(30),
    })
    const parts = fc.array(fc.string({ maxLength: 10 }).map((text) => ({ text, style: {} })))
    fc.assert(
      fc.property(parts, fc.array(mark, { maxLength: 5 }), fc.nat(40), (spans, marks, most) => {
        const whole = spans.map(({ text }) => text).join('')
        const shown = segmentsOf(spans, marks, most).map(({ text }) => text)
        assert.equal(shown.join(''), whole.slice(0, most))
      }),
    )
  })
})

describe('a long line', () => {
  test('is cut after some characters, or some lines of its own', () => {
    assert.equal(shortLength('x'.repeat(5000)), 2000)
    assert.equal(shortLength('x\n'.repeat(500)), 39)
    assert.equal(shortLength(`${'x'.repeat(1999)}😀${'x'.repeat(500)}`), 1999)
  })

  test('is left whole where little would be hidden', () => {
    for (const text of ['', 'x'.repeat(2050), 'x\n'.repeat(30)]) assert.equal(shortLength(text), text.length)
  })
})
