import { u32le } from '../../bytes/read.ts'
import { type Execute, LAST_PREPARED, type Query } from './requests.ts'
import type { Definitions } from './results.ts'

/** A prepared statement. */
export class Statement {
  readonly prepared: Query
  /** 0 until the server has given it one. */
  id = 0
  /** −1 until the server has told. */
  parameterCount = -1
  /** Columns of what it results in. */
  definitions: Definitions | undefined
  /** The execution that has told the types of the parameters last … */
  #bound: Execute | undefined
  /** … unless this has: it was sent before the server told how many there are. */
  #early: Execute | undefined
  /** Parameters whose values were sent in advance. */
  #longData: Set<number> | undefined

  constructor(prepared: Query) {
    this.prepared = prepared
  }

  /** The execution that tells of what types the parameters of the next one are, unless that does. */
  get bound(): Execute | undefined {
    if (this.#early?.binds === true) this.#bound = this.#early
    this.#early = undefined
    return this.#bound
  }

  executed(execute: Execute): void {
    if (execute.wire.length > LONGEST_BOUND) {
      this.#bound = undefined
      this.#early = undefined
    } else if (this.parameterCount < 0) this.#early = execute
    else if (execute.binds) this.#bound = execute
  }

  get size(): number {
    const executions = (this.#bound?.wire.length ?? 0) + (this.#early?.wire.length ?? 0)
    const numbers = (this.#longData?.size ?? 0) * NUMBER
    return this.prepared.wire.length + (this.definitions?.kept.length ?? 0) + executions + numbers + OVERHEAD
  }

  addLongData(parameter: number): void {
    this.#longData ??= new Set()
    this.#longData.add(parameter)
  }

  /** What the next execution uses, and later ones do not. */
  takeLongData(): ReadonlySet<number> | undefined {
    const taken = this.#longData
    this.#longData = undefined
    return taken
  }
}

/** The prepared statements of a connection, by the number that the server has given them. */
export class Statements {
  readonly #byId = new Map<number, Statement>()
  /** Bytes that each holds. */
  readonly #sizes = new Map<Statement, number>()
  #size = 0
  #last: Statement | undefined

  /** It was sent, and has no number yet. */
  sent(prepared: Query): Statement {
    this.#last = new Statement(prepared)
    return this.#last
  }

  prepared(id: number, statement: Statement): void {
    this.close(id)
    statement.id = id
    this.#byId.set(id, statement)
    this.weigh(statement)
  }

  /** It may hold more than before. Where all hold too much the oldest are forgotten. */
  weigh(statement: Statement): void {
    if (this.#byId.get(statement.id) !== statement) return
    this.#size += statement.size - (this.#sizes.get(statement) ?? 0)
    this.#sizes.set(statement, statement.size)
    for (const oldest of this.#byId.keys()) {
      if (this.#size <= LARGEST || oldest === statement.id) break
      this.close(oldest)
    }
  }

  /** The value of a parameter was sent in advance. */
  sentAhead(statement: Statement, parameter: number): void {
    statement.addLongData(parameter)
    this.weigh(statement)
  }

  /** The one that a command is about, whose number follows its first byte. */
  of(wire: Uint8Array): Statement | undefined {
    const id = u32le(wire, 1)
    return id === LAST_PREPARED ? this.#last : this.#byId.get(id)
  }

  close(id: number): void {
    const statement = this.#byId.get(id)
    if (statement === undefined) return
    this.#byId.delete(id)
    this.#size -= this.#sizes.get(statement) ?? 0
    this.#sizes.delete(statement)
  }

  /** Another one may have been prepared since. */
  forgetLast(): void {
    this.#last = undefined
  }

  clear(): void {
    this.#byId.clear()
    this.#sizes.clear()
    this.#size = 0
    this.#last = undefined
  }
}

/** Bytes of statements that are remembered on a connection. */
export const LARGEST = 1 << 20
const OVERHEAD = 200
/** Of a set, for each. */
const NUMBER = 20
/** An execution with longer values is not kept for the types of its parameters. */
const LONGEST_BOUND = 16 << 10
