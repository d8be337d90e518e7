import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import type { Config } from '../config/index.ts'
import { openDataFolder } from '../helpers/data-folder.ts'
import { dispatch } from '../helpers/dispatch.ts'
import { type Egress, openEgress } from '../helpers/egress.ts'
import type { DataFolder, HelperHost, PacketStore, SharedValues, Targeted } from '../helpers/helper.ts'
import { namespaces } from '../helpers/index.ts'
import { Rehearsal } from '../helpers/rehearsal.ts'
import { Secrets } from '../helpers/secrets.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { Effect } from '../wire/trials.ts'
import type { Agent } from './agents.ts'
import type { HelperCall } from './group.ts'
import { HUB_ACTION } from './host/protocol.ts'

export interface BrokerOptions {
  readonly config: Config
  readonly nodeName: string
  /** Packets of connections; a hub has none. */
  readonly packets?: PacketStore
  readonly link: ComponentLink
  /** What agents share by `cluster.*`. Absent: they cannot. */
  readonly shared?: SharedSource
  /** Takes what would leave the machine, instead of letting it. Files are written all the same: `scripting.data` says where. */
  readonly rehearse?: ((effect: Effect) => void) | undefined
}

/** Where what agents share is kept: `SharedState`. */
export interface SharedSource {
  of(agent: SharingAgent): SharedValues
  /** Adds what an agent has added. With an id: once, however often it comes. */
  apply(agent: SharingAgent, deltas: readonly unknown[], options?: { readonly id?: string }): void
}

/** Who shares something: its identity, and what it is called. */
interface SharingAgent {
  readonly id: string
  readonly title: string
}

/** What goes from agents to other components. */
export interface ComponentLink {
  /**
   * `hub.action`, where actions go outside (`HostConfig.actions`). Returns when the action is sure to arrive; throws a
   * Mistake for the script.
   */
  action(call: SentAction): void | Promise<void>
  /** Pods under capture, and pods that are left out. */
  targeted(): Targeted | Promise<Targeted>
  /** State of this component, for `utils.health`. */
  health(nodeName: string): unknown
}

export interface SentAction extends Pick<HelperCall, 'agent' | 'component' | 'nowMs'> {
  readonly action: string
  /** JSON text; absent when the script gave no object. */
  readonly object?: string
}

/**
 * Answers the helpers that scripts call: the only way from a script to anything outside. It lives on the main thread,
 * which never decodes packets, so that an answer does not wait for traffic.
 */
export class HelperBroker {
  readonly #root: string
  readonly #quotaBytes: number
  #files: Promise<DataFolder> | undefined
  readonly #egress: Egress
  readonly #nodeName: string
  readonly #nodeIp = ownAddress()
  readonly #runId = randomBytes(4).toString('hex')
  readonly #env: HelperHost['env']
  readonly #secrets: Secrets
  readonly #otel: HelperHost['otel']
  readonly #packets: PacketStore
  readonly #link: ComponentLink
  readonly #shared: SharedSource | undefined
  readonly #rehearsal: Rehearsal | undefined

  constructor({ config, nodeName, packets, link, shared, rehearse }: BrokerOptions) {
    const { scripting, internetConnectivity } = config
    this.#root = resolve(scripting.data)
    this.#quotaBytes = scripting.dataQuotaMb * 2 ** 20
    this.#egress = openEgress({ ...scripting.egress, internetConnectivity })
    this.#nodeName = nodeName
    this.#secrets = new Secrets({ ...scripting.env, otel: scripting.otel.headers })
    this.#env = scripting.env
    this.#otel = scripting.otel
    this.#packets = packets ?? new NoPackets()
    this.#link = link
    this.#shared = shared
    if (rehearse !== undefined)
      this.#rehearsal = new Rehearsal({
        namespaces,
        env: scripting.env,
        tell: rehearse,
        check: (request) => this.#egress.check(request),
      })
    makeFolder(this.#root)
  }

  async call(call: HelperCall): Promise<unknown> {
    if (call.path === HUB_ACTION && this.#rehearsal === undefined) return await this.#action(call)
    const host = await this.#hostFor(call)
    if (this.#rehearsal === undefined) return dispatch(namespaces, call.path, call.args, host)
    if (call.path !== HUB_ACTION) return this.#rehearsal.dispatch(call, host)
    const [action, object] = call.args
    this.#rehearsal.note(
      { ...call, args: typeof object === 'string' ? [action, JSON.parse(object)] : [action] },
      host,
    )
  }

  /** Text as it may be shown of a rehearsal. */
  masked(text: string): string {
    return this.#rehearsal?.masked(text, this.#root) ?? text
  }

  async #hostFor({ agent, component, nowMs, warn }: HelperCall): Promise<HelperHost> {
    const node = component === 'hub' ? 'hub' : this.#nodeName
    // Counting what is in it may take a while: when somebody uses it.
    this.#files ??= openDataFolder(this.#root, this.#quotaBytes)
    return {
      agent,
      component,
      nodeName: node,
      env: this.#env,
      files: await this.#files,
      packets: this.#packets,
      shared: this.#sharedOf(agent),
      signal: AbortSignal.timeout(CALL_MS),
      warn,
      nodeIp: this.#nodeIp,
      runId: this.#runId,
      request: (options) => this.#egress.request(options),
      connect: (options) => this.#egress.connect(options),
      addressOf: (host, port) => this.#egress.addressOf(host, port),
      queue: () => Promise.reject(new Mistake('E_HELPER_REFUSED', 'there is no outbox here')),
      otel: this.#otel,
      masked: (text) => this.#secrets.masked(text),
      randomName: () => randomBytes(8).toString('hex'),
      now: () => nowMs,
      health: () => this.#link.health(node),
      targeted: () => this.#link.targeted(),
    }
  }

  /** An agent has added something by `cluster.*`: see `GroupObserver.shared`. */
  share(agent: Agent, deltas: readonly unknown[], id: string | undefined): void {
    this.#shared?.apply(sharingOf(agent), deltas, id === undefined ? {} : { id })
  }

  #sharedOf(agent: Agent): SharedValues {
    return this.#shared?.of(sharingOf(agent)) ?? new NothingShared()
  }

  close(): Promise<void> {
    return this.#egress.close()
  }

  async #action({ agent, component, nowMs, args }: HelperCall): Promise<void> {
    const [action, object] = args
    const sent = { agent, component, nowMs, action: String(action) }
    await this.#link.action(typeof object === 'string' ? { ...sent, object } : sent)
  }
}

/** One that comes out of no store is known by its file. */
function sharingOf({ id, path, title }: Agent): SharingAgent {
  return { id: id ?? path, title }
}

/** Where agents share nothing. */
class NothingShared implements SharedValues {
  counter = refuseShared
  top = refuseShared
  unique = refuseShared
  quantile = refuseShared
  summary = refuseShared
  reset = refuseShared
}

function refuseShared(): never {
  throw new Mistake('E_HELPER_REFUSED', 'agents share nothing here')
}

/** Where no packets come by. */
class NoPackets implements PacketStore {
  async writeStream(): Promise<boolean> {
    return false
  }

  async streams(): Promise<readonly string[]> {
    return []
  }

  writeMerged(): Promise<void> {
    return Promise.reject(noPackets())
  }

  writeMergedFiles(): Promise<void> {
    return Promise.reject(noPackets())
  }

  nameHistory(): Promise<never> {
    return Promise.reject(noPackets())
  }
}

function noPackets(): Mistake {
  return new Mistake('E_HELPER_REFUSED', 'pcap helpers are available on workers only')
}

/** Of the first interface that leads outside; the loopback where there is none. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    throw new Mistake(
      'E_CONFIG_VALUE',
      `the data folder ${path} cannot be made: ${(cause as Error).message}`,
      {
        hint: 'Give yourself the right to write there, or set scripting.data to another folder.',
        cause,
      },
    )
  }
}

const CALL_MS = 60_000
