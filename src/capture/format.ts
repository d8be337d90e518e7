import { u16, u32, u32le } from '../bytes/read.ts'
import { latin1 } from '../bytes/text.ts'
import { Mistake } from '../mistake/mistake.ts'
import { PCAP_MAGIC } from './pcap.ts'
import { BLOCK } from './pcapng.ts'

/** What a file is, by its first bytes. */
export type Format = 'pcap' | 'pcapng' | 'gzip' | 'zstd' | 'other'

/** Bytes that `formatOf` needs. */
export const MAGIC_LENGTH = 4
/** Bytes that `refuse` would like to see. */
export const HEAD_LENGTH = 64

export function formatOf(head: Uint8Array): Format {
  if (head.length < MAGIC_LENGTH) return 'other'
  const magic = u32(head, 0)
  if (magic === BLOCK.section) return 'pcapng'
  if (isPcap(magic) || isPcap(u32le(head, 0))) return 'pcap'
  if (magic >>> 16 === 0x1f8b) return 'gzip'
  // RFC 8878 §3.1.2: pzstd puts a frame to be skipped, 5x 2a 4d 18, in front of each other one.
  if (magic === 0x28b52ffd || (magic & 0xf0ffffff) === 0x502a4d18) return 'zstd'
  return 'other'
}

/** Why the input called `name` cannot be read, and what to do about it. */
export function refuse(name: string, head: Uint8Array): Mistake {
  const { looks, hint } = describe(head)
  return new Mistake('E_CAPTURE_FORMAT', `${name} ${looks}`, { hint })
}

function describe(head: Uint8Array): { looks: string; hint: string } {
  if (head.length === 0)
    return { looks: 'is empty: a capture has at least a header', hint: 'Check that the capture was written.' }
  const format = formatOf(head)
  if (format === 'gzip' || format === 'zstd')
    return { looks: 'is compressed more than once', hint: `Unpack it once: ${format} -d` }
  if (format !== 'other')
    return {
      looks: 'ends inside its header: there are no packets in it',
      hint: 'Capture it again; the program that wrote it was stopped too early.',
    }
  const text = latin1(head, 0, head.length)
  const packed = COMPRESSED.find(({ magic }) => text.startsWith(magic))
  if (packed)
    return { looks: `is compressed with ${packed.name}`, hint: `Unpack it first: ${packed.unpack} IN` }
  const foreign = FOREIGN.find(({ magic }) => text.startsWith(magic))
  if (foreign) return convert(foreign.name)
  if (/^\s*[[{]/.test(text)) return { looks: 'looks like JSON, not like a capture', hint: WRITE_PACKETS }
  if (/^(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]{4}[\t\n\r\x20-\x7e\x80-\xff]*$/.test(text))
    return { looks: 'looks like text, not like a capture', hint: WRITE_PACKETS }
  if (isErf(head)) return convert('ERF')
  return {
    looks: `is neither pcap nor pcapng (it starts with ${[...head.subarray(0, 4)].map(hexByte).join(' ')})`,
    hint: 'If tshark can read it, convert it: editcap -F pcapng IN OUT',
  }
}

function convert(format: string): { looks: string; hint: string } {
  return { looks: `looks like a capture in ${format} format`, hint: 'Convert it: editcap -F pcapng IN OUT' }
}

const WRITE_PACKETS =
  'Write packets with tcpdump -w FILE or tshark -w FILE: what they print cannot be read back.'

const COMPRESSED = [
  { magic: '\x04\x22\x4d\x18', name: 'lz4', unpack: 'lz4 -d' },
  { magic: '\xfd7zXZ\0', name: 'xz', unpack: 'xz -dk' },
  { magic: 'BZh', name: 'bzip2', unpack: 'bunzip2 -k' },
  { magic: 'PK\x03\x04', name: 'zip', unpack: 'unzip' },
]

const FOREIGN = [
  { magic: 'snoop\0', name: 'snoop' },
  { magic: 'btsnoop\0', name: 'Bluetooth snoop' },
  { magic: 'GMBU', name: 'Network Monitor' },
  { magic: 'RTSS', name: 'Network Monitor' },
  { magic: 'TRSNIFF data', name: 'Sniffer' },
  { magic: 'XCP\0', name: 'NetXRay' },
  { magic: 'iptrace 1.0', name: 'AIX iptrace' },
  { magic: 'iptrace 2.0', name: 'AIX iptrace' },
]

function isPcap(magic: number): boolean {
  return magic === PCAP_MAGIC.micros || magic === PCAP_MAGIC.nanos || magic === PCAP_MAGIC.modified
}

/**
 * ERF has no magic number. Its records start with a time (little-endian, seconds in the upper half), a type and
 * flags, and a record length that must hold the header of 16 bytes and the packet.
 * https://wiki.wireshark.org/ERF
 */
function isErf(head: Uint8Array): boolean {
  if (head.length < 16) return false
  const seconds = u32le(head, 4)
  const type = (head[8] ?? 0) & 0x7f
  const recordLength = u16(head, 10)
  const wireLength = u16(head, 14)
  return (
    seconds > EARLIEST_ERF &&
    type >= 1 &&
    type <= LAST_ERF_TYPE &&
    recordLength >= 16 &&
    recordLength <= wireLength + MOST_BESIDES_ERF_PACKET
  )
}

/** 1990 in seconds since the epoch. */
const EARLIEST_ERF = 631_152_000
const LAST_ERF_TYPE = 48
const MOST_BESIDES_ERF_PACKET = 256

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
