/**
 * A run of captured packets that lie in one buffer, in capture order. Columns instead of objects: two million
 * packets a second leave no room for garbage.
 *
 * A source reuses the batch: everything in it is valid until the next batch is asked for.
 */
export interface PacketBatch {
  /** The packets' bytes, somewhere in here. */
  readonly bytes: Uint8Array
  readonly count: number
  /** Where packet `i` starts in `bytes`. */
  readonly offsets: Uint32Array
  /** How many bytes of packet `i` were captured. */
  readonly captured: Uint32Array
  /** How many bytes it had on the wire. */
  readonly lengths: Uint32Array
  /** Capture time: whole seconds since the epoch (UTC) … */
  readonly seconds: Float64Array
  /** … and nanoseconds within the second. */
  readonly nanos: Uint32Array
  /** Index into `interfaces`. */
  readonly interfaceIds: Uint16Array
  /** A capture begins again here: what came before has nothing to do with it. */
  readonly anew?: boolean
  /** All interfaces seen so far; grows while a pcapng file is read. */
  readonly interfaces: readonly CaptureInterface[]
}

export interface CaptureInterface {
  /** `eth0`, or "" when the file does not say. */
  readonly name: string
  /** LINKTYPE_ value, https://www.tcpdump.org/linktypes.html */
  readonly linkType: number
  /** Longest capture of one packet in bytes; 0 = unlimited or unknown. */
  readonly snapLength: number
}
