import type { Identities } from '../../cluster/identities.ts'
import type { Endpoint } from '../../entry/entry.ts'
import type { Process } from '../../entry/process.ts'
import type { FoundProcess, FoundSockets } from './found-process.ts'

/** What the capture knows of processes of this machine. */
export class KnownProcesses {
  readonly #byEnds = new Map<string, FoundProcess>()
  readonly #identities: Identities

  constructor(identities: Identities) {
    this.#identities = identities
  }

  apply({ found, gone }: FoundSockets): void {
    for (const ends of gone) this.#byEnds.delete(ends)
    for (const [ends, process] of found) this.#byEnds.set(ends, process)
  }

  /** The one whose socket has exactly these ends. */
  find(end: Endpoint, peer: Endpoint): Process | undefined {
    const found = this.#byEnds.get(`${end.ip}:${end.port} ${peer.ip}:${peer.port}`)
    if (found === undefined) return undefined
    const { podUid, ...process } = found
    return { ...process, owner: this.#identities.podOf(podUid) }
  }
}
