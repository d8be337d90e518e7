/** A request and its reply in all versions that there have ever been, in the language of `../table.ts`. */
export interface ApiTable {
  readonly key: number
  readonly name: string
  /** The last version that is known here; the first is 0. */
  readonly newest: number
  /** From this version on it is flexible (KIP-482). */
  readonly flexible: number
  /** Missing where the content is not read. */
  readonly request?: string
  readonly response?: string
}

export const NEVER = Number.POSITIVE_INFINITY
