import type { OpenPackets } from '../wire/packets.ts'

/** As workers keep it, with a stream whose packets can be asked for. */
export const ENTRY = {
  ...{ id: 'w:1/000000000007.pcap-2', stream: '000000000007.pcap', node: { ip: '10.0.0.9', name: 'n1' } },
  ...{ timestamp: 1000, src: { ip: '10.0.0.1', port: '4000' }, dst: { ip: '10.0.0.2', port: '80' } },
  protocol: { name: 'http' },
  request: { method: 'GET', url: '/' },
}

/** Ethernet, IPv4 and TCP from 10.0.0.1:4000 to 10.0.0.2:80, with two bytes. */
export const FRAME = Buffer.from(
  [
    '0000000000000000000000000800',
    '4500002a000000004006000000000000'.replace(/0{8}$/, '0a000001'),
    '0a000002',
    '0fa00050000000010000000250120100000000006869',
  ].join(''),
  'hex',
)
export const NOTHING_LOST = { evicted: 0, otherRun: 0, never: 0 }

/** So many packets, one a second. */
export function openOf(count: number): OpenPackets {
  const [length, captured] = [FRAME.length, FRAME.length]
  const packets = Array.from({ length: count }, (_, at) => ({
    ...{ bytes: FRAME, captured, length, seconds: 1 + at, nanos: 5, interfaceId: 0 },
  }))
  return {
    ...{ packets: count, bytes: count * length, begin: Math.min(1, count), isCut: false, lost: NOTHING_LOST },
    interfaces: [{ name: 'eth0', linkType: 1, snapLength: 0 }],
    read: async ({ from }) => ({ packets: packets.slice(from), next: count }),
  }
}
