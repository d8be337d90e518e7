import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { REPOSITORY, remora, withFiles } from '../testing/remora.ts'

describe('the command line', () => {
  test('says what is wrong with it, and where to read on, with exit code 2', async () => {
    const wrong: readonly (readonly [string[], string])[] = [
      [['walk'], "unknown command 'walk'\n        see remora --help"],
      [['run'], "missing required argument 'agents'\n        see remora run --help"],
      [
        ['run', 'a.js', '--jsno'],
        "unknown option '--jsno'\n(Did you mean --json?)\n        see remora run --help",
      ],
      [['run', 'a.js', '--pcap'], "option '--pcap <file>' argument missing\n        see remora run --help"],
    ]
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await remora(args)
      assert.deepEqual([code, stdout, stderr], [2, '', `remora: ${message}\n`], args.join(' '))
    }
  })

  test('says so when it is started in a folder that is gone', async () => {
    await withFiles({}, async (folder) => {
      const program = join(REPOSITORY, 'bin/remora.cjs')
      const command = (args: string) => `"${process.execPath}" "${program}" ${args}; echo "code $?" >&2`
      const script = `rmdir "${folder}"; ${command('config')}; ${command('run a.js --pcap -')}`
      const { stderr } = await promisify(execFile)('sh', ['-c', script], { cwd: folder })
      assert.match(stderr, /^(remora: the folder that you are in has been removed\n {8}.*\ncode 2\n){2}$/)
    })
  })

  test('explains itself', async () => {
    for (const args of [['--help'], ['run', '--help'], ['help', 'check'], ['--version']])
      assert.equal((await remora(args)).code, 0, args.join(' '))
  })
})
