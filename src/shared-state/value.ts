/**
 * What agents share by `cluster.*`. Each value is a sum of parts: what one batch of events added, what one node added in all,
 * or what all nodes added. Parts are merged in any order and grouping with the same answer.
 */
export interface Shared {
  readonly kind: Kind
  /** Nothing was added. */
  readonly isEmpty: boolean
  /** Adds a part of the same kind; another kind adds nothing. */
  merge(part: Shared): void
  /** As it crosses and is kept: `read…` makes the same of it. */
  toJSON(): unknown
}

export const KINDS = ['counter', 'topk', 'unique', 'quantile'] as const
export type Kind = (typeof KINDS)[number]

/** Names of one agent, by kind: what each may hold differs. */
export const MOST_NAMES: Readonly<Record<Kind, number>> = {
  counter: 1000,
  topk: 16,
  unique: 64,
  quantile: 64,
}
/** Characters. */
export const LONGEST_NAME = 100
/** Keys of `topk`, characters. */
export const LONGEST_KEY = 128
/** Texts that `unique` counts, characters. */
export const LONGEST_VALUE = 64 << 10

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** A list of finite numbers, an even one: pairs. */
export function isPairs(value: unknown, most: number): value is number[] {
  return Array.isArray(value) && value.length % 2 === 0 && value.length <= 2 * most && value.every(isNumber)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
