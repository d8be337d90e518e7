import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

/** A stack that needs nothing of the kernel but raw sockets; it measures how fast it is. */
const TSCTP = '/usr/lib/usrsctp/tsctp'
const PORT = 30_000 + (process.pid % 20_000)

for (const [name, options, count, length] of [
  ['messages in fragments', [], 50, 5000],
  ['messages that may come out of order, several in a packet', ['-u'], 200, 40],
] as const)
  test(`SCTP: ${name}`, async (t) => {
    if (!hasTools(t, TSCTP, 'tcpdump')) return
    const folder = await tempFolder(t)
    const path = await captureLoopback(t, folder, `sctp port ${PORT}`, async () => {
      start(t, ['-p', String(PORT), '-E', '0'])
      // It says nothing when it listens.
      await setTimeout(500)
      const client = start(t, [
        ...['-p', String(PORT), '-E', '0', '-n', String(count), '-l', String(length)],
        ...[...options, '127.0.0.1'],
      ])
      await once(client, 'close')
    })
    const { entries, counters } = await readCapture(path as string, { chunks: true, verifyChecksums: true })
    const { decode, reassembly } = counters
    assert.deepEqual(decode.malformed, {})
    assert.equal(counters.connections.sctp, 1)
    assert.equal(reassembly.deliveredBytes, count * length)
    assert.deepEqual([reassembly.lostBytes, reassembly.fragmentBytes, reassembly.outOfWindowBytes], [0, 0, 0])
    const chunks = entries.map(({ data }) => data as { chunkType: string; flags: number })
    const begun = chunks.filter(({ chunkType, flags }) => chunkType === 'DATA' && (flags & 2) !== 0)
    assert.equal(begun.length, count)
    for (const type of ['INIT', 'INIT ACK', 'COOKIE ECHO', 'COOKIE ACK', 'SHUTDOWN', 'SHUTDOWN ACK'])
      assert.ok(
        chunks.some(({ chunkType }) => chunkType === type),
        type,
      )
  })

function start(t: TestContext, options: readonly string[]) {
  const child = spawn(TSCTP, options, { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  return child
}
