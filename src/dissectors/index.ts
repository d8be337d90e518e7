import type { Dissector } from '../dissect/dissector.ts'
import type { EntryProtocol } from '../entry/entry.ts'
import { amqp } from './amqp/dissector.ts'
import type { WantedConversations } from './connection/conversations.ts'
import { tcpConnection, tcpFlow, udpConnection, udpFlow } from './connection/protocols.ts'
import { diameter, diameterSctp } from './diameter/dissector.ts'
import { dns, dnsTcp } from './dns/dissector.ts'
import { http } from './http/dissector.ts'
import { http2 } from './http2/dissector.ts'
import { icmp4, icmp6 } from './icmp/dissector.ts'
import { kafka } from './kafka/dissector.ts'
import { cldap, ldap } from './ldap/dissector.ts'
import { memcached, memcachedUdp } from './memcached/dissector.ts'
import { mongodb } from './mongodb/dissector.ts'
import { mqtt } from './mqtt/dissector.ts'
import { mysql } from './mysql/dissector.ts'
import { tcpPayload, udpPayload, type WantedPayloads } from './payload/payloads.ts'
import { postgresql } from './postgresql/dissector.ts'
import { radius, radiusTcp } from './radius/dissector.ts'
import { redis } from './redis/dissector.ts'
import { sctpChunks } from './sctp/chunks.ts'
import { tls } from './tls/dissector.ts'
import { dtls } from './tls/dtls.ts'
import { ws } from './ws/dissector.ts'

/** Every protocol that can be recognised, in the order in which a conversation is tried. One line adds one. */
export const dissectors = [
  http,
  http2,
  ws,
  tls,
  dtls,
  dns,
  dnsTcp,
  memcached,
  memcachedUdp,
  redis,
  radius,
  radiusTcp,
  diameter,
  diameterSctp,
  amqp,
  mqtt,
  mongodb,
  ldap,
  cldap,
  kafka,
  mysql,
  postgresql,
  icmp4,
  icmp6,
] as unknown as readonly Dissector[]

/** Everything that entries can be of. Rows that cross into the sandbox number their layouts in this order. */
export const entryProtocols: readonly EntryProtocol[] = [
  ...(dissectors as unknown as readonly EntryProtocol[]),
  tcpConnection,
  udpConnection,
  tcpFlow,
  udpFlow,
  sctpChunks,
  tcpPayload,
  udpPayload,
]

/** Names in `tap.enabledDissectors` that mean one of ours under another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = { http2: 'http', tlsx: 'tls', dtls: 'tls' }

/** What there are entries of when these are enabled. */
export function protocolsNamed(enabled: readonly string[]): readonly EntryProtocol[] {
  const names = namesOf(enabled)
  return entryProtocols.filter(({ name }) => names.has(OTHER_NAMES[name] ?? name))
}

/** The dissectors that `tap.enabledDissectors` asks for; names of protocols that are not built yet are passed over. */
export function dissectorsNamed(enabled: readonly string[]): {
  readonly dissectors: readonly Dissector[]
  readonly conversations: WantedConversations
  readonly chunks: boolean
  readonly payloads: WantedPayloads
} {
  const names = namesOf(enabled)
  return {
    dissectors: dissectors.filter(({ name }) => names.has(OTHER_NAMES[name] ?? name)),
    conversations: {
      tcpConn: names.has('tcp-conn'),
      udpConn: names.has('udp-conn'),
      tcpFlow: names.has('tcp-flow'),
      udpFlow: names.has('udp-flow'),
    },
    chunks: names.has('sctp'),
    payloads: { tcp: names.has('tcp'), udp: names.has('udp') },
  }
}

function namesOf(enabled: readonly string[]): ReadonlySet<string> {
  return new Set(enabled.map((name) => OTHER_NAMES[name] ?? name))
}
