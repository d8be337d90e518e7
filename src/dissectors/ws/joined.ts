import { LONGEST_DECODED } from '../http/content.ts'
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
    const most = this.#inflater === undefined ? maxBody : Math.max(maxBody, LONGEST_COMPRESSED)
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
    const inflated = inflater.inflate(payload.kept, isMissing)
    return this.#shown(inflated, isText)
  }

  #shown({ bytes, isWhole }: Inflated, isText: boolean): Content {
    const { kept, size } = this.payload
    const { maxBody } = this.#limits
    if (!isWhole && bytes.length === 0)
      return { bytes: kept.subarray(0, maxBody), isText: false, isCut: true, size }
    const most = size > maxBody ? maxBody : LONGEST_DECODED
    return {
      bytes: bytes.subarray(0, most),
      isText,
      isCut: !isWhole || bytes.length > most,
      size: bytes.length,
    }
  }
}

/** Longest compressed message that is kept for the sake of those after it. */
const LONGEST_COMPRESSED = 8 << 20
