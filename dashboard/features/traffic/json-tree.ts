import type { ValuePath } from '../../components/filter-box/clause.ts'

/** A line of a tree: a value, or the head of what can be opened. */
export interface TreeLine {
  /** Of the parent: a key, or a place in a list; undefined at the root. */
  readonly key: string | number | undefined
  readonly path: ValuePath
  readonly depth: number
  readonly value: unknown
  /** How many are in it; undefined for a value. */
  readonly count: number | undefined
  readonly isOpen: boolean
}

/** Which parts are open, by their path; those that nobody has touched are as `opensAtFirst` says. */
export interface OpenParts {
  isOpen(path: ValuePath): boolean
}

/** The lines that are to be seen, from the top; at most so many, and whether these are all. */
export function treeLines(
  root: unknown,
  parts: OpenParts,
  most = MOST_LINES,
): { readonly lines: readonly TreeLine[]; readonly isWhole: boolean } {
  const lines: TreeLine[] = []
  const pending: (readonly [key: string | number | undefined, value: unknown, path: ValuePath])[] = [
    [undefined, root, []],
  ]
  while (pending.length > 0) {
    if (lines.length >= most) return { lines, isWhole: false }
    const [key, value, path] = pending.pop() as (typeof pending)[number]
    const count = countOf(value)
    const isOpen = count !== undefined && count > 0 && parts.isOpen(path)
    lines.push({ key, path, depth: path.length, value, count, isOpen })
    if (isOpen)
      for (const [name, inner] of entriesOf(value).reverse()) pending.push([name, inner, [...path, name]])
  }
  return { lines, isWhole: true }
}

/** A path as a key of a map. */
export const pathKey = (path: ValuePath): string => JSON.stringify(path)

/** Small things are open from the start, deep ones are not. */
export function opensAtFirst(path: ValuePath, value: unknown): boolean {
  return path.length < FIRST_DEPTH && (countOf(value) ?? 0) <= MOST_AT_FIRST
}

/** Undefined for what has no parts. */
export function countOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Array.isArray(value) ? value.length : Object.keys(value).length
}

function entriesOf(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return value.map((each, at) => [at, each])
  return Object.entries(value as object)
}

const MOST_LINES = 5000
const FIRST_DEPTH = 3
const MOST_AT_FIRST = 50
