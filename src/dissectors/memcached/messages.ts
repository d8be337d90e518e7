import { type Octets, textOf } from '../../bytes/octets.ts'
import type { Item } from './shapes.ts'

export type Protocol = 'text' | 'binary'

/** What a command says beside its name. */
export interface Details {
  readonly keys?: readonly string[]
  readonly flags?: number
  readonly exptime?: number
  readonly bytes?: number
  readonly cas?: string
  readonly delta?: string
  readonly initial?: string
  readonly noreply?: boolean
  readonly args?: readonly string[]
  readonly opcode?: string
  readonly opaque?: string
}

/** A command. */
export class Request {
  readonly protocol: Protocol
  readonly command: string
  incomplete = false
  readonly #details: Details
  #value: Octets
  #keySet: ReadonlySet<string> | undefined

  constructor(protocol: Protocol, command: string, details: Details, value: Octets = '') {
    this.protocol = protocol
    this.command = command
    this.#details = details
    this.#value = value
  }

  /** The value came behind the command. */
  carry(value: Octets): void {
    this.#value = value
  }

  /** Bytes of the value that are kept. */
  get kept(): number {
    return this.#value.length
  }
  get key(): string {
    return this.keys[0] ?? ''
  }
  get keys(): readonly string[] {
    return this.#details.keys ?? NONE
  }
  /** Lists may be long, and every reply be compared with many of them. */
  hasKey(key: string): boolean {
    if (this.keys.length <= FEW) return this.keys.includes(key)
    this.#keySet ??= new Set(this.keys)
    return this.#keySet.has(key)
  }
  get flags(): number {
    return this.#details.flags ?? 0
  }
  get exptime(): number {
    return this.#details.exptime ?? 0
  }
  get bytes(): number {
    return this.#details.bytes ?? 0
  }
  get value(): string {
    return textOf(this.#value)
  }
  get cas(): string {
    return this.#details.cas ?? ''
  }
  get delta(): string {
    return this.#details.delta ?? ''
  }
  get initial(): string {
    return this.#details.initial ?? ''
  }
  get noreply(): boolean {
    return this.#details.noreply ?? false
  }
  get args(): readonly string[] {
    return this.#details.args ?? NONE
  }
  get opcode(): string {
    return this.#details.opcode ?? ''
  }
  get opaque(): string {
    return this.#details.opaque ?? ''
  }
}

/** A value as it came. */
export interface Found {
  readonly key: string
  readonly flags: number
  readonly bytes: number
  readonly cas: string
  value: Octets
}

/** A reply, put together as it comes. */
export class Reply {
  readonly protocol: Protocol
  status = ''
  statusCode = 0
  error = ''
  cas = ''
  opaque = ''
  opcode = ''
  args: readonly string[] = NONE
  incomplete = false
  /** Values; more than `MOST_VALUES` are only counted. */
  hits = 0
  /** The number or the version that is all there is to it. */
  #word = ''
  readonly #found: Found[] = []
  readonly #stats = new Map<string, string>()

  constructor(protocol: Protocol) {
    this.protocol = protocol
  }

  says(word: string): void {
    this.#word = word
  }

  finds(found: Found): void {
    this.hits++
    if (this.#found.length < MOST_VALUES) this.#found.push(found)
  }

  counts(name: string, value: string): void {
    if (this.#stats.size < MOST_STATS)
      this.#stats.set(name.slice(0, LONGEST_STAT), value.slice(0, LONGEST_STAT))
  }

  /** Of the values, where it names them; the first few will do. */
  get keys(): string[] {
    return this.#found.slice(0, FEW).flatMap(({ key }) => (key === '' ? [] : [key]))
  }
  get success(): boolean {
    return this.error === ''
  }
  get value(): string {
    const [first] = this.#found
    return first === undefined ? this.#word : textOf(first.value)
  }
  get values(): Item[] {
    return this.#found.map((found) => ({ ...found, value: textOf(found.value) }))
  }
  get stats(): Record<string, string> {
    return Object.fromEntries(this.#stats)
  }
}

const NONE: readonly string[] = []
/** Keys that are looked at to tell what a reply answers. */
const FEW = 4
/** Of one reply. */
const MOST_VALUES = 1000
const MOST_STATS = 1000
const LONGEST_STAT = 1024
