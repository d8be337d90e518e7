import { bytesOf, type Octets, textOf } from '../../bytes/octets.ts'
import { Columns, readValues, shorts, typeIds } from './fields.ts'

/** What a client had the server parse, or sent as a simple query. Its text is decoded when somebody reads it. */
export class Statement {
  readonly name: string
  readonly #text: Octets
  readonly #types: Octets
  #query: string | undefined
  #parameters: readonly number[] | undefined
  /** RowDescription and ParameterDescription, once the server has described it. */
  rows: Octets | undefined
  described: readonly number[] | undefined
  #columns: Columns | undefined

  constructor(name: string, text: Octets, types: Octets = '') {
    this.name = name
    this.#text = text
    this.#types = types
  }

  /** Bytes that are kept here. */
  get size(): number {
    return this.name.length + this.#text.length + this.#types.length
  }
  get query(): string {
    this.#query ??= textOf(this.#text)
    return this.#query
  }

  /** Types as the client gave them, where it left the choice to the server as the server tells; 0 while that is not known. */
  get parameterTypes(): readonly number[] {
    this.#parameters ??= typeIds(bytesOf(this.#types), 0, this.#types.length / 4, this.#types.length)
    const { described = [] } = this
    if (described.length === 0) return this.#parameters
    return described.map((type, index) => this.#parameters?.[index] || type)
  }

  get columns(): Columns | undefined {
    if (this.rows !== undefined) this.#columns ??= new Columns(bytesOf(this.rows))
    return this.#columns
  }
}

/** A statement with values for its parameters, ready to be executed. */
export class Portal {
  readonly name: string
  readonly statement: Statement
  /** Formats of the parameters, their values, formats of the results. */
  readonly #values: Octets
  /** RowDescription, once the server has described it. */
  rows: Octets | undefined
  #columns: Columns | undefined
  #read: { readonly parameters: readonly (string | null)[]; readonly formats: readonly number[] } | undefined

  constructor(name: string, statement: Statement, values: Octets) {
    this.name = name
    this.statement = statement
    this.#values = values
  }

  get size(): number {
    return this.name.length + this.#values.length
  }
  get parameters(): readonly (string | null)[] {
    return this.#bound.parameters
  }
  /** Of the columns: one for each, one for all, or none for text. */
  get formats(): readonly number[] {
    return this.#bound.formats
  }
  get columns(): Columns | undefined {
    if (this.rows !== undefined) this.#columns ??= new Columns(bytesOf(this.rows))
    return this.#columns ?? this.statement.columns
  }

  get #bound() {
    if (this.#read === undefined) {
      const bytes = bytesOf(this.#values)
      const formats = shorts(bytes, 0)
      const { values, next } = readValues(bytes, formats.next, formats.values, this.statement.parameterTypes)
      this.#read = { parameters: values, formats: shorts(bytes, next).values }
    }
    return this.#read
  }
}

/** The statements and portals of a connection, as many as are worth remembering. */
export class Remembered {
  readonly statements = new Kept<Statement>()
  readonly portals = new Kept<Portal>()
}

/** By name, the oldest first. What was parsed or bound without a name lives until the next. */
export class Kept<T extends { readonly name: string; readonly size: number }> {
  readonly #named = new Map<string, T>()
  #size = 0
  #unnamed: T | undefined

  get(name: string): T | undefined {
    return name === '' ? this.#unnamed : this.#named.get(name)
  }

  /** Returns what had the name before. */
  set(name: string, value: T | undefined): T | undefined {
    const before = this.get(name)
    if (name === '') {
      this.#unnamed = value
      return before
    }
    this.#size += (value?.size ?? 0) - (before?.size ?? 0)
    if (value === undefined) this.#named.delete(name)
    else this.#named.set(name, value)
    while (this.#size > LARGEST_KEPT || this.#named.size > MOST_KEPT) this.#forgetOldest()
    return before
  }

  /** Where its name still means `value` it means `other` from now on. */
  replace(value: T, other: T | undefined): void {
    if (this.get(value.name) === value) this.set(value.name, other)
  }

  #forgetOldest(): void {
    const [[name, { size }] = ['', { size: 0 }]] = this.#named
    this.#named.delete(name)
    this.#size -= size
  }
}

/** Named statements or portals of one connection, and bytes of their texts or values. */
const MOST_KEPT = 512
const LARGEST_KEPT = 512 << 10
