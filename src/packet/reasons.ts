/** Why a captured packet went no further, though nothing is wrong with it. */
export const IGNORED = {
  'unknown-link-type': 'The capture has a link type that is not read.',
  'not-ip': 'ARP, LLDP, spanning tree and other protocols beside IP.',
  'tunnel-not-ip': 'A tunnel that carries something else than IP.',
  'too-deep': 'Tunnels within tunnels, beyond the limit.',
  'not-targeted': 'Neither end is a pod that the rules take.',
  duplicate: 'A copy of a packet that was seen on another interface.',
  'other-node': 'Between pods on two nodes, of which the worker on the other one reads it.',
  'sampled-out': 'Of a connection that sampling leaves out.',
} as const

/** What was wrong with a packet that could not be read. */
export const MALFORMED = {
  'link-header': 'Too short for its link layer header.',
  'ip-header': 'Too short for its IP header, or a header that contradicts itself.',
  'ip-options': 'An IPv6 extension header that does not fit, or too many of them.',
  'transport-header':
    'Too short for its TCP, UDP, SCTP or ICMP header, or lengths that contradict each other.',
  fragment: 'A fragment that cannot be part of any datagram.',
  'tunnel-header': 'A tunnel header that does not fit.',
  'bad-checksum': 'A checksum does not match (only with --verify-checksums).',
} as const

export type IgnoreReason = keyof typeof IGNORED
export type MalformedReason = keyof typeof MALFORMED
