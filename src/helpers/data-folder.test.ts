import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { ENTRY_BYTES, openDataFolder, replaceFile, weigh } from './data-folder.ts'

describe('the data folder', () => {
  test('resolves what lies inside, relative or absolute', async (t) => {
    const folder = await openDataFolder(join(await tempFolder(t), 'data'), 1e6)
    assert.equal(folder.resolve('a/../b//c'), join(folder.root, 'b/c'))
    assert.equal(folder.resolve(join(folder.root, 'x')), join(folder.root, 'x'))
    assert.equal(folder.resolve(''), folder.root)
  })

  test('refuses every way out', async (t) => {
    const outer = await tempFolder(t)
    await mkdir(join(outer, 'data-secret'))
    await mkdir(join(outer, 'data'))
    await symlink(outer, join(outer, 'data/up'))
    await symlink('/nowhere/at/all', join(outer, 'data/dangling'))
    await symlink('dangling', join(outer, 'data/indirect'))
    const folder = await openDataFolder(join(outer, 'data'), 1e6)
    for (const path of [
      '..',
      '../data-secret',
      'a/../../x',
      '/etc/passwd',
      `${folder.root}-secret/x`,
      'a\0b',
      'up',
      'up/x',
      'dangling',
      'dangling/x',
      'indirect',
    ])
      assert.throws(() => folder.resolve(path), { code: 'E_HELPER_REFUSED' }, path)
  })

  test('follows links that stay inside', async (t) => {
    const root = await tempFolder(t)
    await mkdir(join(root, 'real'))
    await symlink('real', join(root, 'alias'))
    const folder = await openDataFolder(root, 1e6)
    assert.equal(folder.resolve('alias/new.txt'), join(root, 'alias/new.txt'))
  })

  test('answers any path with one inside, or a Mistake', async (t) => {
    const folder = await openDataFolder(await tempFolder(t), 1e6)
    const step = fc.constantFrom('..', '.', 'a', '/', '//', '\0', 'é', '...')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        try {
          const path = folder.resolve(steps.join('/'))
          assert.ok(path === folder.root || path.startsWith(`${folder.root}/`))
        } catch (error) {
          assert.ok(error instanceof Mistake)
        }
      }),
    )
  })

  test('counts what is there at the start, and refuses more than its quota', async (t) => {
    const root = await tempFolder(t)
    await mkdir(join(root, 'sub'))
    await writeFile(join(root, 'sub/a'), 'x'.repeat(1000))
    const there = 3 * ENTRY_BYTES + 1000
    assert.equal(await weigh(root), there)

    const folder = await openDataFolder(root, there + 100)
    folder.reserve(100)
    assert.throws(() => folder.reserve(1), { code: 'E_HELPER_REFUSED', message: /quota is \d+ bytes/ })
    folder.reserve(-1)
    folder.reserve(1)
  })

  test('runs changes one after another, also after one that failed', async (t) => {
    const folder = await openDataFolder(await tempFolder(t), 1e6)
    const order: string[] = []
    const slow = folder.change(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push('slow')
      throw new Error('as told')
    })
    const quick = folder.change(async () => order.push('quick'))
    await assert.rejects(slow, { message: 'as told' })
    await quick
    assert.deepEqual(order, ['slow', 'quick'])
  })

  test('keeps the old file when a new one cannot be written', async (t) => {
    const root = await tempFolder(t)
    const target = join(root, 'a')
    await writeFile(target, 'old')
    const fill = async (draft: string) => {
      await writeFile(draft, 'half of')
      throw new Error('full')
    }
    await assert.rejects(replaceFile(target, fill), { message: 'full' })
    assert.equal(await weigh(root), 2 * ENTRY_BYTES + 3)
  })
})
