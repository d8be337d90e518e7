import type { LogCounters, LogLimits } from './log.ts'
import type { StoredMarks } from './marks.ts'

/** To the thread that writes. Its `LogLimits` come first. */
export type ToWriter =
  | { readonly kind: 'open'; readonly limits: LogLimits }
  | {
      readonly kind: 'entries'
      readonly times: Float64Array
      /** Lines of JSON. */
      readonly text: string
      readonly marks: readonly Omit<StoredMarks, 'from'>[]
    }
  /** Answered with `done` when all before is on disk, or when all columns are made, too. */
  | { readonly kind: 'flush'; readonly number: number; readonly settled: boolean }
  | { readonly kind: 'close' }

export type FromWriter =
  /** Counters after so many characters of entries have been worked off. */
  | { readonly kind: 'counters'; readonly counters: LogCounters; readonly characters: number }
  | { readonly kind: 'done'; readonly number: number }
  | { readonly kind: 'closed'; readonly counters: LogCounters }
