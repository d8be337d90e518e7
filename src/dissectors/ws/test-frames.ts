import { constants, createDeflateRaw } from 'node:zlib'
import type { Side } from '../../dissect/dissector.ts'
import { type Fed, feed } from '../../testing/feed.ts'
import { firstReply, firstRequest } from '../http/test-messages.ts'
import { Upgrade } from '../http/upgrade.ts'
import { ws } from './dissector.ts'
import { OPCODE } from './header.ts'
import type { Frame } from './messages.ts'

type Chunks = Parameters<typeof feed>[1]
type Context = Parameters<typeof feed>[2]

interface FrameOptions {
  readonly fin?: boolean
  readonly rsv?: number
  /** Four bytes; without it the frame is not masked. */
  readonly mask?: string
}

/** A frame as it crosses the wire. */
export function frame(
  opcode: keyof typeof OPCODE | number,
  payload: string | Uint8Array = '',
  { fin = true, rsv = 0, mask }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload as string)
  const number = typeof opcode === 'number' ? opcode : OPCODE[opcode]
  const length =
    bytes.length < 126 ? [bytes.length] : bytes.length < 1 << 16 ? [126, 0, 0] : [127, 0, 0, 0, 0, 0, 0, 0, 0]
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | number, ...length])
  if (length.length === 3) head.writeUInt16BE(bytes.length, 2)
  if (length.length === 9) head.writeBigUInt64BE(BigInt(bytes.length), 2)
  if (mask === undefined) return Buffer.concat([head, bytes])
  const key = Buffer.from(mask, 'latin1')
  head[1] = (head[1] as number) | 0x80
  return Buffer.concat([head, key, bytes.map((byte, at) => byte ^ (key[at % 4] as number))])
}

/** The same from a client. */
export function masked(
  opcode: keyof typeof OPCODE | number,
  payload: string | Uint8Array = '',
  options: FrameOptions = {},
): Buffer {
  return frame(opcode, payload, { mask: '\x12\x34\x56\x78', ...options })
}

/** Compresses the messages of one side; the last four bytes are left out (RFC 7692 §7.2.1). */
export async function deflated(
  messages: readonly (string | Uint8Array)[],
  takeover = true,
  windowBits = 15,
): Promise<Buffer[]> {
  const compressed: Buffer[] = []
  let stream = createDeflateRaw({ windowBits })
  for (const message of messages) {
    if (!takeover) stream = createDeflateRaw({ windowBits })
    const pieces: Buffer[] = []
    const collect = (piece: Buffer) => pieces.push(piece)
    stream.on('data', collect)
    stream.write(message)
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve))
    stream.off('data', collect)
    compressed.push(Buffer.concat(pieces).subarray(0, -4))
  }
  return compressed
}

/** What HTTP hands over when these extensions were agreed on. */
export function agreed(extensions = '', subprotocol = ''): Upgrade {
  return new Upgrade(
    firstRequest('GET /chat?a=b HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'),
    firstReply(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n${header('Extensions', extensions)}${header('Protocol', subprotocol)}\r\n`,
    ),
    undefined,
  )
}

function header(name: string, value: string): string {
  return value === '' ? '' : `Sec-WebSocket-${name}: ${value}\r\n`
}

export function feedFrames(chunks: Chunks, extensions = '', context?: Context): Fed {
  return feed(ws, chunks, context, { handover: agreed(extensions) })
}

/** What one side said. */
export function framesFrom(
  side: Side,
  chunks: readonly (Uint8Array | number | null)[],
  extensions = '',
  context?: Context,
): Frame[] {
  return framesOf(
    feedFrames(
      chunks.map((chunk) => [side, chunk] as const),
      extensions,
      context,
    ),
  )
}

export function framesOf({ messages }: Fed): Frame[] {
  return messages.map(({ message }) => message as Frame)
}

/** A frame as agents see it. */
export function plain(frame: Frame): Record<string, unknown> {
  return Object.fromEntries(Object.keys(ws.request.fields).map((name) => [name, frame[name as keyof Frame]]))
}
