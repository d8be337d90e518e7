import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Agent } from '../agent/agents.ts'
import {
  type BrokerOptions,
  type ComponentLink,
  type Effects,
  HelperBroker,
  type SentAlert,
  type SharedSource,
} from '../agent/broker.ts'
import type { Component, HelperCall } from '../agent/group.ts'
import { OwnProcess } from '../agent/own-process.ts'
import type { NamedSince } from '../cluster/identities.ts'
import { RecentPods } from '../cluster/recent-pods.ts'
import { alertRules } from '../config/alert-rules.ts'
import type { Config } from '../config/index.ts'
import { bytesOf } from '../config/quantities.ts'
import { version } from '../helpers/version.ts'
import { Mistake } from '../mistake/mistake.ts'
import { SharedState } from '../store/shared-state.ts'
import type { AlertRules } from '../wire/alert-rules.ts'
import { hubHealth, workerHealth } from '../wire/health.ts'
import { LocalAlerts } from './local-alerts.ts'
import { PodHistory, type PodHistoryOptions } from './pod-history.ts'
import {
  type ConnectionPackets,
  ConnectionWalk,
  removeSpool,
  removeStaleSpools,
  type SpoolOptions,
  SpoolReader,
} from './spool/index.ts'

export interface BrokerExtras {
  /** Takes what would leave the machine. */
  readonly rehearse?: BrokerOptions['rehearse']
  readonly log?: BrokerOptions['log']
  readonly audit?: BrokerOptions['audit']
  readonly reports?: BrokerOptions['reports']
  /** Number of the first stream; 0 by default. */
  readonly firstStream?: number | undefined
  /** For `pcap.history`. */
  readonly history?: Partial<Pick<PodHistoryOptions, 'pods' | 'isKept' | 'clock'>>
  /** Where queued calls of helpers are kept. */
  readonly outbox?: BrokerOptions['outbox']
}

/** The broker of a worker, which keeps the packets of connections for `pcap.*`. */
export class Broker {
  readonly #helpers: HelperBroker
  readonly #packets: SpoolReader
  readonly spool: SpoolOptions
  #captured: Captured = { source: '', bytesRead: 0, packets: 0 }

  /**
   * Without a link, and a state that agents share, it stands alone: no other component is there.
   */
  constructor(
    config: Config,
    nodeName: string,
    link?: ComponentLink,
    shared: SharedSource = new SharedState({ node: nodeName, boot: '' }),
    { rehearse, firstStream, log, audit, outbox, reports, history }: BrokerExtras = {},
  ) {
    const spools = join(resolve(config.scripting.data), '..', 'spool')
    this.spool = {
      folder: join(spools, String(process.pid)),
      maxBytes: bytesOf(config.tap.capture.raw.storageSize),
      firstStream,
      heads: new SharedArrayBuffer(HEADS_BYTES, { maxByteLength: MOST_HEADS_BYTES }),
    }
    this.#packets = new SpoolReader(this.spool)
    const stats = () => ({
      ...this.#captured,
      storageBytes: this.spool.maxBytes,
      usedBytes: bytesIn(this.spool.folder),
    })
    const linked = link ?? new Alone(stats, alertRules(config))
    this.#helpers = new HelperBroker({
      config,
      nodeName,
      packets: this.#packets,
      podPackets: new PodHistory({
        pods: new RecentPods(),
        isKept: true,
        ...history,
        packets: this.#packets,
        flush: () => this.#flush(),
      }),
      link: linked,
      shared,
      rehearse,
      log,
      audit,
      reports,
      outbox,
    })
    removeStaleSpools(spools)
    // Also when the program is ended in the middle of a run.
    process.once('exit', this.#removeSpool)
  }

  /** Packets of connections, for those who record them. */
  get packets(): ConnectionPackets {
    return new ConnectionWalk(this.spool, () => this.#packets.nameHistory())
  }

  /** How to have all packets written that were captured by now; answers why none are kept any more, if so. */
  flushBy(flush: () => Promise<string | undefined>): void {
    this.#flush = flush
  }
  #flush: () => Promise<string | undefined> = async () => undefined

  /** What was refused, by its name among counters. */
  get counters(): Readonly<Record<string, number>> {
    return this.#helpers.counters
  }

  call(call: HelperCall): Promise<unknown> {
    return this.#helpers.call(call)
  }

  /** What became of effects: of this run, and what the outbox has of earlier ones. */
  effects(): Effects {
    return this.#helpers.effects()
  }

  /** Calls for which no script waits; undefined where nothing can be queued. */
  get queued(): HelperBroker['queued'] {
    return this.#helpers.queued
  }

  /** An agent has added something by `cluster.*`: see `GroupObserver.shared`. */
  share(agent: Agent, deltas: readonly unknown[], id: string | undefined): void {
    this.#helpers.share(agent, deltas, id)
  }

  /** Series of an agent have changed: see `GroupObserver.exported`. */
  exported(agent: Agent, component: Component, message: unknown): void {
    this.#helpers.exported(agent, component, message)
  }

  /** It exports nothing any more: see `GroupObserver.exportsEnded`. */
  exportsEnded(agent: Agent, component: Component): void {
    this.#helpers.exportsEnded(agent, component)
  }

  /** It runs no more: see `GroupObserver.ended`. */
  ended(agent: Agent, component: Component): void {
    this.#helpers.ended(agent, component)
  }

  /** No agent runs any more: see `HelperBroker.tidy`. */
  tidy(): void {
    this.#helpers.tidy()
  }

  /** What agents export by `prometheus.*`. `taken`: names of metrics that stand beside these. */
  exportedText(taken?: ReadonlySet<string>): string {
    return this.#helpers.exportedText(taken)
  }

  /** What agents exported and was not taken, by reason. */
  get exportsDropped(): Readonly<Record<string, number>> {
    return this.#helpers.exportsDropped
  }

  /** Values of `otel.metric` for which there was no series any more. */
  get otelValuesRefused(): number {
    return this.#helpers.otelValuesRefused
  }

  /** Text as it may be shown of a rehearsal. */
  masked(text: string): string {
    return this.#helpers.masked(text)
  }

  /** A reply in the capture gave an address a name. */
  learn(seconds: number, address: string, name: string): void {
    this.#packets.names.learn(seconds, address, name)
  }

  /** Who has which address in the cluster, and who had it. */
  know(known: () => Iterable<NamedSince>): void {
    this.#packets.names.know(known)
  }

  /** So much was captured by now, for `utils.health`. */
  captured(captured: Captured): void {
    this.#captured = captured
  }

  async close(): Promise<void> {
    await this.#helpers.close()
    this.#removeSpool()
    process.off('exit', this.#removeSpool)
  }

  readonly #removeSpool = () => removeSpool(this.spool.folder)
}

export interface Captured {
  /** Name of the file, or of the interfaces. */
  readonly source: string
  readonly bytesRead: number
  readonly packets: number
}

interface Stats extends Captured {
  readonly storageBytes: number
  readonly usedBytes: number
}

/** Stands for other components where there are none. */
class Alone implements ComponentLink {
  readonly #stats: () => Stats
  readonly #alerts: LocalAlerts
  readonly #process = new OwnProcess()
  readonly #startedAt = Date.now()

  constructor(stats: () => Stats, rules: AlertRules) {
    this.#stats = stats
    this.#alerts = new LocalAlerts(rules)
  }

  action(): never {
    throw new Mistake('E_HELPER_REFUSED', 'hub.action: there is no hub')
  }

  alert(sent: SentAlert): void {
    this.#alerts.take(sent)
  }

  targeted() {
    return { targets: [], excluded: [] }
  }

  /** What was lost is known at the end, and stands in the summary. */
  health(nodeName: string) {
    const { source, packets, bytesRead, storageBytes, usedBytes } = this.#stats()
    const component = { nodeName, clusterId: '', version: version(), process: this.#process.state() }
    if (nodeName === 'hub') return hubHealth({ ...component, workers: [], nodes: [] })
    return workerHealth({
      ...component,
      storage: { limitBytes: storageBytes, usedBytes },
      sources: source === '' ? [] : [{ name: source, packets, lost: 0 }],
      traced: [],
      filter: '',
      startedAt: this.#startedAt,
      bytesRead,
      entries: 0,
      entriesSent: 0,
    })
  }
}

/** Of the files in a folder; 0 when it is not there. */
function bytesIn(folder: string): number {
  try {
    const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
    return files.reduce((sum, { name }) => sum + statSync(join(folder, name)).size, 0)
  } catch {
    // Not made yet, or a file went meanwhile.
    return 0
  }
}

const HEADS_BYTES = 1 << 20
const MOST_HEADS_BYTES = 256 << 20
