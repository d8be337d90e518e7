import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { FakePackets, fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder, weigh } from './data-folder.ts'
import { dispatch } from './dispatch.ts'
import type { HelperHost } from './helper.ts'
import { namespaces } from './index.ts'

const A = '000000000001.pcap'
const B = '000000000002_udp.pcap'

async function open(t: TestContext, overrides: Partial<HelperHost> = {}, quota = 1 << 20) {
  const root = await tempFolder(t)
  const files = await openDataFolder(root, quota)
  const host = fakeHost(files, { packets: new FakePackets({ [A]: 'aaa', [B]: 'bb' }), ...overrides })
  const call = (name: string, ...args: unknown[]) => dispatch(namespaces, `pcap.${name}`, args, host)
  const content = async (path: unknown) => await readFile(join(root, String(path)), 'utf8')
  return { root, files, call, content, warnings: host.warnings }
}

describe('pcap.snapshot', () => {
  test('merges all streams, or those selected that are still there', async (t) => {
    const { call, content } = await open(t)
    assert.equal(await call('snapshot'), '1767225600.pcap')
    assert.equal(await call('snapshot', []), '1767225600-1.pcap')
    assert.equal(await content('1767225600.pcap'), 'aaa+bb')
    assert.equal(await content('1767225600-1.pcap'), 'aaa+bb')
    assert.equal(await content(await call('snapshot', [B, '000000000009.pcap'])), 'bb')
    assert.equal(await content(await call('snapshot', [`/data/pcaps/${A}`])), 'aaa')
    assert.equal(await content(await call('snapshot', ['000000000009.pcap'])), '')
  })

  test('says once that an empty list means all', async (t) => {
    const { call, warnings } = await open(t)
    await call('snapshot')
    assert.deepEqual(warnings, [])
    await call('snapshot', [])
    await call('snapshot', [])
    assert.deepEqual(warnings, ['pcap.snapshot: an empty list means all streams'])
  })

  test('takes captures from a folder, given alone or after the selection', async (t) => {
    const { root, call, content, warnings } = await open(t)
    await mkdir(join(root, 'dfir'))
    for (const name of ['x.pcap', 'y.pcap', 'notes.txt']) await writeFile(join(root, 'dfir', name), name)
    const both = `${root}/dfir/x.pcap+${root}/dfir/y.pcap`
    assert.equal(await content(await call('snapshot', 'dfir')), both)
    assert.equal(await content(await call('snapshot', [], 'dfir')), both)
    assert.equal(await content(await call('snapshot', null, 'dfir')), both)
    const one = await call('snapshot', ['y.pcap', 'gone.pcap', '../../etc/passwd'], 'dfir')
    assert.equal(await content(one), `${root}/dfir/y.pcap`)
    await assert.rejects(call('snapshot', '/etc'), { code: 'E_HELPER_REFUSED' })
    await assert.rejects(call('snapshot', [], 'none'), {
      message: 'pcap.snapshot: none: no such file or folder',
    })
    assert.deepEqual(warnings, [])
  })

  test('leaves nothing behind that the quota does not hold', async (t) => {
    const packets = new FakePackets({ [A]: 'x'.repeat(10_000) })
    const { root, call } = await open(t, { packets }, 5_000)
    const before = await weigh(root)
    await assert.rejects(call('snapshot'), { code: 'E_HELPER_REFUSED' })
    await assert.rejects(call('path', A), { code: 'E_HELPER_REFUSED' })
    assert.ok((await weigh(root)) <= before + 512, 'at most the folder of the captures is new')
  })
})

describe('pcap.path', () => {
  test('puts the packets of a stream where it points', async (t) => {
    const { root, call } = await open(t)
    const path = String(await call('path', A))
    assert.equal(path, join(root, 'pcaps', A))
    assert.equal(await readFile(path, 'utf8'), 'aaa')
    assert.equal(await call('path', A), path)
  })

  test('points to nothing for streams that nobody knows', async (t) => {
    const { root, call } = await open(t)
    for (const stream of [undefined, null, '', '000000000009.pcap', '../../etc/passwd', 'x/y', 7]) {
      const path = String(await call('path', stream))
      assert.ok(path.startsWith(`${root}/pcaps/`), path)
      await assert.rejects(readFile(path), { code: 'ENOENT' })
    }
  })

  test('keeps count', async (t) => {
    const { root, files, call } = await open(t, {}, 10_000)
    await Promise.all([call('path', A), call('path', A), call('path', B), call('path', '000000000009.pcap')])
    const free = 10_000 - (await weigh(root))
    files.reserve(free)
    assert.throws(() => files.reserve(1))
  })
})

describe('pcap', () => {
  test('tells which names addresses had', async (t) => {
    const { call } = await open(t)
    const history = { '1767225600': { '10.0.0.1': { FullAddress: 'cart.shop', Namespace: 'shop' } } }
    assert.deepEqual(await call('nameResolutionHistory'), history)
  })

  test('works on workers only', async (t) => {
    const { call } = await open(t, { component: 'hub' })
    for (const name of ['nameResolutionHistory', 'snapshot', 'path'])
      await assert.rejects(call(name), { message: 'pcap helpers are available on workers only' })
  })
})

describe('pcap.history', () => {
  async function openPods(t: TestContext, text: string, { complaint = '', quota = 1 << 20 } = {}) {
    const asked: unknown[] = []
    const written: string[] = []
    const podPackets: HelperHost['podPackets'] = {
      write: async (pod, seconds, nowMs, target, claim) => {
        asked.push([pod, seconds, nowMs])
        claim(text.length)
        written.push(target)
        if (text !== '') await writeFile(target, text)
        return { packets: text.length, complaint }
      },
    }
    return { asked, written, ...(await open(t, { podPackets }, quota)) }
  }

  test('writes what was asked for: by name, with the namespace, or of a pod that an event has brought', async (t) => {
    const { call, content, asked } = await openPods(t, 'abc')
    assert.equal(await content(await call('history', 'cart-1')), 'abc')
    await call('history', 'shop/cart-1', 600)
    const pod = {
      metadata: { name: 'cart-1', namespace: 'shop', uid: 'u', labels: {} },
      spec: {},
      status: {},
    }
    assert.equal(await call('history', pod, 5), '1767225600-2.pcap')
    assert.deepEqual(asked, [
      [{ name: 'cart-1', namespace: undefined }, 30, 1_767_225_600_123],
      [{ name: 'cart-1', namespace: 'shop' }, 600, 1_767_225_600_123],
      [{ name: 'cart-1', namespace: 'shop', uid: 'u' }, 5, 1_767_225_600_123],
    ])
  })

  test('answers null where there is nothing, says why, and leaves no file', async (t) => {
    const { call, root, warnings } = await openPods(t, '', { complaint: 'nothing of cart-1 is kept' })
    assert.equal(await call('history', 'cart-1'), null)
    assert.deepEqual(warnings, ['pcap.history: nothing of cart-1 is kept'])
    assert.deepEqual(await readdir(root), [])
  })

  test('refuses what is no pod, and what is too long for the data folder, and runs on no hub', async (t) => {
    const { call, root, written } = await openPods(t, 'more than ten', { quota: 10 })
    for (const pod of ['', 'A B', 'a/b/c', 7, null, {}, { metadata: {} }])
      await assert.rejects(call('history', pod), { code: 'E_HELPER_ARGUMENT' })
    for (const seconds of [0, -1, 601, Number.NaN])
      await assert.rejects(call('history', 'cart-1', seconds), { code: 'E_HELPER_ARGUMENT' })
    await assert.rejects(call('history', 'cart-1'), /quota|full/i)
    assert.deepEqual(await readdir(root), [])
    assert.deepEqual(written, [])
    const { call: onHub } = await open(t, { component: 'hub' })
    await assert.rejects(onHub('history', 'cart-1'), /available on workers only/)
  })
})
