import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Drafts } from './drafts.ts'

describe('drafts', () => {
  test('are kept by agent until they are dropped', () => {
    const drafts = new Drafts(memory())
    const draft = { title: 'A', code: '// A', version: 3, at: 1 }
    drafts.keep('a', draft)
    assert.deepEqual(drafts.of('a'), draft)
    assert.equal(drafts.of('b'), undefined)
    drafts.drop('a')
    assert.equal(drafts.of('a'), undefined)
  })

  test('are none where something else is kept, or nothing can be', () => {
    const storage = memory()
    const drafts = new Drafts(storage)
    for (const text of ['{', '[]', '{"title":1}', 'null']) {
      storage.setItem('remora.draft.a', text)
      assert.equal(drafts.of('a'), undefined, text)
    }
    const fail = () => {
      throw new Error('denied')
    }
    const none = new Drafts({ getItem: fail, setItem: fail, removeItem: fail })
    none.keep('a', { title: '', code: '', version: 0, at: 0 })
    none.drop('a')
    assert.equal(none.of('a'), undefined)
  })
})

function memory() {
  const kept = new Map<string, string>()
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  }
}
