import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileFilter } from '../../../src/filter/index.ts'
import { goldenEntries } from '../../../src/testing/entry-json.ts'
import { clauseFor, type ValuePath, valueAt, withClause } from './clause.ts'

const LANGUAGES = ['kfl1', 'kfl2'] as const

test('the clause made of any value of any entry matches that entry, and the opposite does not', async () => {
  const counts = { kfl1: 0, kfl2: 0 }
  const entries = (await goldenEntries()).filter((_, at) => at % 20 === 0)
  for (const text of entries) {
    const entry: unknown = JSON.parse(text)
    for (const path of leavesOf(entry))
      for (const language of LANGUAGES) counts[language] += hold(entry, path, language)
  }
  assert.ok(counts.kfl1 > 4_000 && counts.kfl2 > 1_500, JSON.stringify(counts))
})

test('hostile keys and values are quoted', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc
      .array(
        fc.constantFrom(
          '"',
          "'",
          '`',
          '\\',
          '\n',
          '\r',
          '\t',
          '\0',
          '\u202e',
          '\ud800',
          '',
        ) as fc.Arbitrary<string>,
      )
      .map((all) => all.join('')),
    fc.constantFrom(
      '" or true or "',
      'basic.publish',
      'x'.repeat(2000),
      '__proto__',
      'nil',
      '\u2028',
      'kfl2:a',
      '%',
      '&&',
    ),
  )
  const value = fc.oneof(hostile, fc.integer(), fc.double(), fc.boolean(), fc.constant(null))
  fc.assert(
    fc.property(hostile, value, (key, each) => {
      const headers = Object.fromEntries([[key, each]])
      const entry = JSON.parse(
        JSON.stringify({ protocol: { name: 'http' }, request: { headers, path: String(each) } }),
      )
      for (const language of LANGUAGES) {
        hold(entry, ['request', 'headers', key], language)
        hold(entry, ['request', 'path'], language)
      }
    }),
    { numRuns: 500 },
  )
})

test('a clause is added without changing what was asked before', () => {
  const cases = [
    ['', 'http', 'kfl2', 'http'],
    ['http', 'dst.port == "80"', 'kfl1', 'http and dst.port == "80"'],
    ['http', 'dst.port == 80', 'kfl2', 'http && dst.port == 80'],
    ['http or dns', 'dst.port == "80"', 'kfl1', '(http or dns) and dst.port == "80"'],
    ['src.name == "a or b"', 'tls == true', 'kfl1', 'src.name == "a or b" and tls == true'],
    ['kfl1:http', 'dns', 'kfl1', 'kfl1:http and dns'],
    ['status_code == 500', 'method == "GET"', 'kfl2', 'status_code == 500 && method == "GET"'],
    ['http || dns', 'method == "GET"', 'kfl2', '(http || dns) && method == "GET"'],
    ['status_code > 1', 'protocol.name == "a"', 'kfl2', 'kfl2:status_code > 1 && protocol.name == "a"'],
    ['', 'method == "GET"', 'kfl2', 'method == "GET"'],
    ['', 'dst.name == "a"', 'kfl1', 'kfl1:dst.name == "a"'],
    ['response.status == 1', 'dst.name == "a"', 'kfl1', 'response.status == 1 and dst.name == "a"'],
  ] as const
  for (const [filter, clause, language, whole] of cases) {
    assert.equal(withClause(filter, clause, language), whole)
    assert.equal(compileFilter(whole, { prefer: 'kfl2' }).language, language)
  }
})

test('what a language has no words for gives no clause', () => {
  const entry = { request: { headers: { a: '1' } }, tags: ['x'], passed: true }
  assert.equal(clauseFor(entry, ['request', 'headers'], { language: 'kfl1' }), undefined)
  assert.equal(clauseFor(entry, ['passed'], { language: 'kfl2' }), undefined)
  assert.equal(clauseFor(entry, ['passed'], { language: 'kfl1' }), 'passed == true')
  assert.equal(clauseFor(entry, ['tags', 0], { language: 'kfl1' }), 'tags[0] == "x"')
  assert.equal(clauseFor(entry, ['gone'], { language: 'kfl1' }), undefined)
})

/** 1 when there is a clause. */
function hold(entry: unknown, path: ValuePath, language: (typeof LANGUAGES)[number]): 0 | 1 {
  const clause = clauseFor(entry, path, { language })
  const opposite = clauseFor(entry, path, { language, isNot: true })
  if (clause === undefined || opposite === undefined) return 0
  for (const [text, expected] of [
    [withClause('', clause, language), true],
    [withClause('', opposite, language), false],
  ] as const) {
    const filter = compileFilter(text, { prefer: 'kfl2' })
    const place = `${text} of ${JSON.stringify(valueAt(entry, path))?.slice(0, 300)}`
    assert.equal(filter.matches(entry), expected, place)
    assert.equal(filter.language, language, place)
  }
  return 1
}

function leavesOf(value: unknown, path: ValuePath = []): ValuePath[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.keys(value).flatMap((key) =>
    leavesOf(valueAt(value, [key]), [...path, Array.isArray(value) ? Number(key) : key]),
  )
}
