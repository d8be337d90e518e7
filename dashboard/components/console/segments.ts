import type { AnsiSpan, AnsiStyle } from './ansi.ts'

/** A stretch of a text that is marked, from and up to these characters. */
export interface TextMark {
  readonly kind: 'match' | 'current' | 'place'
  readonly from: number
  readonly to: number
}

/** A piece of one look, with all marks that cover it. */
export interface Segment {
  /** Where it begins in the line. */
  readonly from: number
  readonly text: string
  readonly style: AnsiStyle
  readonly marks: readonly TextMark['kind'][]
}

/** Cuts a line where a look or a mark begins or ends; what is beyond `most` characters is left out. */
export function segmentsOf(
  spans: readonly AnsiSpan[],
  marks: readonly TextMark[],
  most = Number.POSITIVE_INFINITY,
): readonly Segment[] {
  const segments: Segment[] = []
  let start = 0
  for (const { text, style } of spans) {
    const end = Math.min(start + text.length, most)
    const cuts = cutsBetween(start, end, marks)
    for (const [at, from] of cuts.entries()) {
      const to = cuts[at + 1] ?? end
      const piece = text.slice(from - start, to - start)
      const covering = marks.filter((mark) => mark.from <= from && mark.to >= to).map(({ kind }) => kind)
      if (piece !== '') segments.push({ from, text: piece, style, marks: covering })
    }
    start += text.length
    if (start >= most) break
  }
  return segments
}

/** Where pieces begin, in order; the first is `start`. */
function cutsBetween(start: number, end: number, marks: readonly TextMark[]): readonly number[] {
  const inside = marks.flatMap(({ from, to }) => [from, to]).filter((at) => at > start && at < end)
  return [...new Set([start, ...inside])].toSorted((one, other) => one - other)
}

/** After how many characters a line is cut to be short to look at; as long as the text when it is. */
export function shortLength(text: string): number {
  let end = -1
  for (let lines = 0; lines < MOST_LINES; lines++) {
    end = text.indexOf('\n', end + 1)
    if (end === -1) break
  }
  const short = Math.min(end === -1 ? text.length : end, MOST_CHARACTERS)
  // Never half of a surrogate pair, and not for a few characters.
  const isHalf = (text.charCodeAt(short - 1) & 0xfc00) === 0xd800
  return text.length - short < WORTH_IT ? text.length : isHalf ? short - 1 : short
}

const MOST_CHARACTERS = 2000
const MOST_LINES = 20
const WORTH_IT = 100
