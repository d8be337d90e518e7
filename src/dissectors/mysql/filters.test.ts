import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileFilter, type FilterLanguage } from '../../filter/index.ts'
import { readCapture } from '../../testing/read-capture.ts'

const captures = ['mysql-text', 'mysql-prepared', 'mysql-commands'].map((name) =>
  fileURLToPath(new URL(`../../../test/captures/${name}.pcap`, import.meta.url)),
)
const read = await Promise.all(captures.map((path) => readCapture(path)))

const LOAD = "load data local infile 'rows.csv' into table l fields terminated by ','"

/** Summaries of the entries that a filter selects in the first capture. */
function selected(text: string, prefer: FilterLanguage): string[] {
  const filter = compileFilter(text, { prefer })
  return (read[0]?.entries ?? []).filter((entry) => filter.matches(entry)).map(({ base }) => base.summary)
}

test('filters select by what MySQL says', () => {
  const cases: readonly (readonly [string, FilterLanguage, readonly string[]])[] = [
    ['mysql and response.errorCode == 1054', 'kfl1', ['select nosuch', 'select nosuch']],
    ['mysql and request.query.startsWith("alter")', 'kfl1', ['alter table t force']],
    ['redis', 'kfl1', []],
    ['mysql && mysql_error_code == 1045', 'kfl2', ['app']],
    ['mysql_command == "COM_INIT_DB" && mysql_database == "mysql"', 'kfl2', ['mysql']],
    [
      'mysql_query.contains("force") && mysql_success && mysql_user == "app"',
      'kfl2',
      ['alter table t force'],
    ],
    ['mysql_error_message.contains("denied") && mysql_sql_state == "28000"', 'kfl2', ['app']],
    ['mysql_row_count == 3', 'kfl2', ['call p()', 'select * from t']],
    ['mysql_affected_rows == 2 && mysql_query.startsWith("load")', 'kfl2', [LOAD]],
    ['mysql_command == "COM_QUIT" && mysql_statement_id != 0', 'kfl2', []],
  ]
  for (const [text, prefer, expected] of cases) assert.deepEqual(selected(text, prefer), expected, text)
})

test('what a row says of itself selects it', () => {
  for (const entry of read.flatMap(({ entries }) => entries)) {
    const { methodQuery, summaryQuery, statusQuery } = entry.base
    for (const query of [methodQuery, summaryQuery, statusQuery])
      assert.ok(compileFilter(query, { prefer: 'kfl1' }).matches(entry), query)
  }
})
