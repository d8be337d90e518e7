/**
 * Makes the captures that the benchmarks read, the same bytes every time:
 *
 *     node bench/captures.ts http1 FILE [scale]     96,000 x scale HTTP/1.1 requests on 24 connections, about 300 MB
 *     node bench/captures.ts packets FILE [scale]   2,000,000 x scale small packets of 20,000 flows, about 190 MB
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const [what, file, scaleText] = process.argv.slice(2)
if (file === undefined || (what !== 'http1' && what !== 'packets')) {
  console.error('usage: node bench/captures.ts http1|packets FILE [scale]')
  process.exit(2)
}
const scale = Number(scaleText ?? 1)

/** Numbers that look random and are always the same (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** A pcap file being written, with microseconds and Ethernet. */
class CaptureFile {
  readonly #fd: number
  readonly #buffer = Buffer.alloc(4 << 20)
  #at = 0
  #micros = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
    for (const word of [0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1])
      this.#at = this.#buffer.writeUInt32LE(word, this.#at)
  }

  /** An IPv4 packet from `headers` and `payload`, `after` µs later than the last one. */
  packet(
    protocol: number,
    src: number,
    dst: number,
    transport: Buffer,
    payload: Buffer,
    after: number,
  ): void {
    const length = 14 + 20 + transport.length + payload.length
    if (this.#at + 16 + length > this.#buffer.length) this.flush()
    this.#micros += after
    const out = this.#buffer
    let at = this.#at
    at = out.writeUInt32LE(START + Math.floor(this.#micros / 1e6), at)
    at = out.writeUInt32LE(this.#micros % 1e6, at)
    at = out.writeUInt32LE(length, at)
    at = out.writeUInt32LE(length, at)
    ETHERNET.copy(out, at)
    at += 14
    out.writeUInt32BE(0x45000000 | (20 + transport.length + payload.length), at)
    out.writeUInt32BE(0x00004000, at + 4)
    out.writeUInt32BE(0x40000000 | (protocol << 16), at + 8)
    out.writeUInt32BE(src, at + 12)
    out.writeUInt32BE(dst, at + 16)
    at += 20
    transport.copy(out, at)
    payload.copy(out, at + transport.length)
    this.#at = at + transport.length + payload.length
  }

  flush(): void {
    writeSync(this.#fd, this.#buffer, 0, this.#at)
    this.#at = 0
  }

  close(): void {
    this.flush()
    closeSync(this.#fd)
  }
}

/** One end of a TCP connection, sending in segments of an Ethernet's size. */
class TcpConnection {
  readonly #file: CaptureFile
  readonly #client: number
  readonly #port: number
  readonly #seq = [1000, 9000]

  constructor(file: CaptureFile, client: number, port: number) {
    this.#file = file
    this.#client = client
    this.#port = port
    this.#segment(0, 0x02, Buffer.alloc(0))
    this.#segment(1, 0x12, Buffer.alloc(0))
    this.#segment(0, 0x10, Buffer.alloc(0))
  }

  send(from: 0 | 1, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 1448) this.#segment(from, 0x18, bytes.subarray(at, at + 1448))
    this.#segment(from === 0 ? 1 : 0, 0x10, Buffer.alloc(0))
  }

  #segment(from: 0 | 1, flags: number, payload: Buffer): void {
    const header = Buffer.alloc(20)
    header.writeUInt16BE(from === 0 ? this.#port : 80, 0)
    header.writeUInt16BE(from === 0 ? 80 : this.#port, 2)
    header.writeUInt32BE((this.#seq[from] as number) >>> 0, 4)
    header.writeUInt32BE((this.#seq[from === 0 ? 1 : 0] as number) >>> 0, 8)
    header.writeUInt16BE(0x5000 | flags, 12)
    header.writeUInt16BE(0xffff, 14)
    this.#seq[from] = ((this.#seq[from] as number) + payload.length + (flags & 2 ? 1 : 0)) >>> 0
    const [src, dst] = from === 0 ? [this.#client, SERVER] : [SERVER, this.#client]
    this.#file.packet(6, src, dst, header, payload, 3)
  }
}

function http1(path: string): void {
  const random = randomFrom(7)
  const file = new CaptureFile(path)
  const connections = Array.from(
    { length: 24 },
    (_, at) => new TcpConnection(file, 0x0a000001 + at, 40000 + at),
  )
  const bodies = Array.from({ length: 200 }, (_, at) =>
    JSON.stringify(item(random, Math.ceil(1.045 ** (at % 110)))),
  )
  const packed = bodies.map((body) => gzipSync(body, { level: 1 }))
  for (let n = 0; n < 96_000 * scale; n++) {
    const connection = connections[n % connections.length] as TcpConnection
    const which = random(200)
    const isPost = random(100) < 16
    const isGzip = random(100) < 40
    const missing = random(100) < 3
    const sent = isPost
      ? Buffer.from(`{"lines":[{"sku":"${random(99999)}","note":"${'n'.repeat(random(900))}"}]}`)
      : undefined
    const path = isPost
      ? `/api/orders?src=${random(9)}`
      : missing
        ? `/api/items/nope${random(99)}`
        : `/api/items/${which}?v=${random(9)}`
    connection.send(
      0,
      Buffer.concat([request(isPost, path, n, sent?.length, isGzip), ...(sent ? [sent] : [])]),
    )
    const body = missing
      ? Buffer.from('not found')
      : isGzip
        ? (packed[which] as Buffer)
        : Buffer.from(bodies[which] as string)
    connection.send(
      1,
      Buffer.concat([response(isPost ? 201 : missing ? 404 : 200, body.length, isGzip && !missing, n), body]),
    )
  }
  file.close()
}

function request(
  isPost: boolean,
  path: string,
  n: number,
  length: number | undefined,
  gzip: boolean,
): Buffer {
  return Buffer.from(
    `${isPost ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: api${n % 3}.shop.test\r\nUser-Agent: okhttp/4.12.0\r\nAccept: application/json\r\n` +
      `X-Request-Id: ${n.toString(16).padStart(8, '0')}\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.${'Zm9v'.repeat(20)}\r\nCookie: sid=${n}; theme=dark\r\n` +
      `${gzip ? 'Accept-Encoding: gzip, deflate\r\n' : ''}${length === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${length}\r\n`}\r\n`,
  )
}

function response(status: number, length: number, gzip: boolean, n: number): Buffer {
  return Buffer.from(
    `HTTP/1.1 ${status} OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n` +
      `${gzip ? 'Content-Encoding: gzip\r\n' : ''}Connection: keep-alive\r\nX-Request-Id: ${n}\r\nCache-Control: private, max-age=5\r\n\r\n`,
  )
}

function item(random: (below: number) => number, count: number): object {
  const words = [
    'alpha',
    'bravo',
    'carbon',
    'delta',
    'ember',
    'falcon',
    'garnet',
    'harbor',
    'indigo',
    'jasper',
  ]
  const one = () => ({
    id: random(1e9),
    name: `${words[random(10)]} ${words[random(10)]} ${words[random(10)]}`,
    price: random(99900) / 100,
    stock: { eu: random(999), us: random(999) },
    updated: `2024-0${1 + random(8)}-1${random(9)}T0${random(9)}:00:00Z`,
  })
  return { page: random(100), items: Array.from({ length: count }, one) }
}

function packets(path: string): void {
  const random = randomFrom(42)
  const file = new CaptureFile(path)
  const payload = Buffer.from(Array.from({ length: 4096 }, () => random(256)))
  const sent = new Map<number, number>()
  for (let n = 0; n < 2_000_000 * scale; n++) {
    const flow = Math.floor((random(20000) * random(20000)) / 20000)
    const bytes = payload.subarray(random(4000)).subarray(0, random(64))
    const [src, dst, port] = [0x0a000001 + flow, 0xc0a80001 + (flow % 250), 1024 + ((flow * 7) % 60000)]
    if (flow % 10 < 4) file.packet(17, src, dst, udp(port, 9999, bytes.length), bytes, 1 + random(6))
    else if (flow % 10 === 4) file.packet(1, src, dst, echo(port, n), bytes, 1 + random(6))
    else {
      const seq = sent.get(flow) ?? 0
      file.packet(
        6,
        src,
        dst,
        tcp(port, 7777, seq, seq === 0 ? 2 : 24),
        seq === 0 ? Buffer.alloc(0) : bytes,
        1 + random(6),
      )
      sent.set(flow, seq + (seq === 0 ? 1 : bytes.length))
    }
  }
  file.close()
}

function udp(src: number, dst: number, length: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(src, 0)
  header.writeUInt16BE(dst, 2)
  header.writeUInt16BE(8 + length, 4)
  return header
}

function echo(id: number, n: number): Buffer {
  const header = Buffer.alloc(8)
  header[0] = 8
  header.writeUInt16BE(id & 0xffff, 4)
  header.writeUInt16BE(n & 0xffff, 6)
  return header
}

function tcp(src: number, dst: number, seq: number, flags: number): Buffer {
  const header = Buffer.alloc(20)
  header.writeUInt16BE(src, 0)
  header.writeUInt16BE(dst, 2)
  header.writeUInt32BE(seq >>> 0, 4)
  header.writeUInt16BE(0x5000 | flags, 12)
  return header
}

const START = 1_700_000_000
const SERVER = 0xc0a80101
const ETHERNET = Buffer.from('0200000000020200000000010800', 'hex')

if (what === 'http1') http1(file)
else packets(file)
