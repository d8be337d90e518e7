import { constants, inflateSync } from 'node:zlib'

/** A frame of SPDY/3.1 that port-forwarding needs (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/). */
export type SpdyFrame =
  | {
      readonly kind: 'open'
      readonly stream: number
      readonly headers: ReadonlyMap<string, string>
      readonly isLast: boolean
    }
  | { readonly kind: 'data'; readonly stream: number; readonly data: Buffer; readonly isLast: boolean }
  | { readonly kind: 'reset'; readonly stream: number }
  | { readonly kind: 'ping'; readonly id: Buffer }
  | { readonly kind: 'goaway' }

/** Reads the frames that the client of a connection sends, however its bytes are cut. */
export class SpdyReader {
  #waiting = Buffer.alloc(0)
  /** All compressed headers until now: they are one stream of zlib. */
  #compressed = Buffer.alloc(0)
  #inflated = 0

  push(chunk: Buffer): SpdyFrame[] {
    this.#waiting = Buffer.concat([this.#waiting, chunk])
    const frames: SpdyFrame[] = []
    while (this.#waiting.length >= HEAD) {
      const length = HEAD + this.#waiting.readUIntBE(5, 3)
      if (this.#waiting.length < length) break
      const frame = this.#frame(this.#waiting.subarray(0, length))
      this.#waiting = this.#waiting.subarray(length)
      if (frame !== undefined) frames.push(frame)
    }
    return frames
  }

  #frame(bytes: Buffer): SpdyFrame | undefined {
    const isLast = ((bytes[4] ?? 0) & FIN) !== 0
    const body = bytes.subarray(HEAD)
    if (((bytes[0] ?? 0) & 0x80) === 0)
      return { kind: 'data', stream: bytes.readUInt32BE(0), data: Buffer.from(body), isLast }
    switch (bytes.readUInt16BE(2)) {
      case SYN_STREAM:
        return {
          kind: 'open',
          stream: body.readUInt32BE(0) & 0x7fff_ffff,
          headers: this.#headers(body.subarray(10)),
          isLast,
        }
      case RST_STREAM:
        return { kind: 'reset', stream: body.readUInt32BE(0) & 0x7fff_ffff }
      case PING:
        return { kind: 'ping', id: Buffer.from(body.subarray(0, 4)) }
      case GOAWAY:
        return { kind: 'goaway' }
      default:
        return undefined
    }
  }

  #headers(block: Buffer): ReadonlyMap<string, string> {
    this.#compressed = Buffer.concat([this.#compressed, block])
    const all = inflateSync(this.#compressed, {
      dictionary: DICTIONARY,
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    const text = all.subarray(this.#inflated)
    this.#inflated = all.length
    const headers = new Map<string, string>()
    let at = 4
    const next = () => {
      const length = text.readUInt32BE(at)
      at += 4 + length
      return text.subarray(at - length, at).toString()
    }
    for (let left = text.readUInt32BE(0); left > 0; left--) headers.set(next().toLowerCase(), next())
    return headers
  }
}

/** Accepts streams that the client opens, with no headers. One for each connection: their headers are one stream of zlib. */
export class SpdyWriter {
  #isFirst = true

  accept(stream: number): Buffer {
    // Headers that are stored as they are: a count of none, and a block of nothing, at which those who read give out what they have.
    const block = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    const headers = this.#isFirst ? Buffer.concat([Buffer.from([0x78, 0x01]), block]) : block
    this.#isFirst = false
    const id = Buffer.alloc(4)
    id.writeUInt32BE(stream)
    return control(SYN_REPLY, Buffer.concat([id, headers]))
  }

  data(stream: number, data: Buffer, isLast = false): Buffer {
    const head = Buffer.alloc(HEAD)
    head.writeUInt32BE(stream)
    head[4] = isLast ? FIN : 0
    head.writeUIntBE(data.length, 5, 3)
    return Buffer.concat([head, data])
  }

  pong(id: Buffer): Buffer {
    return control(PING, id)
  }
}

function control(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt16BE(0x8003)
  head.writeUInt16BE(type, 2)
  head.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([head, body])
}

/** Section 2.6.10.1 of the draft: what headers are likely to have. Names come with their lengths in front. */
function dictionary(): Buffer {
  const names = [
    'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow',
    'authorization cache-control connection content-base content-encoding content-language content-length',
    'content-location content-md5 content-range content-type date etag expect expires from host if-match',
    'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma',
    'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade',
    'user-agent vary via warning www-authenticate method get status',
  ]
  const words = [
    ...names.join(' ').split(' '),
    ...['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'],
  ]
  const counted = words.flatMap((word) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(word.length)
    return [length, Buffer.from(word)]
  })
  const rest =
    '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
    '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized' +
    '403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable' +
    'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
    'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,' +
    'text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'
  return Buffer.concat([...counted, Buffer.from(rest)])
}

const DICTIONARY = dictionary()
const HEAD = 8
const FIN = 1
const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GOAWAY = 7
