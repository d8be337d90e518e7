import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { HelperCall } from '../src/agent/group.ts'
import { httpServer } from '../src/testing/http-server.ts'
import { REPOSITORY, remora } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { runOnSample } from '../src/testing/test-run.ts'
import { until } from '../src/testing/until.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
/** What the webhook takes. */
const SLOW_MS = 2000

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

describe('a webhook that is slow', () => {
  test('holds up nothing in live traffic, and the ledger says what became of each call', async (t) => {
    const folder = await tempFolder(t)
    const sink = await httpServer(t, (_, response) => void setTimeout(() => response.end(), SLOW_MS))
    const agents = {
      'slow.js': `// Slow\nfunction onItemCaptured(data) { vendor.webhook('POST', '${sink.url}/in', { id: data.id }) }`,
      'count.js': `// Count\nvar n = 0\nfunction onItemCaptured() { n++ }\njobs.schedule('say', '* * * * * *', function () { console.log('seen ' + n) })`,
    }
    for (const [name, text] of Object.entries(agents)) writeFileSync(join(folder, name), text)
    const { code, stdout, stderr } = await remora(
      ['run', 'slow.js', 'count.js', '--pcap', SAMPLE, '--replay', '--json'],
      {
        cwd: folder,
        meanwhile: async (pid, output) => {
          // Each would have taken its time: by then there would be no more than a few.
          await until(() => /seen [1-9]\d\d/.test(output()) && sink.seen.length > 2, output)
          process.kill(pid, 'SIGINT')
        },
      },
    )
    assert.equal(code, 0, stderr)
    const { ledger } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    assert.deepEqual(ledger.discrepancies, [])
    const [call] = ledger.effects.calls
    const [queue] = ledger.effects.queues
    assert.deepEqual([call.helper, call.title, call.queued], ['vendor.webhook', 'Slow', call.calls])
    assert.ok(call.calls > 100, `${call.calls} calls`)
    assert.equal(queue.queued, call.calls)
    assert.equal(queue.queued, queue.delivered + queue.waiting)
    assert.ok(queue.waiting > 0)
    assert.match(stderr, new RegExp(`${queue.waiting} queued calls of helpers have not arrived yet`))
    const items = ledger.agents.map(({ items }: { items: { dropped: object } }) => items.dropped)
    assert.deepEqual(items, Array(2).fill({ 'queue-full': 0, stopped: 0 }))
    const ids = sink.seen.map(({ body }) => JSON.parse(body).id)
    assert.equal(new Set(ids).size, ids.length, 'each arrives once')
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
