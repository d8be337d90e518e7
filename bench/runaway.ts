/**
 * How soon a runaway agent is stopped, in CPU time of its process from its call on, and how soon a killed sandbox with
 * ten agents serves its first batch again, beside the start of an empty Node: medians of five. `node bench/runaway.ts`.
 * Bars: 250 ms of CPU, and the other agents' counts are complete and unchanged; 200 ms.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { packetBatches, TestSandbox } from '../src/testing/sandbox.ts'
import { median, print } from './measure.ts'

const TIMES = 5
const COUNTER = `var n = 0; function onPacketCaptured(info) { n++ } jobs.schedule("report", "0 0 0 * * *", function () { console.log(n) })`
/** What ends with an interrupt, and what ends only with the process. */
const RUNAWAYS = {
  'a loop': 'for (;;);',
  'native work': 'var s = "x"; while (s.length < 1e8) s += s; for (var k in s);',
}

const rows: string[][] = []
for (const [name, body] of Object.entries(RUNAWAYS)) {
  const stops: number[] = []
  for (let n = 0; n < TIMES; n++) stops.push(await stop(body))
  rows.push([
    `${name} is stopped`,
    `${median(stops).toFixed(0)} ms`,
    `at most ${Math.max(...stops).toFixed(0)} ms`,
  ])
}
const replaced: number[] = []
const reserved: number[] = []
const empty: number[] = []
for (let n = 0; n < TIMES; n++) {
  replaced.push(await replace(false))
  reserved.push(await replace(true))
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  empty.push(performance.now() - began)
}
for (const [name, took] of [
  ['a killed sandbox serves again', reserved],
  ['the same in the first two seconds, without a reserve', replaced],
] as const)
  rows.push([name, `${median(took).toFixed(0)} ms`, `at most ${Math.max(...took).toFixed(0)} ms`])
rows.push(['node -e 0', `${median(empty).toFixed(0)} ms`, ''])
print(rows)

/** CPU ms from the call that does not end to the news that its agent was stopped. */
async function stop(body: string): Promise<number> {
  const sandbox = new TestSandbox()
  await sandbox.start(COUNTER, `var n = 0; function onPacketCaptured() { if (++n === 1) { ${body} } }`)
  const pid = sandbox.process.pid as number
  const before = cpuMs(pid)
  let now = before
  const work = Promise.all(sandbox.send(packetBatches(5, 1000)))
  while (sandbox.stopped.length === 0) {
    now = Math.max(now, cpuMs(pid))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await work
  await sandbox.process.end(true, null)
  await sandbox.process.close()
  if (sandbox.texts(0).at(-1) !== '5000') throw new Error(`the other agent counted ${sandbox.texts(0)}`)
  return now - before
}

/** ms from the kill to the first acknowledgement. */
async function replace(withReserve: boolean): Promise<number> {
  const sandbox = new TestSandbox()
  await sandbox.start(...Array<string>(10).fill(COUNTER))
  if (withReserve) {
    sandbox.launcher.prepare()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  const began = performance.now()
  process.kill(sandbox.process.pid as number, 'SIGKILL')
  await sandbox.send(packetBatches(1, 1000))[0]
  const took = performance.now() - began
  await sandbox.process.close()
  return took
}

/** CPU time of a process's main thread; 0 once it is gone. */
function cpuMs(pid: number): number {
  try {
    return Number.parseInt(readFileSync(`/proc/${pid}/schedstat`, 'latin1'), 10) / 1e6
  } catch {
    return 0
  }
}
