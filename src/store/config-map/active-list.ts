import { z } from 'zod'
import { plainTitle } from '../records.ts'

const titles = z.array(z.string())

/**
 * The activation list as it stands in a config map: a JSON array, as we write it, or titles with commas between them, as Helm
 * and Kubeshark do. There a title that has commas itself is found when it is known, the longest first (agent-api Q20).
 */
export function readActiveList(text: string, known: ReadonlySet<string>): readonly string[] {
  const array = titles.safeParse(jsonOf(text))
  if (array.success) return array.data.map(plainTitle).filter((title) => title !== '')
  const parts = text.split(',')
  const mostParts = Math.max(1, ...[...known].map((title) => title.split(',').length))
  const list: string[] = []
  for (let at = 0; at < parts.length; ) {
    const length = longestKnown(parts, at, mostParts, known)
    list.push(plainTitle(parts.slice(at, at + length).join(',')))
    at += length
  }
  return list.filter((title) => title !== '')
}

export function writeActiveList(list: readonly string[]): string {
  return JSON.stringify(list)
}

/** How many parts from here on make a title that is known; 1 when none do. */
function longestKnown(
  parts: readonly string[],
  at: number,
  most: number,
  known: ReadonlySet<string>,
): number {
  for (let length = Math.min(most, parts.length - at); length > 1; length--)
    if (known.has(plainTitle(parts.slice(at, at + length).join(',')))) return length
  return 1
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
