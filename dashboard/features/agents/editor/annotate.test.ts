import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { annotate, toAnnotated, toOriginal } from './annotate.ts'

const HOOKS = [
  { name: 'onItemCaptured', type: 'OnItemCaptured', params: ['data'], doc: 'Called for entries.' },
  { name: 'onPodEvent', type: 'OnPodEvent', params: ['event', 'pod'], doc: 'Called for pods.' },
]
const CODE = `// Title
function onItemCaptured(data) {
  function onPodEvent() {}
}
/** mine */
function onPodEvent(event) {}
function other() {}
function onPodEvent (event, pod) {}
`

describe('types of hooks', () => {
  test('are put before functions at the top level that have no comment of their own', () => {
    const { text, insertions } = annotate(CODE, HOOKS)
    assert.match(
      text,
      /^\/\*\*\nCalled for entries\.\n@type \{OnItemCaptured\} \*\/ function onItemCaptured/m,
    )
    assert.equal(insertions.length, 2)
    assert.equal(text.match(/@type/g)?.length, 2)
  })

  test('leave every place where it can be found again', () => {
    const annotated = annotate(CODE, HOOKS)
    for (let at = 0; at <= CODE.length; at++) {
      const there = toAnnotated(annotated, at)
      assert.equal(annotated.text[there], CODE[at])
      assert.equal(toOriginal(annotated, there), at)
    }
    const inside = annotated.text.indexOf('@type')
    assert.equal(toOriginal(annotated, inside), CODE.indexOf('function onItemCaptured'))
  })
})
