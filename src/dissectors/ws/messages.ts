import { base64 } from '../../bytes/text.ts'
import { asUtf8 } from '../http/characters.ts'
import { endOfWholeCharacters } from '../http/content.ts'
import type { Handshake } from './handshake.ts'
import { type HeaderReader, OPCODE, OPCODE_NAMES } from './header.ts'

/** What a message carries, without masks and compression. */
export interface Content {
  readonly bytes: Uint8Array
  readonly isText: boolean
  /** `bytes` is not all of it. */
  readonly isCut: boolean
  /** Bytes of all of it, as far as that is known. */
  readonly size: number
}

/** A frame. The last one of a message has all of what the message carries; it is read when somebody asks. */
export class Frame {
  readonly opcodeNumber: number
  readonly fin: boolean
  readonly masked: boolean
  readonly payloadLength: number
  readonly messageType: string
  readonly compressed: boolean
  /** Set by the parser while the frame comes in, as are the next two. */
  fragments = 1
  incomplete = false
  /** Of the last frame of a message. */
  content: Content | undefined
  /** RFC 6455 §7.4; 0 = none. */
  closeCode = 0
  readonly #handshake: Handshake
  #shown: Shown | undefined

  constructor(header: HeaderReader, messageType: string, compressed: boolean, handshake: Handshake) {
    this.opcodeNumber = header.opcode
    this.fin = header.fin
    this.masked = header.masked
    this.payloadLength = header.length
    this.messageType = messageType
    this.compressed = compressed
    this.#handshake = handshake
  }

  get opcode(): string {
    return OPCODE_NAMES[this.opcodeNumber] ?? ''
  }

  get payloadData(): string {
    return this.#read.text
  }

  get encoding(): string {
    return this.#read.encoding
  }

  get truncated(): boolean {
    return this.content?.isCut ?? false
  }

  get messageSize(): number {
    return this.content?.size ?? 0
  }

  get closeReason(): string {
    return this.opcodeNumber === OPCODE.close ? this.payloadData : ''
  }

  get path(): string {
    return this.#handshake.path
  }

  get subprotocol(): string {
    return this.#handshake.subprotocol
  }

  get #read(): Shown {
    this.#shown ??= this.content === undefined ? NOTHING : shown(this.content)
    return this.#shown
  }
}

interface Shown {
  readonly text: string
  readonly encoding: string
}

/** Text that is UTF-8 as it has to be (RFC 6455 §5.6) as it is; all else as base64. */
function shown({ bytes, isText, isCut }: Content): Shown {
  if (bytes.length === 0) return NOTHING
  const text = isText ? asUtf8(isCut ? bytes.subarray(0, endOfWholeCharacters(bytes)) : bytes) : undefined
  return text === undefined ? { text: base64(bytes), encoding: 'base64' } : { text, encoding: '' }
}

const NOTHING: Shown = { text: '', encoding: '' }
