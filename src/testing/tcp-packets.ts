import type { Dissector, Side } from '../dissect/dissector.ts'
import { Dissection } from '../dissect/engine.ts'
import type { Exchange } from '../entry/entry.ts'
import { FLAG, Packet, PROTOCOL } from '../packet/packet.ts'
import type { End } from '../reassembly/connection.ts'
import { Reassembler } from '../reassembly/reassembler.ts'

export type Sent = readonly [Side, string | Uint8Array]

/** The packets of a connection whose ends send all this, one after another, each having received what came before. */
export function packetsOf(sent: readonly Sent[]): Packet[] {
  const next: [number, number] = [1000, 5000]
  const packet = (from: End, flags: number, text: string | Uint8Array = '') => {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    const made = new Packet()
    const to = from === 0 ? 1 : 0
    Object.assign(made, { protocol: PROTOCOL.tcp, ipVersion: 4, flags, seq: next[from], ack: next[to] })
    Object.assign(made, {
      src0: from,
      dst0: to,
      srcPort: from === 0 ? 4000 : 80,
      dstPort: from === 0 ? 80 : 4000,
    })
    Object.assign(made, { bytes, payloadEnd: bytes.length, payloadLength: bytes.length })
    next[from] += bytes.length + ((flags & FLAG.syn) === 0 ? 0 : 1)
    return made
  }
  return [
    packet(0, FLAG.syn),
    packet(1, FLAG.syn | FLAG.ack),
    ...sent.map(([side, text]) => packet(side === 'client' ? 0 : 1, FLAG.ack, text)),
  ]
}

/** What is made of packets by these dissectors, in the order in which it is told. */
export function exchangesIn(packets: readonly Packet[], dissectors: readonly Dissector[]): Exchange[] {
  const exchanges: Exchange[] = []
  const dissection = new Dissection({
    dissectors,
    ports: new Map(),
    context: { wantsBodies: true, maxBody: 1000 },
    replyTimeout: 10,
    exchange: (exchange) => exchanges.push(exchange),
    memory: 1 << 20,
    conversation: () => {},
    reportEvery: 60,
  })
  const reassembler = new Reassembler({
    memory: 1 << 20,
    maxConnections: 10,
    tcpIdle: 100,
    otherIdle: 100,
    measure: false,
    open: (connection) => dissection.open(connection),
  })
  for (const packet of packets) reassembler.push(packet)
  reassembler.finish()
  return exchanges
}
