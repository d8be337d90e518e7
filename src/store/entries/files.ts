import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A part of the entries, in the order in which they came: lines of JSON, and columns of them once it is sealed. */
export interface Segment {
  readonly id: number
  /** What its columns tell in their name; undefined while it has none. */
  readonly sealed: SealedName | undefined
}

export interface SealedName {
  readonly file: string
  readonly rows: number
  /** Whole milliseconds around the times of its entries. */
  readonly firstMs: number
  readonly lastMs: number
}

export interface Listing {
  /** Oldest first. */
  readonly segments: readonly Segment[]
  /** Numbers of the segments that have a file of marks, in order. */
  readonly marks: readonly number[]
  /** What was left half made. */
  readonly leftovers: readonly string[]
}

export const linesFile = (id: number) => `${numbered(id)}.jsonl`
export const marksFile = (id: number) => `${numbered(id)}.marks`
export const columnsFile = (id: number, { rows, firstMs, lastMs }: Omit<SealedName, 'file'>) =>
  `${numbered(id)}-${rows}-${firstMs}-${lastMs}.cols`
export const LOCK_FILE = 'writer.lock'

/** What is in a folder of entries; nothing when it is not there. */
export function listFolder(folder: string): Listing {
  return listed(namesIn(folder))
}

export function listed(names: readonly string[]): Listing {
  const lines = new Set<number>()
  const columns = new Map<number, SealedName>()
  const marks: number[] = []
  const leftovers: string[] = []
  for (const name of names) {
    const [, id, rows, firstMs, lastMs, kind] = NAME.exec(name) ?? []
    if (kind === 'jsonl' && rows === undefined) lines.add(Number(id))
    else if (kind === 'marks' && rows === undefined) marks.push(Number(id))
    else if (kind === 'cols' && rows !== undefined)
      columns.set(Number(id), {
        file: name,
        rows: Number(rows),
        firstMs: Number(firstMs),
        lastMs: Number(lastMs),
      })
    else if (name.endsWith('.tmp')) leftovers.push(name)
  }
  for (const [id, { file }] of columns) if (!lines.has(id)) leftovers.push(file)
  const segments = [...lines].sort((a, b) => a - b).map((id) => ({ id, sealed: columns.get(id) }))
  return { segments, marks: marks.sort((a, b) => a - b), leftovers }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((each: Dirent) => each.isFile())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

export const pathIn = (folder: string, name: string) => join(folder, name)

function numbered(id: number): string {
  return String(id).padStart(10, '0')
}

const NAME = /^(\d{10,15})(?:-(\d{1,6})-(-?\d{1,15})-(-?\d{1,15}))?\.(jsonl|cols|marks)$/
