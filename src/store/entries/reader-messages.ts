import type { StoredEntry } from './entry-store.ts'
import type { FilterTask, ScanResult, ScanTask } from './scanner.ts'

/** To a thread that scans, or to the one that follows. The folder comes first. */
export type ToReader =
  | { readonly kind: 'open'; readonly folder: string }
  /** `cancelled` becomes 1 when nobody waits for the answer any more. */
  | {
      readonly kind: 'scan'
      readonly number: number
      readonly task: ScanTask
      readonly cancelled: Int32Array
    }
  | { readonly kind: 'follow'; readonly number: number; readonly filter: FilterTask }
  /** One batch is wanted, as soon as there is something. */
  | { readonly kind: 'more'; readonly number: number }
  | { readonly kind: 'unfollow'; readonly number: number }
  | { readonly kind: 'close' }

export type FromReader =
  | { readonly kind: 'scanned'; readonly number: number; readonly result: ScanResult }
  | { readonly kind: 'failed'; readonly number: number; readonly message: string }
  | {
      readonly kind: 'followed'
      readonly number: number
      readonly entries: readonly StoredEntry[]
      readonly dropped: number
    }
  /** It looks at all that is appended from now on. */
  | { readonly kind: 'following'; readonly number: number }
