import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder, weigh } from './data-folder.ts'
import { dropAside, setAside } from './set-aside.ts'

async function open(t: TestContext, quota = 1 << 20) {
  const files = await openDataFolder(await tempFolder(t), quota)
  await writeFile(join(files.root, 'a.pcap'), 'packets')
  return fakeHost(files)
}

describe('a file that is set aside', () => {
  test('is as it was, whatever becomes of the original', async (t) => {
    const host = await open(t)
    const copy = await setAside(host, 'a.pcap')
    await appendFile(join(host.files.root, 'a.pcap'), ' and more')
    await rm(join(host.files.root, 'a.pcap'))
    assert.equal(await readFile(copy, 'utf8'), 'packets')
    assert.equal(basename(copy), 'a.pcap')
  })

  test('goes with all that it has cost', async (t) => {
    const host = await open(t)
    const before = await weigh(host.files.root)
    const copy = await setAside(host, 'a.pcap')
    await dropAside(host, copy)
    await dropAside(host, copy)
    assert.deepEqual(await readdir(join(host.files.root, '.queued')), [])
    assert.equal(await weigh(host.files.root), before + 512)
  })

  test('is not made of what is missing, outside, or too large, and leaves nothing then', async (t) => {
    const host = await open(t, 4096)
    await assert.rejects(setAside(host, 'b.pcap'), { code: 'ENOENT' })
    await assert.rejects(setAside(host, '../b.pcap'), { code: 'E_HELPER_REFUSED' })
    await writeFile(join(host.files.root, 'big'), new Uint8Array(5000))
    await assert.rejects(setAside(host, 'big'), { code: 'E_HELPER_REFUSED' })
    assert.deepEqual(await readdir(join(host.files.root, '.queued')), [])
  })

  test('is all that can be dropped', async (t) => {
    const host = await open(t)
    await dropAside(host, 'a.pcap')
    await dropAside(host, '.queued/a.pcap')
    assert.deepEqual(await readdir(host.files.root), ['a.pcap'])
  })
})
