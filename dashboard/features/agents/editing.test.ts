import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { beginNew, beginWith, freeTitle, hear, isDirty, overTheirs, saved } from './editing.ts'
import { testAgent } from './test-agent.ts'

const ONE = testAgent()
const TWO = testAgent({ version: 2, code: '// A\n2' })
const mine = { ...beginWith(ONE), text: { title: 'A', code: '// mine' } }

describe('editing', () => {
  test('is of something unsaved when code or title differ', () => {
    assert.equal(isDirty(beginWith(ONE)), false)
    assert.equal(isDirty(mine), true)
    assert.equal(isDirty({ ...beginWith(ONE), text: { title: 'B', code: '// A' } }), true)
    assert.equal(isDirty(beginNew({ title: '', code: ' ' })), false)
    assert.equal(isDirty(beginNew({ title: '', code: 'x' })), true)
  })

  test('follows what others store as long as nothing was typed', () => {
    assert.deepEqual(hear(beginWith(ONE), TWO), beginWith(TWO))
    assert.equal(hear(mine, ONE), mine)
    const heard = hear(mine, TWO)
    assert.deepEqual([heard.text, heard.theirs, heard.base?.version], [mine.text, TWO, 1])
    assert.equal(hear(heard, TWO), heard)
    const same = { ...mine, text: { title: 'A', code: TWO.code } }
    assert.deepEqual(hear(same, TWO), beginWith(TWO))
    assert.equal(hear(mine, testAgent({ id: 'b', version: 9 })), mine)
  })

  test('stays with what was saved and did not load, when the version before is back', () => {
    const failure = { version: 2, node: 'n1', reason: 'no', at: '' }
    const after = hear(beginWith(TWO), testAgent({ version: 3, failure }))
    assert.deepEqual([after.text.code, after.base?.version, isDirty(after)], [TWO.code, 3, true])
  })

  test('goes on over what others have stored, or with it', () => {
    const heard = hear(mine, TWO)
    assert.deepEqual([overTheirs(heard).base?.version, overTheirs(heard).text.code], [2, '// mine'])
    assert.equal(isDirty(overTheirs(heard, TWO)), false)
  })

  test('keeps what was typed while it was saved', () => {
    const after = saved({ ...mine, text: { title: 'A', code: '// mine, more' } }, { ...TWO, code: '// mine' })
    assert.deepEqual([isDirty(after), after.base?.version], [true, 2])
  })
})

test('titles that are taken get a number', () => {
  assert.equal(freeTitle('A', []), 'A')
  assert.equal(freeTitle('A', ['A', 'A 2']), 'A 3')
})
