import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY, withFiles } from '../src/testing/remora.ts'

const AGENT = 'jobs.schedule("hourly", "0 0 * * * *", function () {})'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Makes bin/remora.cjs believe that it has been started under an older Node. */
const OLD_NODE =
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } })'

describe('how a run ends', () => {
  for (const signal of SIGNALS)
    test(`ends with a summary on ${signal}, also through the launcher of an older Node`, async () => {
      await withFiles({ 'a.js': AGENT, 'old.cjs': OLD_NODE }, async (folder) => {
        for (const flags of [[], ['--require', './old.cjs']]) {
          const run = endlessRun(folder, flags)
          await run.says(/Scheduled the job/)
          run.child.kill(signal)
          assert.equal(await run.ended, 0, run.output())
          assert.match(run.output(), /^Ledger {2}everything adds up$/m)
        }
      })
    })

  test('takes the same Ctrl-C for one, however often it comes', async () => {
    await withFiles({ 'a.js': AGENT }, async (folder) => {
      const run = endlessRun(folder, [])
      await run.says(/Scheduled the job/)
      run.child.kill('SIGINT')
      run.child.kill('SIGTERM')
      assert.equal(await run.ended, 0, run.output())
    })
  })
})

/** A run on standard input, which does not end by itself. */
function endlessRun(folder: string, flags: readonly string[]) {
  const program = join(REPOSITORY, 'bin/remora.cjs')
  const child: ChildProcess = spawn(process.execPath, [...flags, program, 'run', 'a.js', '--pcap', '-'], {
    cwd: folder,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  child.stdin?.on('error', () => {})
  child.stdin?.write(readFileSync(join(REPOSITORY, 'samples/sample.pcap')))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const says = (words: RegExp) =>
    new Promise<void>((resolve) => {
      child.stdout?.on('data', () => words.test(output) && resolve())
    })
  return { child, ended, says, output: () => output }
}
