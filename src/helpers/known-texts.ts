/**
 * Finds many texts at once, and puts something else in their places. The time for a line depends on its length alone: two
 * numbers are rolled over it, and only where one of them is that of a known beginning, the list is searched.
 */
export class KnownTexts {
  /** In order of code units. */
  readonly #texts: readonly string[]
  readonly #stands: readonly string[]
  /** By place in `#texts`: the longest other one with which it begins; -1 when there is none. */
  readonly #parents: Int32Array
  readonly #longest: number
  readonly #tiers: readonly Tier[]

  /** Pairs of a text and what stands for it. The first one of the same text counts; none is shorter than three. */
  constructor(pairs: Iterable<readonly [text: string, stand: string]>) {
    const byText = new Map<string, string>()
    for (const [text, stand] of pairs)
      if (text.length >= SHORTEST && !byText.has(text)) byText.set(text, stand)
    this.#texts = [...byText.keys()].sort()
    this.#stands = this.#texts.map((text) => byText.get(text) ?? '')
    this.#parents = parentsOf(this.#texts)
    this.#longest = this.#texts.reduce((most, { length }) => Math.max(most, length), 0)
    const short = this.#texts.filter(({ length }) => length < LONG)
    const long = this.#texts.filter(({ length }) => length >= LONG)
    this.#tiers = [new Tier(short, SHORTEST), new Tier(long, LONG)].filter(({ isEmpty }) => !isEmpty)
  }

  get size(): number {
    return this.#texts.length
  }

  /** Where they stand; those that overlap or touch are one place, which bears the name of the first. In order. */
  placesIn(text: string): Place[] {
    const places: Place[] = []
    for (const tier of this.#tiers)
      tier.begins(text, (at) => {
        const found = this.#longestAt(text, at)
        if (found >= 0)
          places.push({
            start: at,
            end: at + (this.#texts[found] as string).length,
            stand: this.#stands[found] as string,
          })
      })
    return joined(places)
  }

  /** The predecessor in order of what stands there begins with every one that stands there. */
  #longestAt(text: string, at: number): number {
    const there = text.slice(at, at + this.#longest)
    let low = 0
    let high = this.#texts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#texts[middle] as string) <= there) low = middle + 1
      else high = middle
    }
    let candidate = low - 1
    while (candidate >= 0 && !there.startsWith(this.#texts[candidate] as string))
      candidate = this.#parents[candidate] as number
    return candidate
  }
}

export interface Place {
  readonly start: number
  readonly end: number
  readonly stand: string
}

/** In order, and no two of them together. */
export function joined(places: readonly Place[]): Place[] {
  const ordered = [...places].sort((a, b) => a.start - b.start || b.end - a.end)
  const apart: Place[] = []
  for (const place of ordered) {
    const last = apart.at(-1)
    if (last === undefined || place.start >= last.end) apart.push(place)
    else if (place.end > last.end) apart[apart.length - 1] = { ...last, end: place.end }
  }
  return apart
}

/** Those that are as long as `width` at least, by the numbers of their beginnings. */
class Tier {
  readonly #width: number
  /** What the unit that leaves the window has been multiplied with. */
  readonly #leaving: number
  /** A Bloom filter with two bits for each. */
  readonly #known: Uint8Array
  readonly #shift: number
  readonly isEmpty: boolean

  constructor(texts: readonly string[], width: number) {
    this.#width = width
    let leaving = 1
    for (let times = 0; times < width; times++) leaving = Math.imul(leaving, BASE)
    this.#leaving = leaving
    this.isEmpty = texts.length === 0
    const bits = Math.min(Math.max(Math.ceil(Math.log2(texts.length * BITS_EACH + 1)), FEWEST), MOST)
    this.#known = new Uint8Array(1 << (bits - 3))
    this.#shift = 32 - bits
    for (const text of texts) {
      let number = 0
      for (let at = 0; at < width; at++) number = (Math.imul(number, BASE) + text.charCodeAt(at)) | 0
      for (const bit of [number >>> this.#shift, Math.imul(number, OTHER) >>> this.#shift])
        this.#known[bit >>> 3] = (this.#known[bit >>> 3] as number) | (1 << (bit & 7))
    }
  }

  /** Each place at which one may begin. */
  begins(text: string, found: (at: number) => void): void {
    const width = this.#width
    const leaving = this.#leaving
    const known = this.#known
    const shift = this.#shift
    let number = 0
    for (let at = 0; at < text.length; at++) {
      number = (Math.imul(number, BASE) + text.charCodeAt(at)) | 0
      if (at >= width) number = (number - Math.imul(text.charCodeAt(at - width), leaving)) | 0
      if (at < width - 1) continue
      const bit = number >>> shift
      if (((known[bit >>> 3] as number) & (1 << (bit & 7))) === 0) continue
      const other = Math.imul(number, OTHER) >>> shift
      if (((known[other >>> 3] as number) & (1 << (other & 7))) !== 0) found(at - width + 1)
    }
  }
}

function parentsOf(texts: readonly string[]): Int32Array {
  const parents = new Int32Array(texts.length)
  texts.forEach((text, at) => {
    let candidate = at - 1
    while (candidate >= 0 && !text.startsWith(texts[candidate] as string))
      candidate = parents[candidate] as number
    parents[at] = candidate
  })
  return parents
}

const SHORTEST = 3
/** From here on the first so many units are looked at. */
const LONG = 8
/** Odd, so that no bit of the first unit is lost before it leaves. */
const BASE = 0x01000193
const OTHER = 0x9e3779b1
/** With so many bits for each text one place in sixty or so is looked at in vain. */
const BITS_EACH = 16
/** Of all of them together, as powers of two: 128 bytes to 1 MiB. */
const FEWEST = 10
const MOST = 23
