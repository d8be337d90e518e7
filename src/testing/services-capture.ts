import { writeFile } from 'node:fs/promises'

/** One request of HTTP and its reply. */
export interface ServiceCall {
  /** Address of who asks. */
  readonly from: string
  /** Address of who is asked … */
  readonly to: string
  /** … and its name, as the request gives it. */
  readonly host: string
  readonly status: number
  readonly atMs: number
  readonly tookMs: number
}

/** Writes a capture of these calls, each on a connection of its own (RFC 791, RFC 9293; link type 101). */
export async function writeServicesCapture(path: string, calls: readonly ServiceCall[]): Promise<void> {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(65_535, 16)
  head.writeUInt32LE(101, 20)
  const packets = calls.flatMap(packetsOf).sort((a, b) => a.atMs - b.atMs)
  await writeFile(path, Buffer.concat([head, ...packets.map(recordOf)]))
}

/** So many services in tiers, each asking some of the next tier, as in a large shop. Some fail now and then. */
export function shopCalls(services: number, endMs: number): ServiceCall[] {
  const address = (at: number) => `10.0.${at >> 8}.${at & 255}`
  const calls: ServiceCall[] = []
  const call = (from: string, to: number, turn: number) => {
    const startMs = endMs - 60_000 + ((calls.length * 37) % 55_000)
    const status = to % 17 === 3 && turn % 3 === 0 ? 503 : 200
    const host = `${NAMES[to % NAMES.length]}-${to}`
    calls.push({
      from,
      to: address(to),
      host,
      status,
      atMs: startMs,
      tookMs: 1 + ((to * 7 + turn * 13) % 90),
    })
  }
  for (let client = 0; client < 12; client++)
    for (let turn = 0; turn < 3; turn++) call(`192.0.2.${client + 1}`, 0, turn)
  for (let at = 1; at < services; at++) {
    const parents = [Math.floor((at - 1) / 5), at % 3 === 0 ? Math.floor((at - 1) / 7) : undefined]
    for (const parent of parents)
      if (parent !== undefined)
        for (let turn = 0; turn < 2 + (at % 5); turn++) call(address(parent), at, turn)
  }
  return calls
}

const NAMES = [
  'gateway',
  'carts',
  'orders',
  'price',
  'stock',
  'users',
  'search',
  'mail',
  'pay',
  'audit',
  'db',
]

interface RawPacket {
  readonly atMs: number
  readonly bytes: Buffer
}

function packetsOf({ from, to, host, status, atMs, tookMs }: ServiceCall, at: number): RawPacket[] {
  const port = 20_000 + (at % 40_000)
  const request = Buffer.from(`GET /v1/items/${at} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const body = JSON.stringify({ item: at, ok: status === 200 })
  const response = Buffer.from(
    `HTTP/1.1 ${status} -\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const [out, back] = [
    { from, to, source: port, target: 80 },
    { from: to, to: from, source: 80, target: port },
  ]
  const [c, s] = [1000, 5000]
  const [cEnd, sEnd] = [c + 1 + request.length, s + 1 + response.length]
  return [
    { atMs, bytes: ipPacket(out, c, 0, SYN) },
    { atMs: atMs + 0.1, bytes: ipPacket(back, s, c + 1, SYN | ACK) },
    { atMs: atMs + 0.2, bytes: ipPacket(out, c + 1, s + 1, ACK, request) },
    { atMs: atMs + 0.2 + tookMs, bytes: ipPacket(back, s + 1, cEnd, ACK, response) },
    { atMs: atMs + 0.3 + tookMs, bytes: ipPacket(out, cEnd, sEnd, ACK | FIN) },
    { atMs: atMs + 0.4 + tookMs, bytes: ipPacket(back, sEnd, cEnd + 1, ACK | FIN) },
  ]
}

interface Way {
  readonly from: string
  readonly to: string
  readonly source: number
  readonly target: number
}

function ipPacket(
  { from, to, source, target }: Way,
  seq: number,
  ack: number,
  flags: number,
  payload = Buffer.alloc(0),
) {
  const bytes = Buffer.alloc(40)
  bytes[0] = 0x45
  bytes.writeUInt16BE(40 + payload.length, 2)
  bytes[8] = 64
  bytes[9] = 6
  Buffer.from(from.split('.').map(Number)).copy(bytes, 12)
  Buffer.from(to.split('.').map(Number)).copy(bytes, 16)
  bytes.writeUInt16BE(source, 20)
  bytes.writeUInt16BE(target, 22)
  bytes.writeUInt32BE(seq, 24)
  bytes.writeUInt32BE(ack, 28)
  bytes[32] = 0x50
  bytes[33] = flags
  bytes.writeUInt16BE(65_535, 34)
  return Buffer.concat([bytes, payload])
}

function recordOf({ atMs, bytes }: RawPacket): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32LE(Math.floor(atMs / 1000), 0)
  head.writeUInt32LE(Math.floor((atMs % 1000) * 1000), 4)
  head.writeUInt32LE(bytes.length, 8)
  head.writeUInt32LE(bytes.length, 12)
  return Buffer.concat([head, bytes])
}

const FIN = 1
const SYN = 2
const ACK = 16
