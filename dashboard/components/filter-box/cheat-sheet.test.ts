import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilter } from '../../../src/filter/index.ts'
import { cheatSheet } from './cheat-sheet.ts'
import { languageOf } from './clause.ts'

test('every line of the cheat sheet is a filter, in the language that it is an example of', () => {
  for (const { what, kfl, cel } of cheatSheet.flatMap(({ rows }) => rows)) {
    assert.deepEqual(compileFilter(kfl, { prefer: 'kfl1' }).warnings, [], what)
    // Also where a hub takes it for the other.
    compileFilter(kfl, { prefer: 'kfl2' })
    assert.equal(languageOf(cel), 'kfl2', what)
    if (cel !== '') assert.equal(compileFilter(cel, { prefer: 'kfl2' }).language, 'kfl2', what)
  }
})
