import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differences, fixtureText } from './fixtures.ts'
import { type Expectation, type Fixture, fixture } from './trials.ts'

const expected = (...texts: readonly string[]): Expectation => ({
  stopped: false,
  console: texts.map((text) => ({ level: 'log', text })),
  effects: [],
  marks: [],
})

describe('fixtures', () => {
  test('are read as they are written, each entry on a line of its own', () => {
    const whole: Fixture = {
      ...{ remora: 'fixture', version: 1, title: 'T "x"', language: 'es5', code: 'var a\nvar b' },
      env: { KEY: '[env.KEY]' },
      input: { kind: 'entries', entries: [{ id: 'a' }, { id: 'b', text: 'two\nlines' }] },
      expected: { ...expected('one', 'two'), marks: [{ entry: 'a', passed: true }] },
    }
    const text = fixtureText(whole)
    assert.deepEqual(fixture.parse(JSON.parse(text)), whole)
    assert.match(text, /^ +\{"id":"a"\},$/m)
    const capture = { ...whole, input: { kind: 'capture', name: 'x.pcap', base64: 'AAAA' } } as const
    assert.deepEqual(fixture.parse(JSON.parse(fixtureText(capture))), capture)
  })

  test('differ where something is missing, is more, or is another', () => {
    assert.deepEqual(differences(expected('a', 'b'), expected('a', 'b')), [])
    assert.deepEqual(differences(expected('a', 'b', 'c'), expected('a', 'x', 'c', 'd')), [
      '  console log: a',
      '- console log: b',
      '+ console log: x',
      '  console log: c',
      '+ console log: d',
    ])
    assert.deepEqual(differences(expected(), { ...expected(), stopped: true }), ['+ was stopped'])
  })

  test('show a few lines around each difference, however many there are', () => {
    const many = Array.from({ length: 1000 }, (_, at) => `line ${at}`)
    const changed = many.with(500, 'other')
    assert.deepEqual(differences(expected(...many), expected(...changed)), [
      '  …',
      '  console log: line 498',
      '  console log: line 499',
      '- console log: line 500',
      '+ console log: other',
      '  console log: line 501',
      '  console log: line 502',
      '  …',
    ])
    const all = differences(expected(...many), expected(...many.map((line) => `${line}!`)))
    assert.equal(all.length, 2000)
  })
})
