import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

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

  test('ends with a summary when the launcher of an older Node is killed', async () => {
    await withFiles({ 'a.js': AGENT, 'old.cjs': OLD_NODE }, async (folder) => {
      const run = endlessRun(folder, ['--require', './old.cjs'])
      await run.says(/Scheduled the job/)
      run.child.kill('SIGKILL')
      await run.ended
      assert.match(run.output(), /^Ledger {2}everything adds up$/m)
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

describe('a run that is cut short', () => {
  test('leaves no packets behind', async () => {
    await withFiles(
      {
        'a.js':
          'function onItemCaptured(data) { console.log(pcap.path(data.stream), new Array(2000).join(" .")) }',
      },
      async (folder) => {
        const command = `"${process.execPath}" ${join(REPOSITORY, 'bin/remora.cjs')} run a.js --pcap ${join(REPOSITORY, 'samples/sample.pcap')} | head -1`
        const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder })
        assert.match(stdout, /000000000000\.pcap/)
        assert.deepEqual(readdirSync(join(folder, '.remora/spool')), [])
      },
    )
  })
})

describe('a live run that nobody has ended', () => {
  test('ends with its summary, the reason and exit code 2', async () => {
    const words = 'dumpcap: The network adapter "lo" is no longer attached; the capture has stopped.'
    const sample = join(REPOSITORY, 'samples/sample.pcap')
    const dumpcap = `#!/bin/sh\ncat ${sample}; echo '${words}' >&2\n`
    await withFiles({ 'a.js': AGENT, 'bin/dumpcap': dumpcap }, async (folder) => {
      chmodSync(join(folder, 'bin/dumpcap'), 0o755)
      const { code, stdout } = await remora(['run', 'a.js', '--interface', 'lo'], {
        cwd: folder,
        env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
      })
      assert.equal(code, 2)
      assert.match(stdout, /packets +1,019/)
      assert.match(stdout, /^Note\n {2}dumpcap ended by itself: The network adapter "lo" is no longer/m)
    })
  })
})

test('a worker that cannot start says why, also while NATS is away', async () => {
  await withFiles({}, async (folder) => {
    const flags = ['--nats', 'nats://127.0.0.1:1', '--interface', 'lo']
    const { code, stderr } = await remora(
      ['worker', ...flags, '--set', 'tap.grpc.protos={not-there}', '--set', 'tap.metrics.port=0'],
      { cwd: folder },
    )
    assert.equal(code, 2, stderr)
    assert.match(stderr, /^remora: tap\.grpc\.protos: there is no .*\/not-there$/m)
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
