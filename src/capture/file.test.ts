import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { Mistake } from '../mistake/mistake.ts'
import { type CorpusCapture, corpusOrSkip } from '../testing/corpus.ts'
import { openCapture } from './index.ts'
import type { PacketSource } from './source.ts'
import { pcap, readAll, timeOf } from './test-captures.ts'

const folder = mkdtempSync(join(tmpdir(), 'remora-capture-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const never = new AbortController().signal
/** 2.2 MB: several buffers, and cut records between them. */
const big = pcap({}, ...Array.from({ length: 2000 }, (_, i) => [i, 0, 'x'.repeat(i % 2200)] as const))

function written(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

describe('a pipe with a name', () => {
  test('is waited for, and read when somebody writes to it', async () => {
    const path = pipe('late')
    const read = readAll(openCapture({ path }))
    await setTimeout(120)
    writeFileSync(path, pcap({}, [0, 0, 'one'], [1, 0, 'two']))
    assert.equal((await read).length, 2)
  })

  test('that nobody writes to, or that falls silent, can be left', async () => {
    for (const start of ['nobody', 'somebody']) {
      const path = pipe(start)
      const abort = new AbortController()
      const source = openCapture({ path })
      const read = source.packets(abort.signal)[Symbol.asyncIterator]().next()
      const writer = start === 'somebody' ? openSync(path, 'r+') : undefined
      if (writer !== undefined) writeSync(writer, gzipSync(pcap({}, [0, 0, 'one'])).subarray(0, 30))
      await setTimeout(120)
      abort.abort()
      assert.equal((await read).done, true)
      assert.deepEqual(source.problems, [])
      if (writer !== undefined) closeSync(writer)
    }
  })

  function pipe(name: string): string {
    const path = join(folder, name)
    execFileSync('mkfifo', [path])
    return path
  }
})

describe('every capture of the corpus', () => {
  test('has the packets, bytes and times that tshark finds in it', async (t) => {
    for (const capture of corpusOrSkip(t).filter(({ group }) => group !== 'malformed'))
      await t.test(`${capture.group}/${capture.name}`, () => agrees(capture))
  })

  test('that is malformed is read, or refused with a Mistake', async (t) => {
    for (const { path, name } of corpusOrSkip(t).filter(({ group }) => group === 'malformed'))
      await t.test(name, async () => {
        try {
          await readAll(openCapture({ path }))
        } catch (error) {
          assert.ok(error instanceof Mistake, String(error))
        }
      })
  })

  test('tells of what cannot be read', async (t) => {
    const captures = corpusOrSkip(t)
    const problems = async (name: string) => {
      const found = captures.find((capture) => capture.name === name)
      if (found === undefined) return undefined
      const source = openCapture({ path: found.path })
      await readAll(source)
      return source.problems
    }
    if (captures.length === 0) return
    assert.deepEqual(await problems('synth-pcap-cut-in-last-record.pcap'), [
      'the capture ends in the middle of packet 19',
    ])
    assert.match(
      (await problems('mut-noise-h2-headers.pcap'))?.[0] ?? '',
      /packet 73 claims to be 1677721890 bytes/,
    )
  })
})

async function agrees({ path, truth }: CorpusCapture): Promise<void> {
  const source = openCapture({ path })
  const seen = { packets: 0, bytes: 0, captured_bytes: 0, short_packets: 0, first_time: '', last_time: '' }
  const perInterface: Record<string, number> = {}
  let linkType: number | undefined
  for await (const batch of source.packets(never)) {
    for (let i = 0; i < batch.count; i++) {
      const [captured = NaN, length = NaN, id = NaN] = [
        batch.captured[i],
        batch.lengths[i],
        batch.interfaceIds[i],
      ]
      if (seen.packets === 0) seen.first_time = timeOf(batch, i)
      seen.last_time = timeOf(batch, i)
      seen.packets++
      seen.bytes += length
      seen.captured_bytes += captured
      if (captured !== length) seen.short_packets++
      perInterface[id] = (perInterface[id] ?? 0) + 1
      linkType = batch.interfaces[id]?.linkType
    }
  }
  // tshark lists pcapng's custom blocks among the frames, as such without an encapsulation.
  const custom = truth.encapsulation[''] ?? 0
  assert.equal(seen.packets, truth.packets - custom)
  assert.equal(seen.short_packets, truth.short_packets)
  if (custom === 0) assert.equal(seen.bytes, truth.bytes)
  if (custom === 0) assert.equal(seen.captured_bytes, truth.captured_bytes)
  // It gives no time to packets that have none; ours have that of the packet before.
  if (truth.first_time !== '') assert.equal(seen.first_time, truth.first_time)
  if (truth.last_time !== '' && custom === 0) assert.equal(seen.last_time, truth.last_time)
  if (truth.format.kind === 'pcap') assert.equal(linkType, truth.format.linktype)
  if (truth.format.kind === 'pcap' && truth.format.resolution === 'us') assert.match(seen.last_time, /000$/)
  if (truth.format.sections?.length === 1 && truth.interface_packets)
    for (const [id, count] of Object.entries(truth.interface_packets))
      assert.equal(perInterface[id], count, id)
  assert.equal(source.progress.bytesRead, source.progress.totalBytes)
}

describe('a file', () => {
  test('longer than the buffer is read whole, and tells how far it got', async () => {
    const source = openCapture({ path: written('big.pcap', big) })
    assert.deepEqual(source.progress, { bytesRead: 0, totalBytes: big.length })
    const packets = await readAll(source)
    assert.deepEqual(
      packets.map(({ time, length }) => [time, length]),
      Array.from({ length: 2000 }, (_, i) => [`${i}.000000000`, i % 2200]),
    )
    assert.deepEqual(source.progress, { bytesRead: big.length, totalBytes: big.length })
    assert.equal(source.live, false)
  })

  test('is read from standard input as well', async () => {
    const source = openCapture({ path: '-', stdin: Readable.from([big.subarray(0, 3), big.subarray(3)]) })
    assert.equal((await readAll(source)).length, 2000)
    assert.deepEqual(source.progress, { bytesRead: big.length, totalBytes: 0 })
  })

  test('can be a named pipe', async () => {
    const path = join(folder, 'pipe')
    execFileSync('mkfifo', [path])
    const source = openCapture({ path })
    const packets = readAll(source)
    const { createWriteStream } = await import('node:fs')
    createWriteStream(path).end(big)
    assert.equal((await packets).length, 2000)
  })

  test('that is missing, a folder, empty or something else is a Mistake when it is opened', () => {
    const code = (path: string) => {
      try {
        openCapture({ path })
      } catch (error) {
        if (error instanceof Mistake) return `${error.code}: ${error.message.replaceAll(folder, '')}`
        throw error
      }
    }
    mkdirSync(join(folder, 'folder'))
    const locked = written('locked.pcap', big)
    chmodSync(locked, 0)
    assert.equal(code(join(folder, 'none.pcap')), 'E_CAPTURE_OPEN: there is no file /none.pcap')
    assert.equal(code(join(folder, 'folder')), 'E_CAPTURE_OPEN: /folder is a folder, not a capture file')
    if (process.getuid?.() !== 0) assert.equal(code(locked), 'E_CAPTURE_OPEN: /locked.pcap may not be read')
    assert.match(code(written('empty', '')) ?? '', /^E_CAPTURE_FORMAT: \/empty is empty/)
    assert.match(code(written('x.json', '{"a": 1}')) ?? '', /^E_CAPTURE_FORMAT: \/x.json looks like JSON/)
    assert.match(
      code(written('snoop', 'snoop\0\0\0\0\0\0\x02')) ?? '',
      /^E_CAPTURE_FORMAT: \/snoop looks like .* snoop/,
    )
  })

  test('that ends inside its header is a Mistake, and one without packets is not', async () => {
    const cut = openCapture({ path: written('cut.pcap', big.subarray(0, 10)) })
    await assert.rejects(readAll(cut), { name: 'Mistake', code: 'E_CAPTURE_FORMAT' })
    const empty = openCapture({ path: written('no-packets.pcap', big.subarray(0, 24)) })
    assert.deepEqual(await readAll(empty), [])
    assert.deepEqual(empty.problems, [])
  })

  test('ends when it is aborted, and leaves the event loop its turns', async () => {
    const abort = new AbortController()
    let turns = 0
    const turn = setInterval(() => turns++, 0)
    let packets = 0
    const huge = Buffer.concat([big, ...Array<Buffer>(20).fill(big.subarray(24))])
    for await (const batch of openCapture({ path: written('huge.pcap', huge) }).packets(abort.signal)) {
      packets += batch.count
      if (turns > 0) abort.abort()
    }
    clearInterval(turn)
    assert.ok(packets < 42_000, 'read to its end')
  })

  test('is read once', () => {
    const source = openCapture({ path: written('once.pcap', big) })
    source.packets(never)
    assert.throws(() => source.packets(never), /is read already/)
  })
})

describe('a stream', () => {
  test('that nothing comes from ends when it is aborted', async () => {
    const abort = new AbortController()
    const stdin = new PassThrough()
    stdin.write(big.subarray(0, 10_000))
    const source = openCapture({ path: '-', stdin })
    let packets = 0
    for await (const batch of source.packets(abort.signal)) {
      packets += batch.count
      setImmediate(() => abort.abort())
    }
    assert.ok(packets > 0)
    assert.ok(stdin.destroyed)
    assert.deepEqual(source.problems, [])
  })

  test('gives packets as soon as they are here', async () => {
    const stdin = new PassThrough()
    stdin.write(pcap({}, [1, 0, 'abc']))
    const source = openCapture({ path: '-', stdin })
    for await (const batch of source.packets(never)) {
      assert.equal(batch.count, 1)
      if (batch.seconds[0] === 1) stdin.write(pcap({}, [2, 0, 'de']).subarray(24))
      else stdin.end()
    }
  })

  test('that fails midway keeps what came, and that never came is a Mistake', async () => {
    async function* breaking(bytes: Buffer) {
      if (bytes.length > 0) yield bytes
      throw Object.assign(new Error('the cable was cut'), { code: 'EIO' })
    }
    const midway = openCapture({ path: '-', stdin: Readable.from(breaking(big)) })
    assert.equal((await readAll(midway)).length, 2000)
    assert.deepEqual(midway.problems, [`reading stopped after ${big.length} bytes: the cable was cut`])
    const never = openCapture({ path: '-', stdin: Readable.from(breaking(Buffer.alloc(0))) })
    await assert.rejects(readAll(never), { code: 'E_CAPTURE_OPEN' })
  })

  test('of nothing is a Mistake', async () => {
    await assert.rejects(readAll(openCapture({ path: '-', stdin: Readable.from([]) })), {
      code: 'E_CAPTURE_FORMAT',
      message: /^standard input is empty/,
    })
  })
})

describe('a compressed capture', () => {
  const halves = [big.subarray(0, 1_000_000), big.subarray(1_000_000)]
  const packed = {
    gzip: gzipSync(big),
    'gzip in several members': Buffer.concat(halves.map((half) => gzipSync(half))),
    zstd: zstdCompressSync(big),
    'zstd in several frames': Buffer.concat(halves.map((half) => zstdCompressSync(half))),
    'zstd as pzstd writes it': Buffer.concat(
      halves.flatMap((half) => [Buffer.from('502a4d180400000000000000', 'hex'), zstdCompressSync(half)]),
    ),
  }
  for (const [kind, bytes] of Object.entries(packed))
    test(`(${kind}) is known by its content and read like any other`, async () => {
      const file = openCapture({ path: written('capture', bytes) })
      assert.equal((await readAll(file)).length, 2000)
      assert.deepEqual(file.problems, [])
      assert.deepEqual(file.progress, { bytesRead: bytes.length, totalBytes: bytes.length })
      const bytewise = [bytes.subarray(0, 1), bytes.subarray(1, 3), bytes.subarray(3)]
      assert.equal((await readAll(openCapture({ path: '-', stdin: Readable.from(bytewise) }))).length, 2000)
    })

  for (const [kind, whole] of [
    ['gzip', packed.gzip],
    ['gzip', packed['gzip in several members']],
    ['zstd', packed.zstd],
  ] as const)
    test(`(${kind}) that breaks off gives all that can be unpacked of it`, async () => {
      for (const share of [0.3, 0.6, 0.9, 0.99]) {
        const source = cutAt(whole, Math.floor(whole.length * share))
        const packets = await readAll(source)
        assert.ok(packets.length > 0 || share < 0.5, `${packets.length} packets of ${share}`)
        assert.match(source.problems.join(), new RegExp(`the ${kind} data break off`))
      }
      const source = cutAt(whole, whole.length - 1)
      // zstd unpacks a block of 128 KiB or nothing; what gzip lacks here is a part of its checksum.
      assert.ok((await readAll(source)).length >= (kind === 'gzip' ? 2000 : 1900))
      assert.equal(source.skipped.truncated, kind === 'gzip' ? 0 : 1)
    })

  test('may be followed by something else, which is not read', async () => {
    for (const bytes of [packed.gzip, packed.zstd])
      for (const length of [10, 100_000]) {
        const padded = openCapture({ path: written('padded', Buffer.concat([bytes, Buffer.alloc(length)])) })
        assert.equal((await readAll(padded)).length, 2000)
        assert.deepEqual(padded.problems, [])
      }
  })

  test('of which nothing can be unpacked is a Mistake that says so', async () => {
    await assert.rejects(readAll(cutAt(packed.gzip, 12)), {
      code: 'E_CAPTURE_FORMAT',
      message: /^nothing of .*cut can be read: the gzip data break off/,
    })
  })

  test('that is damaged gives what comes before', async () => {
    const damaged = Buffer.from(packed.gzip)
    damaged.fill(0xff, damaged.length - 8)
    const source = openCapture({ path: written('damaged.gz', damaged) })
    // Node keeps what zlib unpacked in the call that failed to itself: 16 KiB at most.
    assert.ok((await readAll(source)).length > 1980)
    assert.match(source.problems.join(), /^the gzip data are damaged \(incorrect data check\)/)
  })

  test('that holds no capture is a Mistake', async () => {
    const json = openCapture({ path: written('x.json.gz', gzipSync('{"packets": []}')) })
    await assert.rejects(readAll(json), { code: 'E_CAPTURE_FORMAT', message: /looks like JSON/ })
    const twice = openCapture({ path: written('twice.gz', gzipSync(gzipSync(big))) })
    await assert.rejects(readAll(twice), { code: 'E_CAPTURE_FORMAT', message: /compressed more than once/ })
  })

  function cutAt(bytes: Buffer, length: number): PacketSource {
    return openCapture({ path: written('cut', bytes.subarray(0, length)) })
  }
})

test('the corpus is listed with its truth', (t) => {
  const captures = corpusOrSkip(t)
  if (captures.length === 0) return
  const one = captures.find(({ name }) => name === 'own-h1-basics.pcap')
  assert.equal(one?.group, 'http1')
  assert.equal(one?.truth.packets, 63)
  assert.ok(captures.every(({ path }) => readFileSync(path).length > 0))
})
