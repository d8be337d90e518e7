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

  test('keeps the sandbox with the temporary files of a user without a home to write to', async () => {
    await withFiles({}, async (folder) => {
      const env = { HOME: NOWHERE, XDG_CACHE_HOME: '', TMPDIR: folder }
      const { code, stdout, stderr } = await remora(['doctor'], { env })
      assert.equal(code, 0, stderr)
      const uid = process.getuid?.()
      assert.match(stdout, new RegExp(`jail +${join(folder, `remora-${uid}`, 'jail-')}`))
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
