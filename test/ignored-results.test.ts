import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { HelperCall } from '../src/agent/group.ts'
import { runOnSample } from '../src/testing/test-run.ts'

const SCRIPT = `var said = 0
function tell(how) { vendor.webhook('POST', 'http://127.0.0.1:9/' + how) }
tell('load')
function onItemCaptured(data) {
  if (said++ > 0) return
  tell('hook')
  var answer = vendor.webhook('POST', 'http://127.0.0.1:9/used')
  try { vendor.webhook('POST', 'http://127.0.0.1:9/printed') } catch (error) { console.log(error) }
  try { vendor.webhook('POST', 'http://127.0.0.1:9/watched') } catch (error) { said = 0 }
  setTimeout(function () { tell('timer') }, 1)
}
function onItemQueried(data) { tell('query'); return data }
jobs.schedule('job', '* * * * * *', function () { tell('job') }, 1)`

describe('calls whose answer nobody looks at', () => {
  test('are told apart in hooks for traffic, and nowhere else', async (t) => {
    const calls = await callsOf(t, 'queue')
    assert.deepEqual(calls.get('hook'), [true])
    assert.deepEqual(calls.get('printed'), [true])
    for (const how of ['load', 'used', 'watched', 'timer', 'job'])
      assert.deepEqual(calls.get(how), [false], how)
    assert.ok(calls.get('query')?.every((isIgnored) => !isIgnored))
  })

  test('are not, where traffic waits', async (t) => {
    const calls = await callsOf(t, 'wait')
    for (const [how, each] of calls) assert.ok(!each.includes(true), how)
    assert.deepEqual(calls.get('hook'), [false])
  })
})

/** By the last part of their addresses: whether each was told to be ignored. */
async function callsOf(t: TestContext, ignoredResults: 'queue' | 'wait'): Promise<Map<string, boolean[]>> {
  const calls = new Map<string, boolean[]>()
  await runOnSample(
    t,
    [SCRIPT],
    { host: { ignoredResults }, query: { filter: '' } },
    {
      async call({ args, isIgnored = false }: HelperCall) {
        const how = String(args[1]).slice('http://127.0.0.1:9/'.length)
        calls.set(how, [...(calls.get(how) ?? []), isIgnored])
        return ''
      },
    },
  )
  return calls
}
