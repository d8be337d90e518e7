import type { Attributes } from '../attributes.ts'
import type { SpanKind } from '../messages.ts'
import type { Carrier } from '../trace-context.ts'

/** An entry as a script handed it over: JSON of which nothing is sure. Paths are dotted: `request.path`. */
export class SeenEntry {
  readonly #data: unknown

  constructor(data: unknown) {
    this.#data = data
  }

  at(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>(
        (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined),
        this.#data,
      )
  }

  /** Numbers and flags as text, too; undefined for what is empty. */
  text(path: string): string | undefined {
    const value = this.at(path)
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  /** Ports are text. */
  number(path: string): number | undefined {
    const value = this.at(path)
    const number = typeof value === 'string' && value !== '' ? Number(value) : value
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined
  }

  list(path: string): readonly unknown[] {
    const value = this.at(path)
    return Array.isArray(value) ? value : []
  }

  object(path: string): Readonly<Record<string, unknown>> {
    const value = this.at(path)
    return isObject(value) ? value : {}
  }

  has(path: string): boolean {
    return isObject(this.at(path))
  }

  /** Of a request or response: names are compared without regard to case. */
  header(side: 'request' | 'response', name: string): string | undefined {
    const found = Object.entries(this.object(`${side}.headers`)).find(([each]) => each.toLowerCase() === name)
    return typeof found?.[1] === 'string' && found[1] !== '' ? found[1] : undefined
  }
}

/** What the conventions make of an entry. */
export interface Described {
  readonly name: string
  readonly kind: SpanKind
  /** Undefined values are left out. */
  readonly attributes: Attributes
  /** It failed; `type` becomes `error.type`. */
  readonly error?: { readonly type: string; readonly message?: string | undefined } | undefined
  /** Headers that may carry a trace: one set for each message. */
  readonly carriers?: readonly Carrier[]
}

export interface View {
  /** Whose span it is: that of the one who asked, or that of the one who answered. */
  readonly side: 'client' | 'server'
  readonly query: 'sanitized' | 'raw' | 'none'
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A number that says something. */
export function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined
}
