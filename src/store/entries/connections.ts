import { SeenEntries, type SeenSum, SeenSums } from '../../policy/seen.ts'
import type { Line } from './lines.ts'

/** Who has connected to whom, of what was appended for a while. */
export interface TakenConnections {
  readonly sums: readonly SeenSum[]
  /** Entries of connections for which there was no room. */
  readonly missed: number
  /** Entries that are no traffic between two addresses. */
  readonly malformed: number
}

/** Sums connections of entries as they are appended. */
export class ConnectionsFollowing {
  readonly #seen = new SeenEntries()
  #sums = new SeenSums()
  #malformed = 0

  offer(_line: Line, entry: unknown): void {
    const seen = this.#seen.read(entry)
    if (seen === undefined) this.#malformed++
    else this.#sums.add(seen)
  }

  /** What came since the last time. */
  take(): TakenConnections {
    const taken = { sums: this.#sums.all, missed: this.#sums.missed, malformed: this.#malformed }
    this.#sums = new SeenSums()
    this.#malformed = 0
    return taken
  }
}

/**
 * The part of an entry that stands before its times, requests and replies, and is all that is needed here: most of an entry need
 * not be read. Undefined for what is written otherwise, such as with a label of a pod that has this name.
 */
export function headOf(json: string): unknown {
  const end = json.indexOf(BEHIND)
  if (end < 0) return undefined
  try {
    return JSON.parse(`${json.slice(0, end)}}`)
  } catch {
    return undefined
  }
}

/** Entries have their fields in the order of the schema. Quotes within texts are written otherwise. */
const BEHIND = ',"startTime":"'

export const NO_CONNECTIONS: TakenConnections = { sums: [], missed: 0, malformed: 0 }
