import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReportView } from '../../../src/wire/reports.ts'
import { fileNameOf, groupsOf, pathOf } from './report-list.ts'

describe('reports on the page', () => {
  test('are one line for each name of an agent on a node, with older versions below it', () => {
    const groups = groupsOf([
      report('a', { at: 10, version: 1 }),
      report('b', { at: 30, version: 2 }),
      report('c', { at: 40, name: 'other' }),
      report('d', { at: 20, node: 'n2' }),
    ])
    assert.deepEqual(
      groups.map(({ newest, older }) => [newest.id, older.map(({ id }) => id)]),
      [
        ['c', []],
        ['b', ['a']],
        ['d', []],
      ],
    )
  })

  test('of one millisecond are told apart by their version', () => {
    const [group] = groupsOf([report('a', { version: 1 }), report('b', { version: 2 })])
    assert.equal(group?.newest.id, 'b')
  })

  test('are found by their words', () => {
    const all = [report('a', {}), report('b', { name: 'calls.csv', format: 'csv', title: 'Shop' })]
    const found = (searched: string) => groupsOf(all, searched).map(({ newest }) => newest.id)
    assert.deepEqual(found('CSV shop'), ['b'])
    assert.deepEqual(found('weekly'), ['a'])
    assert.deepEqual(found('nothing'), [])
  })

  test('are files with an ending', () => {
    assert.equal(fileNameOf({ name: 'week.html', format: 'html' }), 'week.html')
    assert.equal(fileNameOf({ name: 'week', format: 'markdown' }), 'week.md')
    assert.equal(pathOf({ node: 'a/b', id: 'x1' }), '/reports/a%2Fb/x1')
  })
})

function report(id: string, more: Partial<ReportView>): ReportView {
  return {
    ...{ id, node: 'n1', agent: 'agent', title: 'Agent', name: 'weekly', format: 'html' },
    ...{ version: 1, bytes: 10, at: 5 },
    ...more,
  }
}
