import assert from 'node:assert/strict'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { remora, withFiles } from '../../testing/remora.ts'

/** Nobody can make a folder there. */
const NOWHERE = '/dev/null/nowhere'

describe('remora doctor', () => {
  test('names the node, the sandbox and the capture program in use', async () => {
    const { code, stdout, stderr } = await remora(['doctor'])
    assert.equal(code, 0, stderr)
    for (const what of ['node', 'sandbox', 'jail', 'live capture'])
      assert.match(stdout, new RegExp(`^ {2}${what} {2,}\\S`, 'm'))
  })

  test('says which program captures, and what it lacks', async () => {
    const fake = (refusal: string) =>
      `#!/bin/sh\n[ "$1" = -D ] && { echo "1. any"; exit 0; }\n${refusal === '' ? 'exit 0' : `echo '${refusal}' >&2; exit 2`}\n`
    const refusal = 'dumpcap: You do not have permission to capture on device "any".'
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ dumpcap: fake('') }, /live capture +dumpcap +\S+dumpcap may capture on every interface/],
      [{ dumpcap: fake(refusal) }, /live capture +not possible +dumpcap may not capture on any; .*setcap/],
    ]
    for (const [files, words] of cases)
      await withFiles(files, async (folder) => {
        chmodSync(join(folder, 'dumpcap'), 0o755)
        const { code, stdout } = await remora(['doctor'], { env: { PATH: `${folder}:${process.env.PATH}` } })
        assert.equal(code, 0)
        assert.match(stdout, words)
      })
  })

  test('keeps the sandbox with the temporary files of a user without a home to write to', async () => {
    await withFiles({}, async (folder) => {
      const env = { HOME: NOWHERE, XDG_CACHE_HOME: '', TMPDIR: folder }
      const { code, stdout, stderr } = await remora(['doctor'], { env })
      assert.equal(code, 0, stderr)
      const uid = process.getuid?.()
      assert.match(stdout, new RegExp(`jail +ready +${join(folder, `remora-${uid}`, 'jail-')}`))
    })
  })

  test('asks for a folder rather than use one that others can write to', async () => {
    await withFiles({}, async (folder) => {
      const env = { HOME: NOWHERE, XDG_CACHE_HOME: '' }
      const open = join(folder, `remora-${process.getuid?.()}`)
      mkdirSync(open)
      chmodSync(open, 0o777)
      for (const TMPDIR of [NOWHERE, folder]) {
        const { code, stderr } = await remora(['doctor'], { env: { ...env, TMPDIR } })
        assert.equal(code, 2)
        assert.match(stderr, /needs a folder for its files, and cannot write to[\s\S]*XDG_CACHE_HOME/)
      }
    })
  })
})
