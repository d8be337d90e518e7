import { setImmediate } from 'node:timers/promises'
import type { ConnectionPackets } from '../spool/index.ts'
import type { PacketFiles } from './packet-files.ts'

/**
 * Copies the packets of connections out of the spool before that lets go of them: all that it has of a connection when it is
 * named first, and then what comes, each packet once.
 */
export class ConnectionCopies {
  readonly #packets: ConnectionPackets
  /** Up to where each connection was copied. Those that were named longest ago are forgotten when there are too many. */
  readonly #copied = new Map<string, number>()
  readonly #followed = new Set<string>()
  /** Connections of which packets were gone before they could be copied. */
  cut = 0

  constructor(packets: ConnectionPackets) {
    this.#packets = packets
  }

  follow(stream: string): void {
    this.#followed.add(stream)
  }

  follows(stream: string): boolean {
    return this.#followed.has(stream)
  }

  unfollowAll(): void {
    this.#followed.clear()
  }

  /** Copies what has come, in small steps. `room`: bytes that the files may grow; false when that was not enough. */
  async copyTo(files: PacketFiles, room: number): Promise<boolean> {
    const most = files.bytes + room
    for (const stream of this.#followed) {
      const head = this.#packets.headOf(stream)
      const upTo = this.#copied.get(stream) ?? 0
      if (head <= upTo) continue
      this.#note(stream, head)
      if (!(await this.#copy(head, upTo, files, most))) return false
    }
    this.#packets.closeFiles()
    await files.flush()
    return true
  }

  /** From the newest back. False when there is no more room. */
  async #copy(head: number, upTo: number, files: PacketFiles, most: number): Promise<boolean> {
    let until = performance.now() + STEP_MS
    for (let place = head; place > upTo; ) {
      const packet = this.#packets.packetAt(place)
      // What has been overwritten meanwhile may lead anywhere.
      if (packet === undefined || packet.before >= place) {
        this.cut++
        return true
      }
      files.add(packet.linkType, packet)
      if (files.bytes > most) {
        this.cut++
        return false
      }
      place = packet.before
      if (files.waiting < MOST_WAITING && performance.now() < until) continue
      await files.flush()
      await setImmediate()
      until = performance.now() + STEP_MS
    }
    return true
  }

  #note(stream: string, head: number): void {
    this.#copied.delete(stream)
    this.#copied.set(stream, head)
    const [oldest] = this.#copied
    if (this.#copied.size <= MOST_CONNECTIONS || oldest === undefined) return
    this.#copied.delete(oldest[0])
    this.#followed.delete(oldest[0])
  }
}

/** Others wait so long at most. */
const STEP_MS = 5
const MOST_WAITING = 4 << 20
const MOST_CONNECTIONS = 200_000
