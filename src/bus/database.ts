import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Mistake } from '../mistake/mistake.ts'

export type Row = Readonly<Record<string, unknown>>

/**
 * A file of node:sqlite that one process has for itself. What was written is safe when the process is killed; what was
 * written in the last moment before the machine loses power may be gone, and the file is whole then, too.
 */
export class Database {
  readonly #sqlite: DatabaseSync
  readonly #path: string
  readonly #statements = new Map<string, StatementSync>()
  #waiting: Write[] = []

  /**
   * In a folder, which is made when it is not there, or in memory. `upgrades[n]` makes a file of version n one of the next;
   * `schema` is that of the last. Throws `E_STORE`, also for a file of a later version than is known here, which is left as it is.
   */
  constructor(folder: string | null, name: string, schema: string, upgrades: readonly string[] = []) {
    this.#path = folder === null ? ':memory:' : join(folder, `${name}.db`)
    const pidPath = folder === null ? undefined : join(folder, `${name}.pid`)
    if (folder !== null) makeFolder(folder)
    this.#sqlite = this.#guard(() => new DatabaseSync(this.#path))
    try {
      this.#guard(() => this.#begin(schema, upgrades), pidPath)
    } catch (error) {
      this.#sqlite.close()
      throw error
    }
    if (pidPath !== undefined) writeFileSync(pidPath, `${process.pid}\n`)
  }

  #begin(schema: string, upgrades: readonly string[]): void {
    // Whoever holds the lock keeps it until it ends, however it ends: the kernel takes it back.
    this.#sqlite.exec('PRAGMA locking_mode = EXCLUSIVE')
    this.#sqlite.exec('PRAGMA journal_mode = WAL')
    this.#sqlite.exec('PRAGMA synchronous = NORMAL')
    this.#sqlite.exec('BEGIN IMMEDIATE')
    for (const upgrade of upgrades.slice(this.#version(upgrades.length))) this.#sqlite.exec(upgrade)
    this.#sqlite.exec(schema)
    this.#sqlite.exec(`PRAGMA user_version = ${upgrades.length}`)
    this.#sqlite.exec('COMMIT')
  }

  /** Of the file; one that is new has the latest. */
  #version(latest: number): number {
    const first = this.#sqlite.prepare('SELECT name FROM sqlite_schema LIMIT 1').get()
    if (first === undefined) return latest
    const version = Number(this.#sqlite.prepare('PRAGMA user_version').get()?.user_version)
    if (version <= latest) return version
    throw new Mistake('E_STORE', `${this.#path} was written by a newer release: it has version ${version}`, {
      hint: `This release knows versions up to ${latest}. Run the newer one again, or move the file away: what is in it is not read.`,
    })
  }

  /** First row, if there is one. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#statement(sql).get(...values))
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#statement(sql).all(...values))
  }

  /** Answers how many rows have changed. On its own it is safe when this returns. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#statement(sql).run(...values).changes))
  }

  /** All of it, or nothing. Within another one it is a part of that. */
  transaction<Result>(work: () => Result): Result {
    if (this.#sqlite.isTransaction) return work()
    this.#guard(() => this.#sqlite.exec('BEGIN IMMEDIATE'))
    try {
      const result = work()
      this.#guard(() => this.#sqlite.exec('COMMIT'))
      return result
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK')
      throw error
    }
  }

  /**
   * Does the work soon, in one transaction with others that came meanwhile, and resolves when it is safe. `done` is called
   * then, in the order of the writes. Work that throws must not have written anything: only it fails.
   */
  write<Result>(work: () => Result, done?: (result: Result) => void): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        work: () => {
          const result = work()
          return () => {
            done?.(result)
            resolve(result)
          }
        },
        reject,
      })
      if (this.#waiting.length === 1) setImmediate(() => this.flush())
    })
  }

  /** Does now what waits. */
  flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length === 0) return
    const finish: (() => void)[] = []
    try {
      this.transaction(() => {
        for (const write of waiting) finish.push(attempt(write))
      })
    } catch (error) {
      for (const { reject } of waiting) reject(error)
      return
    }
    for (const each of finish) each()
  }

  get isOpen(): boolean {
    return this.#sqlite.isOpen
  }

  close(): void {
    if (!this.#sqlite.isOpen) return
    this.flush()
    this.#statements.clear()
    this.#sqlite.close()
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#sqlite.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #guard<Result>(work: () => Result, pidPath?: string): Result {
    try {
      return work()
    } catch (error) {
      throw storeMistake(this.#path, error, pidPath)
    }
  }
}

interface Write {
  readonly work: () => () => void
  readonly reject: (error: unknown) => void
}

/** A conflict is for who wrote, and nothing is undone; what the file itself says is for all. */
function attempt({ work, reject }: Write): () => void {
  try {
    return work()
  } catch (error) {
    if (error instanceof Mistake && error.code === 'E_STORE') throw error
    return () => reject(error)
  }
}

/** For this user alone. Throws `E_STORE`. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Mistake('E_STORE', `cannot make the folder ${folder}: ${reason(error)}`, {
      hint: 'Name a folder that may be written, with hub.state.',
      cause: error,
    })
  }
}

function storeMistake(path: string, error: unknown, pidPath: string | undefined): unknown {
  if (error instanceof Mistake || !isSqlite(error)) return error
  if (error.errcode % 256 === BUSY) return inUse(path, pidPath, error)
  return new Mistake('E_STORE', `${path}: ${error.message}`, {
    hint: saysDamaged(error)
      ? 'The file is damaged. Move it and its -wal file away: a new one is made, and what was kept in it is gone. Or put a copy back.'
      : 'Look whether the disk is full, and whether the folder may be written.',
    cause: error,
  })
}

/** Whether an `E_STORE` says that the file itself is damaged. */
export function isDamaged(error: unknown): boolean {
  return error instanceof Mistake && isSqlite(error.cause) && saysDamaged(error.cause)
}

function saysDamaged({ errcode, message }: { readonly errcode: number; readonly message: string }): boolean {
  return errcode % 256 === CORRUPT || errcode % 256 === NOT_A_DATABASE || DAMAGED_HEAD.test(message)
}

function inUse(path: string, pidPath: string | undefined, cause: unknown): Mistake {
  const pid = pidPath === undefined ? undefined : readPid(pidPath)
  const who = pid === process.pid ? 'this process' : `process ${pid ?? '(unknown)'}`
  return new Mistake('E_STORE', `${path} is in use by ${who}`, {
    hint: 'Each hub and each worker needs a folder of its own: set hub.state, or end the other one.',
    cause,
  })
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    // Its owner had no time to write it.
    return undefined
  }
}

function isSqlite(error: unknown): error is Error & { readonly errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26
/** A head that says another format, or an earlier version than the file has. */
const DAMAGED_HEAD = /^(unsupported file format|duplicate column name)/
