import type { PacketBatch } from '../packet/batch.ts'

/** Where packets come from: a file, a pipe, an interface. Read once. */
export interface PacketSource {
  /** One line for logs and `status`: `file http.pcap`, `interface eth0 (dumpcap)`. */
  readonly description: string
  /** Packets are happening now, and are lost when nobody asks for them. */
  readonly live: boolean
  /**
   * Batches in capture order until the source ends or `signal` aborts, which is an end like any other. A batch is
   * valid until the next one is asked for. Rejects, with a `Mistake`, only when not one packet can be had; input
   * that breaks off later ends the iteration and is told in `problems`. Can be called once.
   */
  packets(signal: AbortSignal): AsyncIterable<PacketBatch>
  readonly progress: Progress
  /** Packets that others dropped before we could see them, by who did. Complete when the source has ended. */
  losses(): Losses
  /** What of the input could not be read, by reason. */
  readonly skipped: Skipped
  /** What a person should know about the input: `the file ends in the middle of packet 18`. */
  readonly problems: readonly string[]
}

/** Bytes as they lie in the file, compressed if it is. */
export interface Progress {
  readonly bytesRead: number
  /** 0 = unknown. */
  readonly totalBytes: number
}

/** Counts by who lost packets. Absent = said nothing. */
export type Losses = {
  /** The kernel's buffer was full. */
  readonly kernel?: number
  /** The network card or its driver was too slow. */
  readonly interface?: number
  /** The capturing program was too slow, or threw away its queue when it stopped. */
  readonly tool?: number
}

/** Counts of what was in the input and did not become a packet. */
export type Skipped = {
  /** The record that the end of the input cut in two. */
  truncated: number
  /** Records with a length that cannot be true; reading stops there. */
  absurdLength: number
  /** pcapng blocks that contradict themselves. */
  damagedBlock: number
  /** pcapng blocks of a type that is in no specification we know. */
  unknownBlock: number
  /** pcapng packets of an interface that was never described. */
  unknownInterface: number
}
