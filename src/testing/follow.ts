import type { Dissector, Side } from '../dissect/dissector.ts'
import { Dissection } from '../dissect/engine.ts'
import type { Exchange } from '../entry/entry.ts'
import { Packet } from '../packet/packet.ts'
import { Connection, IDLE } from '../reassembly/connection.ts'

/** What a side sends, how many bytes of it are lost, or null where it ends; `evict` where memory has run out. */
export type Chunk = readonly [Side, Uint8Array | number | null | 'evict']

export interface Followed {
  readonly exchanges: readonly Exchange[]
  /** The protocol that was recognised, or undefined. */
  readonly dissector: string | undefined
  /** The side that was taken for the client is the one that the script calls so. */
  readonly isRightWayRound: boolean
}

/**
 * Runs a connection through the engine, without packets: a chunk a second. `protocol` is IP's number: 6 for TCP, 17 for UDP. Its beginning is seen unless `isMidway`, and
 * then nobody knows who opened it.
 */
export function follow(
  dissectors: readonly unknown[],
  script: readonly Chunk[],
  { port = 40_000, protocol = 6, isMidway = false, context = { wantsBodies: true, maxBody: 1 << 20 } } = {},
): Followed {
  const exchanges: Exchange[] = []
  const dissection = new Dissection({
    dissectors: dissectors as readonly Dissector[],
    ports: new Map(),
    context,
    replyTimeout: 10,
    memory: 64 << 20,
    exchange: (exchange) => exchanges.push(exchange),
    conversation: () => {},
    reportEvery: 60,
  })
  const packet = new Packet()
  packet.protocol = protocol
  packet.ipVersion = 4
  packet.srcPort = CLIENT_PORT
  packet.dstPort = port
  const connection = new Connection(0, packet, 0, IDLE)
  const handler = dissection.open(connection)
  connection.opener = isMidway ? -1 : 0
  for (const [from, chunk] of script) {
    connection.seconds++
    const end = from === 'client' ? 0 : 1
    if (chunk === null) handler.end(end)
    else if (chunk === 'evict') handler.evict()
    else if (typeof chunk === 'number') handler.gap(end, chunk)
    else handler.data(end, chunk, 0, chunk.length)
  }
  handler.close('closed')
  const [first] = exchanges
  return {
    exchanges,
    dissector: first?.dissector.name,
    isRightWayRound: first?.stream.client.port === String(CLIENT_PORT),
  }
}

const CLIENT_PORT = 50_000
