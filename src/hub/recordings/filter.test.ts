import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordingIn } from './filter.ts'

test('a filter says which recording it is about, if it is about one', () => {
  for (const filter of [
    'record("a-1")',
    'http and record("a-1")',
    "record( 'a-1' ) and response.status != 500",
  ])
    assert.equal(recordingIn(filter), 'a-1', filter)
  for (const filter of [
    ...['', 'http', 'record("a") or record("b")', 'record("a") and record("b")', 'not record("a")'],
    ...['!record("a")', 'http or record("a")', 'record("A")', 'record(name)'],
  ])
    assert.equal(recordingIn(filter), undefined, filter)
})
