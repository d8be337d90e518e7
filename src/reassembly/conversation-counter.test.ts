import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openCapture } from '../capture/index.ts'
import { Decoder } from '../packet/decoder.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { corpusOrSkip } from '../testing/corpus.ts'
import { ConversationCounter } from './conversation-counter.ts'
import { Reassembler } from './reassembler.ts'

const LIMITS = { tcpIdle: 600, otherIdle: 60 }
const HANDLER = { data() {}, gap() {}, end() {}, time() {}, close() {}, evict() {} }

function udp(host: number, seconds: number, payload = 10): Packet {
  return Object.assign(new Packet(), {
    ipVersion: 4,
    protocol: PROTOCOL.udp,
    src0: host,
    dst0: 0x0a000001,
    srcPort: 5000,
    dstPort: 53,
    seconds,
    payloadEnd: payload,
  })
}

suite('conversations that are only counted', () => {
  test('are as many as the reassembler finds', async (t) => {
    for (const { path, group, name } of corpusOrSkip(t)) {
      // There, one of the two may take damage for another connection.
      if (group === 'malformed') continue
      const reassembler = new Reassembler({
        ...LIMITS,
        memory: 64 << 20,
        maxConnections: 1e5,
        measure: false,
        open: () => HANDLER,
      })
      const counter = new ConversationCounter({ ...LIMITS, most: 1e5 })
      const decoder = new Decoder()
      for await (const batch of openCapture({ path }).packets(new AbortController().signal))
        for (let at = 0; at < batch.count; at++)
          if (decoder.decode(batch, at)) {
            reassembler.push(decoder.packet)
            counter.push(decoder.packet)
          }
      assert.deepEqual(counter.connections, reassembler.counters.connections, `${group}/${name}`)
    }
  })

  test('are told apart by thousands, and by their pauses', () => {
    const counter = new ConversationCounter({ ...LIMITS, most: 1e6 })
    for (let round = 0; round < 3; round++)
      for (let host = 0; host < 30_000; host++) counter.push(udp(host, 1000 + round))
    assert.equal(counter.connections.udp, 30_000)
    assert.equal(counter.bytes, 900_000)
    for (let host = 0; host < 10; host++) counter.push(udp(host, 1002 + LIMITS.otherIdle))
    assert.equal(counter.connections.udp, 30_000)
    for (let host = 0; host < 10; host++) counter.push(udp(host, 1003 + 2 * LIMITS.otherIdle))
    assert.equal(counter.connections.udp, 30_010)
  })

  test('take no more memory than they may, and are then counted again', () => {
    const counter = new ConversationCounter({ ...LIMITS, most: 5000 })
    for (let host = 0; host < 100_000; host++) counter.push(udp(host, 1000))
    assert.equal(counter.connections.udp, 100_000)
    counter.push(udp(0, 1000))
    assert.equal(counter.connections.udp, 100_001)
  })
})
