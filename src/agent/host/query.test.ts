import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Layout, LayoutField } from '../../entry/layout.ts'
import { compileFilter } from '../../filter/index.ts'
import { EntryQuery } from './query.ts'

describe('entries on their way to a person', () => {
  const leaf = (name: string): LayoutField => ({ kind: 'leaf', name, form: 'plain' })
  const layout: Layout = { protocol: null, fields: ['id', 'request', 'error'].map(leaf) }

  test('are shown without their content where it is nested more deeply than JSON can be made', () => {
    // Of plain objects alone JSON can be made however deep they are; those of entries have prototypes.
    let deep: unknown = null
    for (let depth = 0; depth < 100_000; depth++)
      deep = new (class {
        inner = deep
      })()
    const query = new EntryQuery(compileFilter('', { prefer: 'kfl1', macros: {} }))
    assert.deepEqual(query.begin([0, 'a', deep, null], [layout], undefined)?.original, {
      id: 'a',
      request: null,
      error: { type: 'dissection', msg: 'its content is nested too deeply, or too long' },
    })
  })
})
