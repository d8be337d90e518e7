import assert from 'node:assert/strict'
import { describe as group, test } from 'node:test'
import type { Summary } from '../../dissect/dissector.ts'
import { Entry, type Exchange } from '../../entry/entry.ts'
import { decodeRow, encodeRow, layoutsOf } from '../../entry/layout.ts'
import { compileFilter } from '../../filter/index.ts'
import { feed } from '../../testing/feed.ts'
import { postgresql } from './dissector.ts'
import {
  authentication,
  bind,
  bound,
  type Chunk,
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

/** Entries as filters get them. */
const entries = (...chunks: readonly Chunk[]) =>
  feed(postgresql, chunks).exchanges.map(({ request, response }) => {
    const exchange = {
      dissector: postgresql,
      variant: 0,
      stream: { name: 'a.pcap', client: END, server: END, vlan: -1, interfaceName: '' },
      request: request?.message ?? null,
      response: response?.message ?? null,
      requestSize: request?.size ?? 0,
      responseSize: response?.size ?? 0,
      error: null,
      data: null,
      seconds: 0,
      nanos: 0,
      elapsedTime: 0,
      matcherKey: '',
      index: 0,
    } as unknown as Exchange
    const [layout] = layoutsOf(postgresql as never, new Set(['*']))
    const fields = layout?.fields ?? []
    return decodeRow(fields, encodeRow(fields, new Entry(exchange, ORIGIN)))
  })

const END = { ip: '192.0.2.1', port: '5432' }
const ORIGIN = {
  worker: '',
  node: { ip: '', name: '' },
  backend: 'pcap',
  nameOf: () => undefined,
}

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
  for (const entry of entries(...conversation)) {
    const { methodQuery, summaryQuery } = entry.base as Summary
    for (const filter of [methodQuery, summaryQuery, `${methodQuery} and ${summaryQuery}`, 'postgresql'])
      assert.equal(compileFilter(filter, { prefer: 'kfl1' }).matches(entry), true, filter)
  }
})

group('variables of CEL', () => {
  const [login, selected, failed] = entries(...conversation)
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
