import type { Identity } from './identity.ts'

/** The process that has one end of a connection on the machine of the worker. */
export interface Process {
  /** Inode of its socket. */
  readonly socketId: string
  /** Path of its control group; "" in the root one. */
  readonly cgroupId: string
  /** "" outside of containers. */
  readonly containerId: string
  /** As its container numbers it … */
  readonly processId: number
  readonly parentProcessId: number
  /** … and as the machine does. */
  readonly hostProcessId: number
  readonly hostParentProcessId: number
  readonly processName: string
  /** Of its program; "" where that is not to be read. */
  readonly processPath: string
  /** The pod whose container it runs in, as far as that is known. */
  readonly owner: Identity | undefined
}
