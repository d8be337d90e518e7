import type { Dissector } from '../dissect/dissector.ts'
import type { EntryProtocol } from '../entry/entry.ts'
import { tcpConnection, udpConnection } from './connection/connection.ts'
import { dns, dnsTcp } from './dns/dissector.ts'
import { http } from './http/dissector.ts'
import { icmp4, icmp6 } from './icmp/dissector.ts'
import { memcached, memcachedUdp } from './memcached/dissector.ts'
import { postgresql } from './postgresql/dissector.ts'
import { redis } from './redis/dissector.ts'
import { tls } from './tls/dissector.ts'
import { dtls } from './tls/dtls.ts'

/** Every protocol that can be recognised, in the order in which a conversation is tried. One line adds one. */
export const dissectors = [
  http,
  tls,
  dtls,
  dns,
  dnsTcp,
  memcached,
  memcachedUdp,
  redis,
  postgresql,
  icmp4,
  icmp6,
] as unknown as readonly Dissector[]

/** Everything that entries can be of. Rows that cross into the sandbox number their layouts in this order. */
export const entryProtocols: readonly EntryProtocol[] = [
  ...(dissectors as unknown as readonly EntryProtocol[]),
  tcpConnection,
  udpConnection,
]

/** Names in `tap.enabledDissectors` that mean one of ours under another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = { tlsx: 'tls', dtls: 'tls' }

/** The dissectors that `tap.enabledDissectors` asks for; names of protocols that are not built yet are passed over. */
export function dissectorsNamed(enabled: readonly string[]): {
  readonly dissectors: readonly Dissector[]
  readonly connections: { readonly tcp: boolean; readonly udp: boolean }
} {
  const names = new Set(enabled.map((name) => OTHER_NAMES[name] ?? name))
  return {
    dissectors: dissectors.filter(({ name }) => names.has(OTHER_NAMES[name] ?? name)),
    connections: { tcp: names.has('tcp-conn'), udp: names.has('udp-conn') },
  }
}
