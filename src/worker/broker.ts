import { join, resolve } from 'node:path'
import type { Agent } from '../agent/agents.ts'
import { type ComponentLink, HelperBroker, processHealth, type SharedSource } from '../agent/broker.ts'
import type { HelperCall } from '../agent/group.ts'
import type { Config } from '../config/index.ts'
import { bytesOf } from '../config/quantities.ts'
import { Mistake } from '../mistake/mistake.ts'
import { SharedState } from '../store/shared-state.ts'
import { removeSpool, removeStaleSpools, type SpoolOptions, SpoolReader } from './spool/index.ts'
import { version } from './version.ts'

/** The broker of a worker, which keeps the packets of connections for `pcap.*`. */
export class Broker {
  readonly #helpers: HelperBroker
  readonly #packets: SpoolReader
  readonly spool: SpoolOptions

  /** Without a link, and a state that agents share, it stands alone: no other component is there. */
  constructor(
    config: Config,
    nodeName: string,
    link: ComponentLink = new Alone(),
    shared: SharedSource = new SharedState({ node: nodeName, boot: '' }),
  ) {
    const spools = join(resolve(config.scripting.data), '..', 'spool')
    this.spool = {
      folder: join(spools, String(process.pid)),
      maxBytes: bytesOf(config.tap.capture.raw.storageSize),
      heads: new SharedArrayBuffer(HEADS_BYTES, { maxByteLength: MOST_HEADS_BYTES }),
    }
    this.#packets = new SpoolReader(this.spool)
    this.#helpers = new HelperBroker({ config, nodeName, packets: this.#packets, link, shared })
    removeStaleSpools(spools)
    // Also when the program is ended in the middle of a run.
    process.once('exit', this.#removeSpool)
  }

  call(call: HelperCall): Promise<unknown> {
    return this.#helpers.call(call)
  }

  /** An agent has added something by `cluster.*`: see `GroupObserver.shared`. */
  share(agent: Agent, deltas: readonly unknown[], id: string | undefined): void {
    this.#helpers.share(agent, deltas, id)
  }

  /** A reply in the capture gave an address a name. */
  learn(seconds: number, address: string, name: string): void {
    this.#packets.learn(seconds, address, name)
  }

  async close(): Promise<void> {
    await this.#helpers.close()
    this.#removeSpool()
    process.off('exit', this.#removeSpool)
  }

  readonly #removeSpool = () => removeSpool(this.spool.folder)
}

/** Stands for other components where there are none. */
class Alone implements ComponentLink {
  action(): never {
    throw new Mistake('E_HELPER_REFUSED', 'hub.action: there is no hub')
  }

  targeted() {
    return { targets: [], excluded: [] }
  }

  health(nodeName: string) {
    return { nodeName, version: version(), ...processHealth() }
  }
}

const HEADS_BYTES = 1 << 20
const MOST_HEADS_BYTES = 256 << 20
