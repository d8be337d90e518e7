import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { placeIn, withoutPlace, withPlace } from './place.ts'

describe('places of errors', () => {
  test('are read as they are written', () => {
    const text = withPlace('TypeError: x is undefined', 'My agent (2).js', { line: 12, column: 3 })
    assert.equal(text, 'TypeError: x is undefined (My agent (2).js:12:3)')
    assert.deepEqual(placeIn(text, 'My agent (2).js'), { line: 12, column: 3 })
    assert.equal(withoutPlace(text, 'My agent (2).js'), 'TypeError: x is undefined')
  })

  test('are read of repeated errors, and of scripts that cannot be read', () => {
    const repeated = 'timer: Error: no (a.js:2:7) (13 more like it)'
    assert.deepEqual(placeIn(repeated, 'a.js'), { line: 2, column: 7 })
    assert.deepEqual(placeIn('a.js:4:1: Unexpected token\n4 | }', 'a.js'), { line: 4, column: 1 })
  })

  test('are only those of the script, and only where they are written', () => {
    for (const text of ['no', 'Error (b.js:1:2)', 'Error (a.js:1:2) and more', 'a.js:1: x', '(a.js:1)'])
      assert.equal(placeIn(text, 'a.js'), undefined, text)
    assert.equal(withoutPlace('Error (b.js:1:2)', 'a.js'), 'Error (b.js:1:2)')
  })
})
