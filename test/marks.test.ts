import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EntryMarks } from '../src/agent/answers.ts'
import { runOnSample } from '../src/testing/test-run.ts'

describe('what agents write on entries', () => {
  const FAIL = 'function onItemCaptured(d) { if (d.response && d.response.status >= 400) test.fail(d) }'
  const TAG = `function onItemCaptured(d) {
    if (d.response === null || !(d.response.status >= 400)) return
    d.tags = [d.protocol.abbr]
    if (d.response.status >= 500) test.pass(d)
  }`
  const NAME = `function onItemCaptured(d) {
    if (d.response && d.response.status >= 400) console.log(d.stream, d.index, d.protocol.abbr, d.response.status >= 500)
  }`

  test('is told with the stream and the index of each, of all agents together', async (t) => {
    const marks: EntryMarks[] = []
    const lines: string[] = []
    const result = await runOnSample(
      t,
      [FAIL, TAG, NAME],
      { host: { marks: true } },
      {
        marks: (more) => marks.push(...more),
        line: ({ text }) => lines.push(text),
      },
    )
    assert.deepEqual(result.discrepancies, [])
    assert.ok(marks.length > 0)
    assert.deepEqual(
      marks.map(({ stream, index, passed, failed, tags }) => {
        assert.equal(failed, true)
        return [stream, index, (tags as string[])[0], passed === true].join(' ')
      }),
      lines,
    )
  })

  test('is told also when no agent asks which entry it is, and only when it is wanted', async (t) => {
    for (const wanted of [true, false]) {
      const marks: EntryMarks[] = []
      await runOnSample(t, [FAIL], { host: { marks: wanted } }, { marks: (more) => marks.push(...more) })
      assert.equal(marks.length > 0, wanted)
    }
  })
})
