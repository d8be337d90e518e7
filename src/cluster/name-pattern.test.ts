import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { NamePattern } from './name-pattern.ts'

const atom = fc.constantFrom(
  'a',
  'b',
  '-',
  '.',
  '[ab]',
  '[^a]',
  '[a-c1]',
  '\\d',
  '\\w',
  '\\W',
  '\\b',
  '\\.',
  '^',
  '$',
)
const pattern: fc.Arbitrary<string> = fc.letrec((tie) => ({
  part: fc.oneof(
    { maxDepth: 4 },
    atom,
    fc.tuple(tie('part'), tie('part')).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie('part'), tie('part')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('part'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,1}', '{1,}', '*?', '+?'))
      .map(([a, times]) => `(${a})${times}`),
  ),
})).part as fc.Arbitrary<string>
const names = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '1', '.'), maxLength: 12 })

test('it matches what the regular expressions of JavaScript match', () => {
  fc.assert(
    fc.property(pattern, names, (source, name) => {
      assert.equal(
        new NamePattern(source).test(name),
        new RegExp(source, 's').test(name),
        `${source} on ${name}`,
      )
    }),
    { numRuns: 3000 },
  )
})

test('it takes no longer for a pattern that others need for ever for', () => {
  const name = `${'a'.repeat(250)}!`
  for (const source of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa|\\w)+$',
    '(a?){200}a{200}b',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
  ])
    assert.equal(new NamePattern(source).test(name), false, source)
})

test('flags and named groups are those of RE2', () => {
  assert.ok(new NamePattern('(?i)^CATALOGUE-(?P<id>.*)').test('catalogue-7d4f'))
  assert.ok(!new NamePattern('^CATALOGUE').test('catalogue-7d4f'))
})

test('what cannot be read is refused with its place', () => {
  const refused: [string, string, number][] = [
    ['a(b', 'a ( that is not closed', 1],
    ['a)b', 'a ) that nothing opens', 1],
    ['a[b', 'a [ that is not closed', 1],
    ['*a', 'nothing in front of *', 0],
    ['a(?=b)', 'look-around', 2],
    ['(a)\\1', 'back-references', 5],
    ['a{5,2}', 'a repetition whose ends are the wrong way round', 1],
    ['a\\', 'a \\ at the end', 2],
    ['((a{1000}){1000}){1000}', 'too large', 16],
    ['('.repeat(200), 'groups in each other', 101],
  ]
  for (const [source, what, offset] of refused)
    assert.throws(
      () => new NamePattern(source),
      (error) =>
        error instanceof Mistake &&
        error.code === 'E_REQUEST' &&
        error.message.includes(what) &&
        (offset === error.at?.offset || assert.fail(`${source}: ${error.at?.offset}`)),
      source,
    )
})

test('no text makes it fail in another way', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 20 }), (source, name) => {
      try {
        new NamePattern(source).test(name)
      } catch (error) {
        assert.ok(error instanceof Mistake)
      }
    }),
  )
})
