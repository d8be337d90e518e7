import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilter } from '../../../src/filter/index.ts'
import { cheatSheet } from './cheat-sheet.ts'

test('every line of the cheat sheet is a filter, in the language that it is an example of', () => {
  for (const { what, kfl, cel } of cheatSheet.flatMap(({ rows }) => rows)) {
    const asKfl = compileFilter(kfl, { prefer: 'kfl1' })
    assert.deepEqual([asKfl.language, asKfl.warnings], ['kfl1', []], what)
    if (cel !== '') assert.equal(compileFilter(cel, { prefer: 'kfl2' }).language, 'kfl2', what)
  }
})
