import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Summary } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { entriesOf } from '../../testing/entries.ts'
import { memcached } from './dissector.ts'
import { answer, ask, c, s } from './test-messages.ts'

const entries = [
  ...entriesOf(
    memcached as never,
    c('set a"\\b 0 0 5\r\nhello\r\n'),
    s('STORED\r\n'),
    c('get nothing\r\nincr a 1\r\n'),
    s('END\r\nCLIENT_ERROR no number\r\n'),
  ),
  ...entriesOf(memcached as never, c(ask(0, { key: 'k' })), s(answer(0, { status: 1, value: 'Not found' }))),
]

test('the filters of a row find its entry', () => {
  for (const entry of entries) {
    const { methodQuery, summaryQuery, statusQuery } = entry.base as Summary
    for (const filter of [
      methodQuery,
      summaryQuery,
      statusQuery,
      `${methodQuery} and ${summaryQuery}`,
      'memcached',
    ])
      assert.equal(compileFilter(filter, { prefer: 'kfl1' }).matches(entry), true, filter)
  }
})

test('the status of an error finds no success, and the other way round', () => {
  const [set, , incr] = entries
  for (const [one, other] of [
    [set, incr],
    [incr, set],
  ]) {
    const { statusQuery } = (one as (typeof entries)[number]).base as Summary
    assert.equal(compileFilter(statusQuery, { prefer: 'kfl1' }).matches(other as never), false, statusQuery)
  }
})

describe('variables of CEL', () => {
  const [set, get, incr, binary] = entries
  for (const [filter, entry] of [
    ['memcached && memcached_command == "set" && memcached_success && memcached_total_size > 0', set],
    ['memcached_key == "nothing" && memcached_status == "END"', get],
    ['!memcached_success && memcached_error.contains("no number")', incr],
    ['memcached_status == "Key not found" && memcached_response.statusCode == 1', binary],
  ] as const)
    test(filter, () => assert.equal(compileFilter(filter, { prefer: 'kfl2' }).matches(entry as never), true))
})
