import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAgent } from './gate.ts'
import { topLevelNames, usesUndeclared } from './names.ts'

const OWN: readonly string[] = [
  'var a = 1; function f(b) { return a + b + c } var c',
  'console.log(Math.max(1, env.A), typeof undefined)',
  'var o = { key: 1 }; o.key; label: for (;;) break label',
  'try { null.x } catch (e) { console.log(e) }',
  '(function me(n) { return n ? me(n - 1) : arguments.length })(1)',
]

const OTHERS: readonly string[] = [
  'console.log(total)',
  'total = 1',
  'typeof total',
  'function f(total) {} f(total)',
  'function f() { var total } function g() { return total }',
]

const HELPERS = new Set(['console'])

describe('names of a script', () => {
  for (const source of OWN)
    test(`its own: ${source}`, () => assert.equal(usesUndeclared(parsed(source), HELPERS), false))
  for (const source of OTHERS)
    test(`maybe of another: ${source}`, () => assert.equal(usesUndeclared(parsed(source), HELPERS), true))

  test('knows what the top level declares', () => {
    const source =
      'var a, b = function c(d) { var e }; if (a) { var f } function g() { var h } for (var i in a);'
    assert.deepEqual(topLevelNames(parsed(source)).sort(), ['a', 'b', 'f', 'g', 'i'])
  })
})

function parsed(source: string) {
  return parseAgent(source, { language: 'es5', file: 'a.js' })
}
