import type { TakenConnections } from './connections.ts'
import type { StoredEntry } from './entry-store.ts'
import type { PlaceInStore } from './follower.ts'
import type { FilterTask, ScanResult, ScanTask, SumTask } from './scanner.ts'
import type { SummedEntries, TakenSums } from './summing.ts'

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
  | {
      readonly kind: 'sum'
      readonly number: number
      readonly task: SumTask
      readonly cancelled: Int32Array
    }
  | { readonly kind: 'follow-sums'; readonly number: number; readonly filter: FilterTask }
  /** What was summed since the last time is wanted, whatever there is. */
  | { readonly kind: 'sums'; readonly number: number }
  | { readonly kind: 'follow-connections'; readonly number: number }
  /** Who has connected to whom since the last time is wanted, whatever there is. */
  | { readonly kind: 'connections'; readonly number: number }
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
  | { readonly kind: 'summed'; readonly number: number; readonly result: SummedEntries }
  | { readonly kind: 'sums'; readonly number: number; readonly taken: TakenSums }
  | { readonly kind: 'connections'; readonly number: number; readonly taken: TakenConnections }
  /** It sums what comes behind this place. */
  | { readonly kind: 'following-sums'; readonly number: number; readonly place: PlaceInStore }
  /** It looks at all that is appended from now on. */
  | { readonly kind: 'following'; readonly number: number }
