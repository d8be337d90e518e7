/**
 * A helper's round trip, from script to broker and back, as a multiple of a ping-pong of as many bytes between two
 * processes that block on a socket pair: medians. `node bench/helpers.ts FILE`. Bar: at most 4x, also while packets
 * are being decoded.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readAgent } from '../src/agent/agents.ts'
import { SandboxLauncher } from '../src/agent/launcher.ts'
import { configOf } from '../src/cli/options.ts'
import { entryProtocols } from '../src/dissectors/index.ts'
import { Broker } from '../src/worker/broker.ts'
import { Run } from '../src/worker/run.ts'
import { runOptions } from '../src/worker/run-options.ts'
import { AGENTS, median, print, ratio } from './measure.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/helpers.ts FILE')
const SAMPLE = fileURLToPath(new URL('../samples/sample.pcap', import.meta.url))

const ECHO = `const { readSync, writeSync } = require('fs')
const bytes = Buffer.alloc(64)
for (;;) { readSync(0, bytes); writeSync(0, bytes) }`
const ASK = `const { readSync, writeSync } = require('fs')
const bytes = Buffer.alloc(64), micros = []
for (let n = 0; n < 20000; n++) {
  const began = performance.now()
  writeSync(0, bytes)
  readSync(0, bytes)
  micros.push((performance.now() - began) * 1000)
}
console.log(micros.sort((a, b) => a - b)[10000])`

const rows: string[][] = []
for (const [name, capture, agent, count] of [
  ['nothing else to do', SAMPLE, 'calls-at-the-end', 20_000],
  ['while packets are decoded', file, 'calls-now-and-then', 2_000],
] as const) {
  const before = await pingPong()
  const micros = await helperCalls(capture, `${AGENTS}${agent}.js`, count)
  const base = (before + (await pingPong())) / 2
  rows.push([name, `${micros.toFixed(1)} µs`, `ping-pong ${base.toFixed(1)} µs`, ratio(micros / base)])
}
print(rows)

/** Median time from one call of a burst to the next, in µs. */
async function helperCalls(pcap: string, agentFile: string, atLeast: number): Promise<number> {
  const { config } = configOf({ set: ['scripting.budgets.jobMs=60000'] })
  const broker = new Broker(config, 'bench')
  const agent = readAgent(agentFile, 0, { language: 'es5', protocols: entryProtocols })
  const micros: number[] = []
  let last = 0
  const options = runOptions(config, {
    source: { path: pcap },
    agents: [agent],
    launcher: new SandboxLauncher(),
    broker,
    nodeName: 'bench',
    finalRun: true,
    hub: 'never',
    query: null,
    verifyChecksums: false,
  })
  const going = new Run(options, {
    line: ({ text }) => console.error(text),
    entry: () => {},
    progress: () => {},
    learned: () => {},
    call: (call) => {
      const now = performance.now()
      // A burst begins with another helper: each interval is one round trip.
      if (call.path === 'hub.targeted') micros.push((now - last) * 1000)
      last = now
      return broker.call(call)
    },
  })
  await going.run()
  await broker.close()
  if (micros.length < atLeast) throw new Error(`only ${micros.length} calls`)
  return median(micros)
}

/** Median round trip of 64 bytes, in µs. Each process has its end of the pair as standard input, and blocks on it. */
async function pingPong(): Promise<number> {
  const echo = spawn(process.execPath, ['-e', ECHO], { stdio: ['pipe', 'inherit', 'inherit'] })
  const asker = spawn(process.execPath, ['-e', ASK], { stdio: [echo.stdin, 'pipe', 'inherit'] })
  let text = ''
  asker.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await new Promise((resolve) => asker.on('close', resolve))
  echo.kill()
  return Number(text)
}
