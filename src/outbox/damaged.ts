import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Database } from '../bus/database.ts'

/**
 * Renames a file of SQLite and those beside it, and answers where it is now. Until `takenOver` the folder is one that is being
 * mended: who was killed meanwhile, or had no room, gets the same file again.
 */
export function setAside(folder: string, name: string, now: number): string {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-')
  const begun = begunWith(folder, name)
  const file = begun ?? `${name}.damaged-${stamp}.db`
  if (begun === undefined) writeFileSync(noteOf(folder, name), file, { mode: 0o600 })
  const aside = join(folder, file)
  if (existsSync(aside)) return aside
  // The file itself comes last: when it is there, all are.
  for (const end of ['-shm', '-wal', '']) {
    const path = join(folder, `${name}.db${end}`)
    if (existsSync(path)) renameSync(path, `${aside}${end}`)
  }
  return aside
}

/** Whether what a file set aside has was not taken over yet. */
export function isBeingMended(folder: string, name: string): boolean {
  return begunWith(folder, name) !== undefined
}

/** All that could be read is safe in the new file. */
export function takenOver(folder: string, name: string): void {
  rmSync(noteOf(folder, name), { force: true })
}

function begunWith(folder: string, name: string): string | undefined {
  const note = noteOf(folder, name)
  const file = existsSync(note) ? readFileSync(note, 'utf8') : ''
  return file.startsWith(`${name}.damaged-`) ? file : undefined
}

function noteOf(folder: string, name: string): string {
  return join(folder, `${name}.mending`)
}

/** Copies the rows that can still be read, in order of their `number`. Answers how many of each table. */
export function copyReadable(
  path: string,
  into: Database,
  tables: readonly string[],
): Readonly<Record<string, number>> {
  const copied: Record<string, number> = {}
  const damaged = new DatabaseSync(path)
  try {
    damaged.exec('PRAGMA locking_mode = EXCLUSIVE')
    into.transaction(() => {
      for (const { name, value } of readable(() => damaged.prepare('SELECT name, value FROM about').all()))
        into.run('INSERT OR IGNORE INTO about VALUES (?, ?)', sqlValue(name), sqlValue(value))
      for (const table of tables) copied[table] = copyTable(damaged, into, table)
    })
  } finally {
    damaged.close()
  }
  return copied
}

function copyTable(damaged: DatabaseSync, into: Database, table: string): number {
  const next = readable(() => [
    damaged.prepare(`SELECT * FROM ${table} WHERE number > ? ORDER BY number LIMIT 1`),
  ])[0]
  if (next === undefined) return 0
  let count = 0
  for (let at = -1; ; ) {
    const row = readAfter(next, at) ?? beyondDamage(next, at)
    if (row === null || row === undefined) return count
    at = Number(row.number)
    const columns = Object.keys(row)
    count += into.run(
      `INSERT OR IGNORE INTO ${table} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
      ...columns.map((column) => sqlValue(row[column])),
    )
  }
}

type DamagedRow = Readonly<Record<string, unknown>>

/** The next row; null when there is none, undefined when it cannot be read. */
function readAfter(next: StatementSync, at: number): DamagedRow | null | undefined {
  try {
    return next.get(at) ?? null
  } catch {
    return undefined
  }
}

/** The first row behind what cannot be read: where one can be read again is looked for in steps, then between the last two. */
function beyondDamage(next: StatementSync, from: number): DamagedRow | null {
  let unreadable = from
  let good: number | undefined
  for (let step = 1; good === undefined; step *= 2) {
    if (from + step > Number.MAX_SAFE_INTEGER) return null
    const row = readAfter(next, from + step)
    if (row === undefined) unreadable = from + step
    else good = from + step
  }
  while (good - unreadable > 1) {
    const middle = Math.floor((unreadable + good) / 2)
    if (readAfter(next, middle) === undefined) unreadable = middle
    else good = middle
  }
  return readAfter(next, good) ?? null
}

/** What a damaged file says, or nothing. */
function readable<Item>(read: () => Item[]): Item[] {
  try {
    return read()
  } catch {
    return []
  }
}

function sqlValue(value: unknown): SQLInputValue {
  return typeof value === 'number' || typeof value === 'string' || value instanceof Uint8Array ? value : null
}
