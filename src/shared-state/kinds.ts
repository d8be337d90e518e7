import { Counter, readCounter } from './counter.ts'
import { Quantiles, readQuantiles } from './quantiles.ts'
import { readTopKeys, TopKeys } from './top-keys.ts'
import { readUnique, Unique } from './unique.ts'
import { isRecord, KINDS, type Kind, LONGEST_NAME, type Shared } from './value.ts'

export function emptyOf(kind: Kind): Shared {
  switch (kind) {
    case 'counter':
      return new Counter()
    case 'topk':
      return new TopKeys()
    case 'unique':
      return new Unique()
    case 'quantile':
      return new Quantiles()
  }
}

/** What `toJSON` has made, read again; undefined when it cannot be that. */
export function readShared(kind: Kind, json: unknown): Shared | undefined {
  switch (kind) {
    case 'counter':
      return readCounter(json)
    case 'topk':
      return readTopKeys(json)
    case 'unique':
      return readUnique(json)
    case 'quantile':
      return readQuantiles(json)
  }
}

/** The sum of parts, added in the order given. The parts stay as they are. */
export function sumOf(kind: Kind, parts: Iterable<Shared>): Shared {
  const sum = emptyOf(kind)
  for (const part of parts) sum.merge(part)
  return sum
}

/** What was added to one name: how it comes out of a sandbox. */
export interface Delta {
  readonly name: string
  readonly value: Shared
}

/** Undefined for what is none. */
export function readDelta(json: unknown): Delta | undefined {
  if (!isRecord(json)) return undefined
  const { kind, name, value } = json
  if (!isKind(kind) || !isName(name)) return undefined
  const read = readShared(kind, value)
  return read === undefined ? undefined : { name, value: read }
}

export function isKind(value: unknown): value is Kind {
  return KINDS.some((kind) => kind === value)
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_NAME
}
