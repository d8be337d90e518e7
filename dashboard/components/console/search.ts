/** A place in the text of a row. */
export interface Match {
  readonly row: number
  readonly from: number
  readonly to: number
}

/** Every place where what is searched stands, in order, without regard to case; at most `most`. */
export function matchesIn(texts: Iterable<string>, searched: string, most = MOST_MATCHES): readonly Match[] {
  if (searched === '') return []
  const pattern = new RegExp(RegExp.escape(searched), 'giu')
  const matches: Match[] = []
  let row = 0
  for (const text of texts) {
    for (const { index, 0: found } of text.matchAll(pattern)) {
      matches.push({ row, from: index, to: index + found.length })
      if (matches.length === most) return matches
    }
    row++
  }
  return matches
}

/** The match after, or before, the current one, around the ends. Without a current one: the first at or after a row. */
export function nextMatch(
  matches: readonly Match[],
  current: number | undefined,
  { step, row = 0 }: { readonly step: 1 | -1; readonly row?: number },
): number | undefined {
  if (matches.length === 0) return undefined
  if (current !== undefined) return (current + step + matches.length) % matches.length
  const ahead =
    step === 1
      ? matches.findIndex((match) => match.row >= row)
      : matches.findLastIndex((match) => match.row <= row)
  return ahead >= 0 ? ahead : step === 1 ? 0 : matches.length - 1
}

/** `3 of 17`, `17`, `no matches`, and a plus where there are more than were looked for. */
export function countText(count: number, current: number | undefined, most = MOST_MATCHES): string {
  if (count === 0) return 'no matches'
  const all = `${count.toLocaleString('en')}${count >= most ? '+' : ''}`
  return current === undefined ? all : `${(current + 1).toLocaleString('en')} of ${all}`
}

const MOST_MATCHES = 10_000
