import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { testAgent } from '../src/testing/group.ts'
import { httpServer } from '../src/testing/http-server.ts'
import { canCapture, fetchOnce } from '../src/testing/live-run.ts'
import { testRun } from '../src/testing/test-run.ts'

test('a live run begins without agents, and gives those that come what they read', async (t) => {
  if (!canCapture(t)) return
  const server = await httpServer(t, (_, response) => response.end('hello'))
  const texts: string[] = []
  const source = { interface: ['lo'], filter: `tcp port ${server.port}` }
  const run = await testRun(t, { source, sources: [] }, { line: ({ text }) => texts.push(text) })
  const ended = run.run()
  const says = (agent: string) => `function onItemCaptured(d) { console.log("${agent}", d.request.path) }`
  /** Until an agent has seen a request to this path. */
  const seen = (agent: string, path: string) =>
    waitFor(async () => {
      await fetchOnce(server.port, path)
      return texts.includes(`${agent} ${path}`)
    })

  assert.equal(await run.reload(testAgent(5, says('five'))), undefined)
  await seen('five', '/a')
  await run.reload(
    testAgent(2, `function onItemCaptured(d) { console.log("two", pcap.snapshot(), d.request.path) }`),
  )
  await waitFor(async () => {
    await fetchOnce(server.port, '/b')
    return texts.some((text) => text.startsWith('two ') && text.endsWith('/b'))
  })
  await run.remove(5)
  await run.agents.settled()
  const before = texts.filter((text) => text.startsWith('five')).length
  assert.match((await run.reload(testAgent(2, 'var = 1'))) ?? '', /Unexpected|expected/i)
  await run.reload(testAgent(2, says('second version of two')))
  await seen('second version of two', '/c')
  assert.equal(texts.filter((text) => text.startsWith('five')).length, before)
  assert.deepEqual([run.runs(5), run.runs(2)], [false, true])
  run.stop()
  const result = await ended
  assert.deepEqual(result.discrepancies, [])
  assert.deepEqual(
    result.agents.map(({ agent, runs }) => [agent.index, runs]),
    [
      [5, false],
      [2, true],
    ],
  )
  assert.ok((result.capture.spool?.received ?? 0) > 0)
})

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await condition()); await setTimeout(50))
    if (Date.now() > end) throw new Error('waited in vain')
}

const PATIENCE_MS = 30_000
