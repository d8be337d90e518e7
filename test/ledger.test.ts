import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { readAgent } from '../src/agent/agents.ts'
import { SandboxLauncher } from '../src/agent/launcher.ts'
import { configOf } from '../src/cli/options.ts'
import { entryProtocols } from '../src/dissectors/index.ts'
import { Mistake } from '../src/mistake/mistake.ts'
import { corpusOrSkip } from '../src/testing/corpus.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { Broker } from '../src/worker/broker.ts'
import { Run, type RunResult } from '../src/worker/run.ts'
import { runOptions } from '../src/worker/run-options.ts'

const AGENTS = {
  'both.js':
    'var items = 0, packets = 0; function onItemCaptured(data) { items++ } function onPacketCaptured(info) { packets++ }',
  'fails.js': 'function onItemCaptured(data) { throw new Error(data.id) }',
  'fails-on-packets.js':
    'var n = 0; function onPacketCaptured(info) { if (n++ > 150) throw new Error("enough") }',
  'idle.js': 'var nothing = 1;',
}

describe('the ledger', () => {
  test('adds up to the event for every agent on every capture of the corpus', async (t) => {
    const run = await runner(t)
    for (const { path, name } of corpusOrSkip(t)) {
      const result = await run(path)
      if (result === undefined) continue
      assert.deepEqual(result.discrepancies, [], name)
      const { counters } = result.capture
      const entries = Object.values(counters.entries).reduce((sum, each) => sum + each, 0)
      const [both, fails, failsOnPackets, idle] = result.agents.map(({ account }) => account)
      assert.deepEqual([both?.items.received, both?.items.delivered], [entries, entries], name)
      assert.deepEqual(
        [both?.packets.received, both?.packets.delivered],
        [counters.packets, counters.packets],
        name,
      )
      assert.deepEqual(
        [fails?.items.received, fails?.items.delivered, fails?.items.dropped.stopped, fails?.errors],
        [entries, Math.min(entries, 100), Math.max(entries - 100, 0), Math.min(entries, 100)],
        name,
      )
      const heard = Math.min(counters.packets, 251)
      assert.deepEqual(
        [failsOnPackets?.packets.delivered, failsOnPackets?.packets.dropped.stopped],
        [heard, counters.packets - heard],
        name,
      )
      assert.deepEqual([idle?.items.received, idle?.packets.received, idle?.calls], [0, 0, 0], name)
    }
  })
})

/** Runs the agents on a capture as the program does; undefined when it is none. */
async function runner(t: TestContext): Promise<(path: string) => Promise<RunResult | undefined>> {
  const folder = await tempFolder(t)
  for (const [name, source] of Object.entries(AGENTS)) writeFileSync(join(folder, name), source)
  const { config } = configOf({ set: [`scripting.data=${folder}/data`] })
  const agents = Object.keys(AGENTS).map((name, index) =>
    readAgent(join(folder, name), index, { language: 'es5', protocols: entryProtocols }),
  )
  const broker = new Broker(config, 'n')
  t.after(() => broker.close())
  return async (path) => {
    const launcher = new SandboxLauncher()
    const options = runOptions(config, {
      source: { path },
      agents,
      launcher,
      broker,
      nodeName: 'n',
      finalRun: true,
      hub: 'auto',
      query: null,
      verifyChecksums: false,
    })
    const observer = { line() {}, entry() {}, progress() {}, learned() {}, call: () => Promise.resolve() }
    try {
      return await new Run(options, observer).run()
    } catch (error) {
      if (error instanceof Mistake) return undefined
      throw error
    }
  }
}
