import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConsoleLine } from '../../../src/wire/console.ts'
import { LineBuffer } from './line-buffer.ts'
import { placeInText, placeOfLine } from './place.ts'
import { fileNameOf, type RowFilter, rowsOf, textOf } from './rows.ts'
import { countText, matchesIn, nextMatch } from './search.ts'

describe('rows of the console', () => {
  test('join lines that say the same after each other', () => {
    const lines = [
      said('x'),
      said('x'),
      said('x', { node: 'n2' }),
      said('x', { level: 'warn' }),
      said('y'),
      said('x'),
    ]
    assert.deepEqual(
      rows(lines).map(({ number, count }) => [number, count]),
      [
        [1, 2],
        [3, 1],
        [4, 1],
        [5, 1],
        [6, 1],
      ],
    )
    assert.equal(rows(lines)[0]?.lastAt, lines[1]?.at)
    assert.equal(rows(lines)[0]?.key, lines[0]?.id)
    assert.equal(rows(lines, {}, false).length, 6)
  })

  test('join what stands together once others are filtered out', () => {
    assert.deepEqual(
      rows([said('x'), said('y', { node: 'n2' }), said('x')], { node: 'n1' }).map(({ count }) => count),
      [2],
    )
  })

  test('are those of an agent, a node, of levels', () => {
    const lines = [
      said('1'),
      said('2', { agent: 'b' }),
      said('3', { node: 'n2' }),
      said('4', { level: 'error' }),
    ]
    assert.deepEqual(shown(lines, { agent: 'b' }), ['2'])
    assert.deepEqual(shown(lines, { node: 'n2' }), ['3'])
    assert.deepEqual(shown(lines, { levels: new Set(['error']) }), ['4'])
    assert.deepEqual(shown(lines, {}), ['1', '2', '3', '4'])
  })

  test('say that a console was cleared, whatever else is shown', () => {
    const clear = said('', { level: 'clear', node: 'hub' })
    assert.equal(rows([clear], { node: 'n2', levels: new Set(['error']) }).length, 1)
    assert.equal(rows([clear], { agent: 'b' }).length, 0)
    assert.equal(rows([{ ...clear, agent: '' }], { agent: 'b' }).length, 1)
    assert.equal(rows([clear, { ...clear, id: 'other' }]).length, 1, 'the first clear goes with the second')
  })

  test('are saved as plain text with repeats, times and where they come from', () => {
    const lines = [
      said('\x1b[31mred\x1b[0m'),
      said('x', { level: 'error', node: 'n2' }),
      said('x', { level: 'error', node: 'n2' }),
      said('', { level: 'clear', agent: 'b' }),
    ].map((line) => ({ ...line, at: 0 }))
    assert.equal(
      textOf(rows(lines)),
      [
        '1970-01-01T00:00:00.000Z [n1-3] red',
        '1970-01-01T00:00:00.000Z [n2-3:ERROR] x',
        '1970-01-01T00:00:00.000Z [n2-3:ERROR] x',
        '1970-01-01T00:00:00.000Z [n1-3] console was cleared',
        '',
      ].join('\n'),
    )
    assert.equal(fileNameOf('../Top 5 / ünï', 0), 'console-top-5-n-1970-01-01T00-00-00.txt')
    assert.equal(fileNameOf('❤', 0), 'console-all-1970-01-01T00-00-00.txt')
    assert.equal(fileNameOf(undefined, 0), 'console-all-1970-01-01T00-00-00.txt')
  })
})

describe('the place of an error', () => {
  test('is read where the sandbox writes it', () => {
    const text = 'onItemCaptured: TypeError: x is not a function (alerts.js:12:3)'
    assert.deepEqual(placeInText(text, 'alerts.js'), { line: 12, column: 3, from: 48, to: 62 })
    assert.equal(text.slice(48, 62), 'alerts.js:12:3')
    assert.equal(placeInText(`${text} (4 more like it)`, 'alerts.js')?.line, 12)
  })

  test('is read in agents of any title', () => {
    for (const title of ['Upload (to S3)', 'a/b (c', '100%', ':1:2', 'x'])
      assert.deepEqual(
        cut(`Error: no (${title.split('/').at(-1)}:7:9)`, title),
        `${title.split('/').at(-1)}:7:9`,
      )
    assert.equal(cut('Error: no (renamed.js:7:9)', 'Another title'), '7:9')
    assert.equal(cut('Error: no (:7:9)', ''), '7:9')
  })

  test('is none where there is none', () => {
    for (const text of ['', 'Error: no', '(a.js:1:2) is wrong', 'at 12:30', '(a.js:1)', '(a:1:2)\n'])
      assert.equal(placeInText(text, 'a.js'), undefined, text)
  })

  test('of a line is that which comes with it, wherever the text says it', () => {
    const error = said('Error: no (a.js:7:9)', { level: 'error', title: 'a.js' })
    assert.equal(placeOfLine(error, error.text), undefined, 'anybody can print that')
    const place = { line: 7, column: 9 }
    assert.deepEqual(placeOfLine({ ...error, place }, error.text), { ...place, from: 11, to: 19 })
    assert.deepEqual(placeOfLine({ ...error, place }, 'no'), { ...place, from: 2, to: 2 })
  })

  function cut(text: string, title: string): string | undefined {
    const place = placeInText(text, title)
    return place && text.slice(place.from, place.to)
  }
})

describe('search in the console', () => {
  const texts = ['One two one', 'İstanbul ONE', '', 'a.c abc', '😀one']

  test('finds every place, without regard to case, and takes nothing for a pattern', () => {
    assert.deepEqual(
      matchesIn(texts, 'one').map(({ row, from, to }) => texts[row]?.slice(from, to)),
      ['One', 'one', 'ONE', 'one'],
    )
    assert.deepEqual(matchesIn(texts, 'a.c'), [{ row: 3, from: 0, to: 3 }])
    assert.deepEqual(matchesIn(texts, ''), [])
    for (const odd of ['(', '[', '\\', '*', '^$', '\ud83d', '/-'])
      assert.deepEqual(matchesIn([`x${odd}`], odd).length, 1, odd)
  })

  test('stops at some number of matches, and says so', () => {
    const matches = matchesIn(['aaaa', 'aaaa'], 'a', 6)
    assert.equal(matches.length, 6)
    assert.equal(countText(6, undefined, 6), '6+')
    assert.equal(countText(6, 2, 10), '3 of 6')
    assert.equal(countText(0, undefined), 'no matches')
    assert.equal(countText(1234, 0, 5000), '1 of 1,234')
  })

  test('goes on and back, around the ends, and begins where one looks', () => {
    const matches = matchesIn(texts, 'one')
    assert.equal(nextMatch(matches, 3, { step: 1 }), 0)
    assert.equal(nextMatch(matches, 0, { step: -1 }), 3)
    assert.equal(nextMatch(matches, undefined, { step: 1, row: 1 }), 2)
    assert.equal(nextMatch(matches, undefined, { step: -1, row: 1 }), 2)
    assert.equal(nextMatch(matches, undefined, { step: 1, row: 9 }), 0)
    assert.equal(nextMatch(matches, undefined, { step: -1, row: -1 }), 3)
    assert.equal(nextMatch([], undefined, { step: 1 }), undefined)
  })
})

function rows(lines: readonly ConsoleLine[], filter: RowFilter = {}, joinsRepeats?: boolean) {
  const buffer = new LineBuffer()
  buffer.add(lines)
  return rowsOf(buffer.lines, filter, joinsRepeats)
}

function shown(lines: readonly ConsoleLine[], filter: RowFilter): string[] {
  return rows(lines, filter).map(({ line }) => line.text)
}

let made = 0

function said(text: string, other: Partial<ConsoleLine> = {}): ConsoleLine {
  return {
    id: `${made++}`,
    at: made,
    node: 'n1',
    agent: 'a',
    index: 3,
    title: 'A',
    level: 'log',
    text,
    ...other,
  }
}
