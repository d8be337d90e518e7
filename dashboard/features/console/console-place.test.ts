import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConsolePlace, readPlace, writePlace } from './console-place.ts'

describe('the address of the console', () => {
  test('says what is shown, and is read again', () => {
    const places: ConsolePlace[] = [
      { levels: [], searched: '' },
      { agent: 'a b/c', node: 'n&1', levels: ['error', 'warn'], searched: 'x=1 & y' },
    ]
    for (const place of places) assert.deepEqual(readPlace(writePlace(place)), place)
  })

  test('is short where everything is shown', () => {
    assert.equal(
      writePlace({ levels: ['error', 'warn', 'info', 'log', 'debug'], searched: '' }).toString(),
      '',
    )
  })

  test('may be written by anybody', () => {
    assert.deepEqual(readPlace(new URLSearchParams('level=error,nonsense,error,clear&agent=&q=')), {
      levels: ['error'],
      searched: '',
    })
  })
})
