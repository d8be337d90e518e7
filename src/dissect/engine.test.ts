import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissectors } from '../dissectors/index.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { Connection } from '../reassembly/connection.ts'
import { Dissection } from './engine.ts'

test('a port tells whom to try first, by the name of the dissector or of its protocol', () => {
  const dissection = new Dissection({
    dissectors,
    ports: new Map([
      [7001, 'tlsx'],
      [7002, 'tls'],
      [7003, 'mysql'],
    ]),
    context: { wantsBodies: false, maxBody: 0 },
    replyTimeout: 10,
    memory: 1 << 20,
    exchange: () => {},
    conversation: () => {},
    reportEvery: 60,
  })
  const first = (dstPort: number, transport: 'tcp' | 'udp') => {
    const packet = Object.assign(new Packet(), {
      ...{ protocol: PROTOCOL[transport], ipVersion: 4, srcPort: 40_000, dstPort },
    })
    return dissection.candidates(new Connection(1, packet, 0, undefined as never), transport)[0]?.name
  }
  assert.deepEqual(
    [first(7001, 'tcp'), first(7001, 'udp'), first(7002, 'tcp'), first(7003, 'tcp'), first(7004, 'tcp')],
    ['tls', 'dtls', 'tls', 'mysql', 'http'],
  )
})
