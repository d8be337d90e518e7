import assert from 'node:assert/strict'
import { describe as group, test } from 'node:test'
import type { Summary } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { entriesOf } from '../../testing/entries.ts'
import { postgresql } from './dissector.ts'
import {
  authentication,
  bind,
  bound,
  c,
  execute,
  failure,
  m,
  parse,
  parsed,
  query,
  ready,
  s,
  startup,
  sync,
  tag,
  u32s,
} from './test-messages.ts'

const conversation = [
  c(startup('user', 'ann', 'database', 'shop')),
  s(authentication(0), ready()),
  c(query('select "a\\b"\n\tfrom t -- grüße')),
  s(tag('SELECT 3'), ready()),
  c(query(`select ${'x'.repeat(1000)}`)),
  s(failure('42703', 'no such column'), ready()),
  c(parse('s', 'select 1'), bind('', 's'), execute(), sync),
  s(parsed, bound, tag('SELECT 1'), ready()),
  s(m('A', u32s(9), 'jobs', 'x')),
  s(failure('57P01', 'bye', 'FATAL')),
]

test('the filters of a row find its entry', () => {
  const statusQueries: string[] = []
  for (const entry of entriesOf(postgresql as never, ...conversation)) {
    const { methodQuery, summaryQuery, status, statusQuery } = entry.base as Summary
    for (const filter of [methodQuery, summaryQuery, `${methodQuery} and ${summaryQuery}`, 'postgresql'])
      assert.equal(compileFilter(filter, { prefer: 'kfl1' }).matches(entry), true, filter)
    assert.equal(status, 0)
    if (statusQuery === '') continue
    assert.equal(compileFilter(statusQuery, { prefer: 'kfl1' }).matches(entry), true, statusQuery)
    statusQueries.push(statusQuery)
  }
  assert.deepEqual(statusQueries, ['response.errorCode == "42703"', 'response.errorCode == "57P01"'])
})

test('a row of a statement that no filter can say as a whole finds its entry', () => {
  const statements = [
    "select '\x1b[31m'",
    "select '\b'",
    '\x01',
    `select '${'a'.repeat(247)}😀'`,
    `select '${'a'.repeat(248)}\x02'`,
    "select '\x7f\u2028'",
  ]
  const conversation = statements.flatMap((text) => [c(query(text)), s(tag('SELECT 1'), ready())])
  const entries = entriesOf(postgresql as never, ...conversation)
  assert.equal(entries.length, statements.length)
  for (const entry of entries)
    for (const prefer of ['kfl1', 'kfl2'] as const) {
      const { summaryQuery } = entry.base as Summary
      assert.equal(compileFilter(summaryQuery, { prefer }).matches(entry), true, summaryQuery)
    }
})

group('variables of CEL', () => {
  const [login, selected, failed] = entriesOf(postgresql as never, ...conversation)
  for (const [filter, entry] of [
    ['postgresql && postgresql_command == "StartupMessage" && postgresql_database == "shop"', login],
    ['postgresql_user == "ann" && postgresql_success && postgresql_error_code == ""', login],
    ['postgresql_query.contains("from t") && postgresql_response.rowCount == 3', selected],
    ['postgresql_request_size > 0 && postgresql_response_size > 0 && postgresql_total_size > 0', selected],
    ['!postgresql_success && postgresql_error_code == "42703"', failed],
    ['postgresql_error_message == "no such column" && postgresql_user == "ann"', failed],
  ] as const)
    test(filter, () => assert.equal(compileFilter(filter, { prefer: 'kfl2' }).matches(entry as never), true))
})
