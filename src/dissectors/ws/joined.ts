import type { Inflated, Inflater } from './inflater.ts'
import type { Content } from './messages.ts'
import { Payload } from './payload.ts'

/** What of the payloads is kept. */
export interface Limits {
  readonly wantsBodies: boolean
  readonly maxBody: number
}

/** A message whose frames are coming in (RFC 6455 §5.4). */
export class Joined {
  /** `text` or `binary`; "" when its first frame was not seen. */
  readonly type: string
  readonly isCompressed: boolean
  readonly payload: Payload
  /** Frames that have begun. */
  frames = 0
  readonly #limits: Limits
  readonly #inflater: Inflater | undefined

  /** `inflater`: undefined when it is not known how what is compressed is to be read. */
  constructor(type: string, isCompressed: boolean, limits: Limits, inflater: Inflater | undefined) {
    this.type = type
    this.isCompressed = isCompressed
    this.#inflater = isCompressed ? inflater : undefined
    this.#limits = limits
    const { wantsBodies, maxBody } = limits
    // What later messages refer to is needed whole.
    const most = this.#inflater?.isLazy === false ? Math.max(maxBody, LONGEST_COMPRESSED) : maxBody
    this.payload = new Payload(wantsBodies && maxBody > 0 ? most : 0)
  }

  /** All frames are there, or as much of them as will be. `isCut`: more was to come. */
  finish(isCut: boolean): Content {
    const { payload, type } = this
    const isText = type !== 'binary'
    const inflater = this.#inflater
    const isMissing = isCut || payload.isCut || type === ''
    if (inflater === undefined) {
      const isUnread = this.isCompressed
      return {
        bytes: payload.kept,
        isText: isText && !isUnread,
        isCut: isMissing || isUnread,
        size: payload.size,
      }
    }
    if (payload.kept.length === 0 && payload.isCut) {
      inflater.lose()
      return { bytes: payload.kept, isText, isCut: true, size: payload.size }
    }
    const inflate = () => {
      const { kept } = payload
      const inflated = isMissing ? inflater.inflateCut(kept) : inflater.inflate(kept)
      return this.#shown(inflated, isText)
    }
    return inflater.isLazy ? new Later(inflate) : inflate()
  }

  #shown({ bytes, isWhole }: Inflated, isText: boolean): Content {
    const { kept, size } = this.payload
    const isReadable = isWhole || bytes.length > 0
    if (!isReadable)
      return { bytes: kept.subarray(0, this.#limits.maxBody), isText: false, isCut: true, size }
    const most = size > this.#limits.maxBody ? this.#limits.maxBody : LONGEST_SHOWN
    return {
      bytes: bytes.subarray(0, most),
      isText,
      isCut: !isWhole || bytes.length > most,
      size: bytes.length,
    }
  }
}

/** Content that is made when somebody asks for it. */
class Later implements Content {
  readonly #make: () => Content
  #made: Content | undefined

  constructor(make: () => Content) {
    this.#make = make
  }

  get bytes(): Uint8Array {
    return this.#content.bytes
  }
  get isText(): boolean {
    return this.#content.isText
  }
  get isCut(): boolean {
    return this.#content.isCut
  }
  get size(): number {
    return this.#content.size
  }

  get #content(): Content {
    this.#made ??= this.#make()
    return this.#made
  }
}

/** Longest compressed message that is kept for the sake of those after it. */
const LONGEST_COMPRESSED = 8 << 20
/** Longest message that is shown after decompression. */
const LONGEST_SHOWN = 4 << 20
