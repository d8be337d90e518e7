import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { ENTRY_BYTES, openDataFolder, weigh } from './data-folder.ts'
import { dispatch } from './dispatch.ts'
import type { HelperHost } from './helper.ts'
import { namespaces } from './index.ts'

const run = promisify(execFile)

/** `call('write', 'a.txt', 'x')` as a script would, in a folder of its own. */
async function open(t: TestContext, quota = 1 << 20, overrides: Partial<HelperHost> = {}) {
  const root = await tempFolder(t)
  const files = await openDataFolder(root, quota)
  const host = fakeHost(files, overrides)
  const call = (name: string, ...args: unknown[]) => dispatch(namespaces, `file.${name}`, args, host)
  const content = (path: string) => readFile(join(root, path), 'utf8')
  /** What the quota counts, seen from outside: the largest reservation that still fits. */
  const counted = () => {
    let free = 0
    for (let step = quota; step >= 1; step = Math.floor(step / 2)) {
      for (;;) {
        try {
          files.reserve(free + step)
        } catch {
          break
        }
        files.reserve(-free - step)
        free += step
      }
    }
    return quota - free
  }
  return { root, call, content, counted }
}

describe('file', () => {
  test('writes new files, replaces old ones and appends', async (t) => {
    const { call, content, root, counted } = await open(t)
    assert.equal(await call('write', 'a.txt', 'first'), undefined)
    await call('write', 'a.txt', 'é')
    await call('append', 'a.txt', 1)
    await call('append', 'new.txt', 'made')
    await call('write', 'b.json', { a: 1 })
    assert.equal(await content('a.txt'), 'é1')
    assert.equal(await content('new.txt'), 'made')
    assert.equal(await content('b.json'), '{"a":1}')
    assert.equal(await call('read', 'a.txt'), 'é1')
    assert.equal(counted(), await weigh(root))
  })

  test('needs the folder of a new file', async (t) => {
    const { call, counted } = await open(t)
    const before = counted()
    const message = (name: string) => ({
      code: 'E_HELPER_FAILED',
      message: `file.${name}: none/a.txt: no such file or folder`,
    })
    await assert.rejects(call('write', 'none/a.txt', 'x'), message('write'))
    await assert.rejects(call('append', 'none/a.txt', 'x'), message('append'))
    await assert.rejects(call('write', '', 'x'), { code: 'E_HELPER_FAILED', message: /is a folder/ })
    assert.equal(counted(), before)
  })

  test('makes folders with those above them, and finds that fine when they exist', async (t) => {
    const { call, root, counted } = await open(t)
    await call('mkdir', 'a/b/c')
    await call('mkdir', 'a/b/c')
    assert.equal(await call('exists', 'a/b/c'), true)
    assert.equal(await call('exists', 'a/x'), false)
    assert.equal(counted(), await weigh(root))
    assert.equal(counted(), 4 * ENTRY_BYTES)
  })

  test('lists names in order and tells size, kind and age', async (t) => {
    const { call } = await open(t)
    await call('write', 'b', '12345')
    await call('mkdir', 'a')
    assert.deepEqual(await call('list'), ['a', 'b'])
    const stat = (await call('stat', 'b')) as { size: number; isDirectory: boolean; modified: number }
    assert.equal(stat.size, 5)
    assert.equal(stat.isDirectory, false)
    assert.ok(Math.abs(stat.modified - Date.now()) < 60_000)
    await assert.rejects(call('stat', 'none'), { message: 'file.stat: none: no such file or folder' })
    await assert.rejects(call('list', 'b'), { message: 'file.list: b: is not a folder' })
  })

  test('moves files and folders, into folders under their own name', async (t) => {
    const { call, content, root, counted } = await open(t)
    await call('write', 'a', '1')
    await call('write', 'b', '22')
    await call('move', 'a', 'b')
    assert.equal(await content('b'), '1')
    await call('mkdir', 'dir')
    await call('move', 'b', 'dir')
    assert.equal(await content('dir/b'), '1')
    await call('mkdir', 'other')
    await call('move', 'dir', 'other/')
    assert.equal(await content('other/dir/b'), '1')
    await call('move', 'other/dir/b', 'other/dir/b')
    assert.equal(await content('other/dir/b'), '1')
    assert.equal(counted(), await weigh(root))
    await assert.rejects(call('move', 'none', 'x'), {
      message: 'file.move: none → x: no such file or folder',
    })
    await assert.rejects(call('move', 'other', 'other/dir/deep'), { code: 'E_HELPER_FAILED' })
    await assert.rejects(call('move', '.', 'other'), { code: 'E_HELPER_REFUSED' })
  })

  test('copies one file, and throws when it is not there', async (t) => {
    const { call, content, root, counted } = await open(t)
    await call('write', 'a', 'hello')
    await call('copy', 'a', 'b')
    await call('copy', join(root, 'b'), 'c')
    assert.equal(await content('c'), 'hello')
    await assert.rejects(call('copy', 'none', 'd'), {
      code: 'E_HELPER_FAILED',
      message: 'file.copy: none: no such file or folder',
    })
    await call('mkdir', 'dir')
    await assert.rejects(call('copy', 'dir', 'd'), { code: 'E_HELPER_FAILED' })
    assert.deepEqual(await call('list'), ['a', 'b', 'c', 'dir'])
    assert.equal(counted(), await weigh(root))
  })

  test('deletes all below a path, silently when there is nothing, but never the folder itself', async (t) => {
    const { call, root, counted } = await open(t)
    await call('mkdir', 'a/b')
    await call('write', 'a/b/c', 'x'.repeat(5000))
    await call('delete', 'a')
    await call('delete', 'a')
    await call('delete', 'a/b/c')
    assert.equal(counted(), await weigh(root))
    for (const path of ['', '.', 'x/..', root])
      await assert.rejects(call('delete', path), { code: 'E_HELPER_REFUSED' })
    await assert.rejects(call('delete'), { code: 'E_HELPER_ARGUMENT', message: /path: is missing$/ })
  })

  test('makes files and folders with new names', async (t) => {
    const { call, root } = await open(t)
    const first = String(await call('mkdirTemp', 'snap'))
    const second = String(await call('mkdirTemp', 'snap', first))
    assert.match(first, new RegExp(`^${root}/snap[0-9a-f]+$`))
    assert.ok(second.startsWith(`${first}/snap`))
    assert.match(String(await call('mkdirTemp')), new RegExp(`^${root}/[0-9a-f]+$`))
    assert.match(String(await call('temp', 'r', '.')), new RegExp(`^${root}/r[0-9a-f]+\\.txt$`))
    assert.match(String(await call('temp', 'r', first, '.json')), new RegExp(`^${first}/r[0-9a-f]+\\.json$`))
    await assert.rejects(call('temp', '../x', ''), {
      code: 'E_HELPER_ARGUMENT',
      message: /expected a name without slashes/,
    })
    await assert.rejects(call('temp', 'x', '', 'a/b'), { code: 'E_HELPER_ARGUMENT' })
  })

  test('packs a folder so that tar reads it', async (t) => {
    const { call, root, content, counted } = await open(t)
    const long = `${'d'.repeat(90)}/${'f'.repeat(90)}.txt`
    await call('mkdir', `dir/${'d'.repeat(90)}`)
    await call('write', 'dir/a.txt', 'x'.repeat(100_000))
    await call('write', 'dir/empty', '')
    await call('write', 'dir/exact', 'y'.repeat(512))
    await call('write', 'dir/ünï.txt', 'names are UTF-8')
    await call('write', `dir/${long}`, 'far down')
    await symlink('/etc/passwd', join(root, 'dir/link'))

    const name = await call('tar', 'dir')
    assert.equal(name, 'kubeshark_1767225600.tar.gz')
    assert.equal(await call('tar', 'dir'), 'kubeshark_1767225600-1.tar.gz')
    assert.equal(counted(), (await weigh(root)) - ENTRY_BYTES - '/etc/passwd'.length)

    await mkdir(join(root, 'out'))
    const { stderr } = await run('tar', ['-xzf', join(root, String(name)), '-C', join(root, 'out')])
    assert.equal(stderr, '')
    await mkdir(join(root, 'dir/link-free'))
    for (const each of ['a.txt', 'empty', 'exact', 'ünï.txt', long])
      assert.equal(await content(`out/${each}`), await content(`dir/${each}`))
    const listed = await run('tar', ['-tzf', join(root, String(name))])
    assert.ok(!listed.stdout.includes('link'))
  })

  test('packs the data folder itself without the archive that it makes', async (t) => {
    const { call, root } = await open(t)
    await call('write', 'a', '1')
    const name = String(await call('tar', ''))
    const { stdout } = await run('tar', ['-tzf', join(root, name)])
    assert.equal(stdout, 'a\n')
  })

  test('leaves no archive behind when packing fails', async (t) => {
    const { call } = await open(t)
    await assert.rejects(call('tar', 'none'), { message: 'file.tar: none: no such file or folder' })
    await call('mkdir', 'dir')
    await call('write', `dir/${'x'.repeat(120)}`, 'a name that ustar cannot hold')
    await assert.rejects(call('tar', 'dir'), { code: 'E_HELPER_FAILED', message: /too long for an archive/ })
    assert.deepEqual(await call('list'), ['dir'])
  })

  test('stops packing when the time is up', async (t) => {
    const { call } = await open(t, 1 << 20, { signal: AbortSignal.abort() })
    await call('mkdir', 'dir')
    await assert.rejects(call('tar', 'dir'), { message: 'file.tar: the time for this call is up' })
    assert.deepEqual(await call('list'), ['dir'])
  })

  test('refuses what the quota does not hold, and counts what is deleted as free again', async (t) => {
    const { call, root, counted } = await open(t, 20_000)
    await call('write', 'a', 'x'.repeat(9_000))
    const full = { code: 'E_HELPER_REFUSED', message: /quota is 20000 bytes/ }
    await assert.rejects(call('write', 'b', 'x'.repeat(12_000)), full)
    await assert.rejects(call('append', 'a', 'x'.repeat(12_000)), full)
    await call('copy', 'a', 'c')
    await assert.rejects(call('copy', 'a', 'd'), full)
    assert.equal(await call('exists', 'b'), false)
    assert.equal(counted(), await weigh(root))
    await call('delete', 'c')
    await call('write', 'b', 'x'.repeat(9_000))
  })

  test('counts empty files and folders too', async (t) => {
    const { call } = await open(t, 6 * ENTRY_BYTES)
    await call('mkdir', 'a/b/c/d/e')
    await assert.rejects(call('temp', 'x', ''), { code: 'E_HELPER_REFUSED' })
    await assert.rejects(call('mkdir', 'f'), { code: 'E_HELPER_REFUSED' })
  })

  test('keeps count when calls come at once', async (t) => {
    const { call, root, counted } = await open(t)
    const calls = Array.from({ length: 20 }, (_, n) => [
      call('write', 'same', 'x'.repeat(n * 10)),
      call('append', `log${n % 3}`, 'line\n'),
      call('copy', 'same', `copy${n % 2}`).catch(() => 'not there yet'),
      call('delete', `log${n % 4}`),
    ])
    await Promise.all(calls.flat())
    assert.equal(counted(), await weigh(root))
  })

  test('has the history of names on a worker whenever somebody looks at it, reads, copies or moves it', async (t) => {
    const name = 'name_resolution_history.json'
    const history = '{"1767225600":{"10.0.0.1":{"FullAddress":"cart.shop","Namespace":"shop"}}}'
    const { call, content, counted, root } = await open(t)
    assert.equal(await call('exists', name), true)
    await call('delete', name)
    assert.equal(((await call('stat', name)) as { size: number }).size, history.length)
    await call('delete', name)
    assert.equal(await call('read', name), history)
    await call('write', name, 'mine')
    await call('copy', name, 'copy.json')
    assert.equal(await content('copy.json'), history)
    await call('delete', name)
    await call('mkdir', 'shots')
    await call('move', name, 'shots')
    await call('move', name, 'shots')
    assert.equal(await content(`shots/${name}`), history)
    assert.equal(counted(), await weigh(root))
    const onHub = await open(t, 1 << 20, { component: 'hub' })
    await assert.rejects(onHub.call('read', name), { message: /no such file/ })
  })

  test('reads no file that is too large to hand over', async (t) => {
    const { call, root } = await open(t)
    await writeFile(join(root, 'big'), 'x'.repeat(2 * 1024 * 1024 + 1))
    await assert.rejects(call('read', 'big'), { code: 'E_HELPER_REFUSED', message: /big has 2097153 bytes/ })
  })

  test('reaches nothing outside', async (t) => {
    const { call, root } = await open(t)
    await symlink('/etc', join(root, 'etc'))
    const outside = ['../x', '/etc/passwd', 'etc/passwd', 'a\0b']
    for (const path of outside) {
      for (const name of ['read', 'write', 'append', 'delete', 'mkdir', 'exists', 'list', 'stat', 'tar'])
        await assert.rejects(call(name, path, 'x'), { code: 'E_HELPER_REFUSED' }, `${name} ${path}`)
      await call('write', 'a', 'x')
      for (const name of ['copy', 'move']) {
        await assert.rejects(call(name, 'a', path), { code: 'E_HELPER_REFUSED' }, `${name} to ${path}`)
        await assert.rejects(call(name, path, 'b'), { code: 'E_HELPER_REFUSED' }, `${name} from ${path}`)
      }
      await assert.rejects(call('temp', 'x', path), { code: 'E_HELPER_REFUSED' })
      await assert.rejects(call('mkdirTemp', 'x', path), { code: 'E_HELPER_REFUSED' })
    }
  })
})
