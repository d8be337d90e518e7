import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import type { Bucket, Bus } from '../bus/bus.ts'
import type { Pod } from '../cluster/objects.ts'
import { compileTargeting, namespacesIn, podIps, podState, type Targeting } from '../cluster/targeting.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ClusterFollower } from '../node/cluster-follower.ts'
import { TargetingFollower } from '../node/targeting-follower.ts'
import { decode, encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import {
  filterChecked,
  type PodTarget,
  TARGETING_KEY,
  type TargetingChange,
  type TargetingRules,
  type TargetingState,
  type TargetingView,
  targetingState,
} from '../wire/targeting.ts'
import type { NodeView } from '../wire/views.ts'

/** Which pods are captured, for those who ask and change it. */
export interface TargetingControl {
  /** What is in force. */
  get(): Promise<TargetingView>
  /** What would be in force; nothing changes. Rejects as `change` does, but for capture filters. */
  preview(change: TargetingChange): Promise<TargetingView>
  /**
   * Rejects with `E_REQUEST` for a regular expression that cannot be read or takes too long, with `E_CAPTURE_FILTER` for a filter that a worker
   * cannot use, and with `E_CONFLICT` when somebody else was faster.
   */
  change(change: TargetingChange, by: string): Promise<TargetingView>
}

export interface TargetingOptions {
  readonly bus: Pick<Bus, 'request'>
  /** `BUCKETS.state` */
  readonly bucket: Pick<Bucket, 'watch' | 'create' | 'update' | 'get'>
  /** What the configuration of this hub says. */
  readonly configured: TargetingRules
  /** Whether this hub would follow a cluster when it leads. */
  readonly hasCluster: boolean
  readonly cluster: Pick<ClusterFollower, 'state' | 'objects'>
  readonly nodes: () => readonly NodeView[]
  /** Addresses, and `namespace/name`, that stand in what workers keep. */
  readonly seen: () => Promise<ReadonlySet<string>>
  readonly now?: () => number
}

export class HubTargeting implements TargetingControl {
  readonly #options: TargetingOptions
  readonly #follower: TargetingFollower
  /** Those that were asked for lately, by what they say: they remember pods. */
  readonly #compiled = new Map<string, Targeting>()

  constructor(options: TargetingOptions) {
    this.#options = options
    this.#follower = new TargetingFollower(options.bucket)
  }

  async get(): Promise<TargetingView> {
    const { state } = await this.#current()
    return this.#view(state.rules, state)
  }

  async preview(change: TargetingChange): Promise<TargetingView> {
    const { state } = await this.#current()
    return this.#view(changed(state.rules, change), state, MOST_STEPS)
  }

  async change(change: TargetingChange, by: string): Promise<TargetingView> {
    const { state, revision } = await this.#current()
    const { ifVersion } = change
    if (ifVersion !== undefined && ifVersion !== state.version) throw outdated(state)
    const rules = changed(state.rules, change)
    this.#targeting(rules)
    if (rules.bpfOverride !== '' && rules.bpfOverride !== state.rules.bpfOverride)
      await this.#check(rules.bpfOverride)
    const next = { ...state, rules, version: state.version + 1, author: by, at: this.#now() }
    const view = await this.#view(rules, next, MOST_STEPS)
    await this.#write(next, revision)
    return view
  }

  /** What the configuration says comes into force when it says something else than before: for the hub that leads. */
  async seed(): Promise<void> {
    const { configured, hasCluster } = this.#options
    const { state, revision } = await this.#current()
    const isConfigured = revision !== undefined && isSame(state.configured, configured)
    if (isConfigured && state.hasCluster === hasCluster) return
    await this.#write(isConfigured ? { ...state, hasCluster } : this.#initial(state.version + 1), revision)
  }

  /** Pods under capture, and the others. */
  targeted(): { targets: Pod[]; excluded: Pod[] } {
    const targeting = this.#targeting(this.#follower.known?.state.rules ?? this.#options.configured)
    const pods = Object.groupBy(this.#options.cluster.objects('pod'), (pod) =>
      targeting.has(pod) ? 'targets' : 'excluded',
    )
    return { targets: pods.targets ?? [], excluded: pods.excluded ?? [] }
  }

  async close(): Promise<void> {
    await this.#follower.close()
  }

  /** As the bucket has it now: what a follower knows may be of a moment ago. */
  async #current(): Promise<{ state: TargetingState; revision: number | undefined }> {
    const kept = await this.#options.bucket.get(TARGETING_KEY)
    const state = kept && decode(targetingState, kept.value)
    if (kept === undefined || state === undefined)
      return { state: this.#initial(0), revision: kept?.revision }
    return { state, revision: kept.revision }
  }

  #initial(version: number): TargetingState {
    const { configured, hasCluster } = this.#options
    return { rules: configured, version, author: 'configuration', at: this.#now(), hasCluster, configured }
  }

  async #write(state: TargetingState, revision: number | undefined): Promise<void> {
    const { bucket } = this.#options
    try {
      if (revision === undefined) await bucket.create(TARGETING_KEY, encode(state))
      else await bucket.update(TARGETING_KEY, encode(state), revision)
    } catch (error) {
      if (error instanceof Mistake && error.code === 'E_CONFLICT') throw outdated(state)
      throw error
    }
  }

  /** Every worker that captures live is asked; those that do not answer look at it when they begin with it. */
  async #check(filter: string): Promise<void> {
    const { bus } = this.#options
    const live = this.#workers().filter(({ captures }) => captures !== 'file')
    const answers = await Promise.all(
      live.map(({ node }) =>
        bus.request(SUBJECTS.filterCheck(node), encode({ filter }), { timeoutMs: CHECK_MS }).then(
          (answer) => ({ node, complaint: decode(filterChecked, answer)?.complaint ?? '' }),
          (error: unknown) => {
            if (error instanceof Mistake && SILENT.has(error.code)) return { node, complaint: '' }
            throw error
          },
        ),
      ),
    )
    const refused = answers.find(({ complaint }) => complaint !== '')
    if (refused === undefined) return
    throw new Mistake('E_CAPTURE_FILTER', `${refused.node}: ${refused.complaint}`, {
      hint: 'Nothing was changed. Filters are written as in tcpdump: man pcap-filter',
    })
  }

  #targeting(rules: TargetingRules): Targeting {
    const key = JSON.stringify(rules)
    const targeting = this.#compiled.get(key) ?? compileTargeting(rules)
    // The one that was asked for last stands last.
    this.#compiled.delete(key)
    this.#compiled.set(key, targeting)
    const [oldest] = this.#compiled.keys()
    if (this.#compiled.size > MOST_COMPILED && oldest !== undefined) this.#compiled.delete(oldest)
    return targeting
  }

  /** Others get their turn in between. Rejects with `E_REQUEST` when it takes more than `mostSteps`. */
  async #view(
    rules: TargetingRules,
    state: TargetingState,
    mostSteps = Number.POSITIVE_INFINITY,
  ): Promise<TargetingView> {
    const { cluster } = this.#options
    const targeting = this.#targeting(rules)
    const seen = await this.#options.seen()
    const pods: PodTarget[] = []
    const before = targeting.effort
    let rested = before
    for (const pod of cluster.objects('pod')) {
      const { namespace, name } = pod.metadata
      const ips = [...podIps(pod)]
      const isSeen = seen.has(`${namespace}/${name}`) || ips.some((ip) => seen.has(ip))
      const node = pod.spec.nodeName ?? ''
      pods.push({ namespace, name, node, ips, state: podState(pod, targeting), seen: isSeen })
      if (targeting.effort - rested < STEPS_IN_A_TURN) continue
      if (targeting.effort - before > mostSteps) throw tooSlow()
      rested = targeting.effort
      await setImmediate()
    }
    pods.sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name))
    const targets = pods.filter(({ state: each }) => each === 'targeted')
    return {
      rules,
      ...{ version: state.version, author: state.author, at: state.at },
      cluster: this.#options.hasCluster ? cluster.state : 'off',
      warning: this.#warning(rules, targets.length, pods),
      counts: {
        pods: pods.length,
        targeted: targets.length,
        namespaces: new Set(targets.map(({ namespace }) => namespace)).size,
        nodes: new Set(targets.map(({ node }) => node)).size,
      },
      pods: pods.slice(0, MOST_PODS),
    }
  }

  #warning(rules: TargetingRules, targeted: number, pods: readonly PodTarget[]): string {
    const isAboutPods = !this.#targeting(rules).takesAll
    const { hasCluster } = this.#options
    if (isAboutPods && !hasCluster)
      return 'There is no cluster whose pods the rules could be about: everything is captured.'
    const unread = this.#unread()
    if (isAboutPods && pods.length === 0)
      return ['Pods are not known yet: nothing is captured until they are.', ...unread].join('\n')
    if (isAboutPods && targeted === 0) return ['No pod matches: nothing is captured.', ...unread].join('\n')
    const there = new Set(pods.map(({ namespace }) => namespace))
    const named = isAboutPods ? [...rules.namespaces, ...rules.excludedNamespaces] : []
    const empty = named.filter((namespace) => !there.has(namespace))
    const missing = empty.length === 0 ? [] : [`No pod is in ${empty.join(', ')}, which the rules name.`]
    const refusing = this.#workers().flatMap(({ node, health }) => {
      const { targeting } = health
      return typeof targeting === 'string' && targeting !== '' ? [`${node}: ${targeting}`] : []
    })
    return [...unread, ...missing, ...refusing].join('\n')
  }

  /** Why pods cannot be read, and what to do about it, as the hub that leads has it. */
  #unread(): string[] {
    const leader = this.#options.nodes().find(({ component, leading }) => component === 'hub' && leading)
    const watches = watchesTold.safeParse(leader?.health.watches).data ?? []
    return watches.flatMap(({ resource, state, why = '', hint = '' }) =>
      resource === 'pods' && state === 'in trouble' ? [`${why}. ${hint}`.trim()] : [],
    )
  }

  #workers(): NodeView[] {
    return this.#options.nodes().filter(({ component }) => component === 'worker')
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}

function changed(rules: TargetingRules, change: TargetingChange): TargetingRules {
  return {
    regex: change.regex ?? rules.regex,
    namespaces: namespacesIn('tap.namespaces', change.namespaces ?? rules.namespaces),
    excludedNamespaces: namespacesIn(
      'tap.excludedNamespaces',
      change.excludedNamespaces ?? rules.excludedNamespaces,
    ),
    bpfOverride: (change.bpfOverride ?? rules.bpfOverride).trim(),
    sampleRate: change.sampleRate ?? rules.sampleRate,
  }
}

function isSame(a: TargetingRules, b: TargetingRules): boolean {
  return JSON.stringify(changed(a, {})) === JSON.stringify(changed(b, {}))
}

function outdated({ version, author }: TargetingState): Mistake {
  return new Mistake(
    'E_CONFLICT',
    `what is captured has been changed meanwhile, to version ${version} by ${author}`,
    {
      hint: 'Look at it again: remora targeting get',
    },
  )
}

/** In the health of the hub that leads. */
const watchesTold = z.array(
  z.object({
    resource: z.string(),
    state: z.string(),
    why: z.string().optional(),
    hint: z.string().optional(),
  }),
)

function tooSlow(): Mistake {
  return new Mistake(
    'E_REQUEST',
    'tap.regex: the regular expression takes too long with all pods that there are',
    {
      hint: 'Say less with repetitions such as (.?){900}.',
    },
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const SILENT: ReadonlySet<string> = new Set(['E_BUS_NO_ANSWER', 'E_BUS'])
const CHECK_MS = 5000
const MOST_PODS = 5000
const MOST_COMPILED = 8
/** Some hundredths of a second. */
const STEPS_IN_A_TURN = 200_000
/** Some seconds. */
const MOST_STEPS = 50_000_000
