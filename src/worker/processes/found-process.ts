import type { Process } from '../../entry/process.ts'

/** A process that has a socket, as it was found. */
export interface FoundProcess extends Omit<Process, 'owner'> {
  /** "" outside of pods. */
  readonly podUid: string
}

/** What has changed since the last time: which process has which end of a connection. */
export interface FoundSockets {
  /** `<local> <remote>`, both `address:port`. */
  readonly found: readonly (readonly [ends: string, process: FoundProcess])[]
  readonly gone: readonly string[]
}
