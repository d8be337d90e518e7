import type { RelayedEvent } from '../../dissect/relay.ts'
import type { Identity } from '../../entry/identity.ts'
import { Packet } from '../../packet/packet.ts'
import {
  type CloseReason,
  Connection,
  type ConnectionHandler,
  type End,
} from '../../reassembly/connection.ts'

/**
 * A row of a batch that is no entry, but something that happened on a connection which dissectors of agents read:
 * `[RELAYED, number of the connection, kind, end, payload, seconds, nanos, what the connection is or null]`.
 */
export const RELAYED = -1

const KINDS = ['data', 'gap', 'end', 'close'] as const

/** What a connection is, once in each batch that speaks of it. */
export type Told = readonly [
  /** This is the first event of it that is relayed. */
  isNew: boolean,
  opener: number,
  protocol: number,
  ipVersion: number,
  source: readonly number[],
  destination: readonly number[],
  aPort: number,
  bPort: number,
  vlan: number,
  interfaceName: string,
  /** "" for those that have none. */
  names: readonly (readonly [ip: string, name: string])[],
  /** Who the cluster says its ends are, by `address:port`; null for nobody. */
  identities: Identities,
]

type Identities = readonly (readonly [end: string, identity: Identity | null])[]

export interface Relayed {
  readonly connection: number
  readonly kind: (typeof KINDS)[number]
  readonly from: End
  /** Of `data` a character a byte. */
  readonly text: string
  /** Of `gap`. */
  readonly length: number
  /** Of `close`. */
  readonly reason: CloseReason | 'recognised'
  readonly seconds: number
  readonly nanos: number
  readonly told: Told | null
}

/** `piece` is what of the bytes goes into this row; `telling` when the batch has not said yet what the connection is. */
export function relayRow(
  connection: Connection,
  event: RelayedEvent,
  piece: string,
  telling:
    | {
        readonly isNew: boolean
        readonly names: readonly (readonly [string, string])[]
        readonly identities?: Identities
      }
    | undefined,
): unknown[] {
  const payload =
    event.kind === 'data'
      ? piece
      : event.kind === 'gap'
        ? event.length
        : event.kind === 'close'
          ? event.reason
          : 0
  const from = 'from' in event ? event.from : 0
  const told = telling === undefined ? null : describe(connection, telling)
  return [
    RELAYED,
    connection.id,
    KINDS.indexOf(event.kind),
    from,
    payload,
    connection.seconds,
    connection.nanos,
    told,
  ]
}

function describe(
  connection: Connection,
  {
    isNew,
    names,
    identities = [],
  }: { readonly isNew: boolean; readonly names: Told[10]; readonly identities?: Identities },
): Told {
  const { a0, a1, a2, a3, b0, b1, b2, b3 } = connection
  const { opener, protocol, ipVersion, aPort, bPort, vlan, interfaceName } = connection
  return [
    isNew,
    opener,
    protocol,
    ipVersion,
    [a0, a1, a2, a3],
    [b0, b1, b2, b3],
    aPort,
    bPort,
    vlan,
    interfaceName,
    names,
    identities,
  ]
}

export function readRelayed(row: readonly unknown[]): Relayed {
  const [, connection, kind, from, payload, seconds, nanos, told] = row
  return {
    connection: connection as number,
    kind: KINDS[kind as number] as Relayed['kind'],
    from: from as End,
    text: typeof payload === 'string' ? payload : '',
    length: typeof payload === 'number' ? payload : 0,
    reason: payload as Relayed['reason'],
    seconds: seconds as number,
    nanos: nanos as number,
    told: told as Told | null,
  }
}

/** The connection as dissection needs it. One that is not new is joined in its middle. */
export function connectionOf(
  { connection: id, told, seconds, nanos }: Relayed,
  handler: ConnectionHandler,
): Connection {
  const [isNew, opener, protocol, ipVersion, source, destination, aPort, bPort, vlan, interfaceName] =
    told as Told
  const packet = new Packet()
  const [src0 = 0, src1 = 0, src2 = 0, src3 = 0] = source
  const [dst0 = 0, dst1 = 0, dst2 = 0, dst3 = 0] = destination
  Object.assign(packet, {
    protocol,
    ipVersion,
    src0,
    src1,
    src2,
    src3,
    dst0,
    dst1,
    dst2,
    dst3,
    seconds,
    nanos,
    vlan,
  })
  packet.srcPort = aPort
  packet.dstPort = bPort
  packet.interface = { ...packet.interface, name: interfaceName }
  const connection = new Connection(id, packet, 0, handler)
  connection.opener = isNew ? (opener as End | -1) : -1
  return connection
}
