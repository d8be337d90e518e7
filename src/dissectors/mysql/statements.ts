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
  /** The execution that has told the types of the parameters last. */
  bound: Execute | undefined
  /** Bytes of parameters that were sent in advance. */
  #longData: Map<number, number> | undefined

  constructor(prepared: Query) {
    this.prepared = prepared
  }

  addLongData(parameter: number, length: number): void {
    this.#longData ??= new Map()
    if (this.#longData.size < MOST_PARAMETERS)
      this.#longData.set(parameter, (this.#longData.get(parameter) ?? 0) + length)
  }

  /** What the next execution uses, and later ones do not. */
  takeLongData(): ReadonlyMap<number, number> | undefined {
    const taken = this.#longData
    this.#longData = undefined
    return taken
  }
}

/** The prepared statements of a connection, by the number that the server has given them. */
export class Statements {
  readonly #byId = new Map<number, Statement>()
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
    this.#size += sizeOf(statement)
    for (const [oldest] of this.#byId) {
      if (this.#size <= LARGEST || oldest === id) break
      this.close(oldest)
    }
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
    this.#size -= sizeOf(statement)
  }

  clear(): void {
    this.#byId.clear()
    this.#size = 0
    this.#last = undefined
  }
}

function sizeOf({ prepared }: Statement): number {
  return prepared.wire.length + OVERHEAD
}

/** Bytes of statements that are remembered; the oldest is forgotten. */
export const LARGEST = 1 << 20
const OVERHEAD = 200
const MOST_PARAMETERS = 65535
