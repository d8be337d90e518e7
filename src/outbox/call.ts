/** Whose calls are kept apart from those of others: figures are for each. */
export interface Caller {
  /** Identity of the agent. */
  readonly agent: string
  readonly title: string
  /** Of the agent among those here. */
  readonly index: number
  /** Identity in the store of agents; absent for those that come out of none. */
  readonly id?: string
  /** The helper: `vendor.webhook`. */
  readonly path: string
}

/** A call on its way into the outbox. */
export interface NewCall extends Caller {
  /** Calls of one caller with the same key stay in order. */
  readonly key: string
  /** ms since the epoch by the clock of the agent. */
  readonly at: number
  /** JSON. */
  readonly args: string
  readonly version?: number
  /** What the script is held to by its header, as JSON; absent: nothing. The same holds when it is sent. */
  readonly grants?: string
  /** Id of the entry in whose hook it was made. */
  readonly entry?: string
}

/** Calls of one caller with one key: one after another. */
export interface Lane extends Caller {
  readonly number: number
  readonly key: string
  /** Attempts that have failed since the last one that did not. */
  readonly failures: number
}

/** A call that waits. */
export interface WaitingCall {
  readonly number: number
  /** The same for each attempt, and of no other call. */
  readonly id: string
  readonly at: number
  /** When it came, ms since the epoch by the clock of this machine. */
  readonly queuedAt: number
  /** Those that have failed. */
  readonly attempts: number
  readonly args: string
  readonly version?: number
  readonly grants?: string
  readonly entry?: string
}

/** What came of calls of one lane that were sent. */
export interface Settlement {
  readonly delivered: readonly number[]
  /** They are given up, each for its reason. */
  readonly dead: readonly { readonly number: number; readonly reason: string }[]
  /** They stay where they are. */
  readonly failed: readonly number[]
  /** Why; "" when nothing has failed. */
  readonly error: string
  /** The lane waits until then, ms since the epoch. */
  readonly due: number
}
