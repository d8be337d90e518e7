import type { Bus } from '../bus/bus.ts'
import { type CaptureOptions, complaintAbout, isLive } from '../capture/index.ts'
import type { Pod } from '../cluster/objects.ts'
import { compileTargeting, type Targeting } from '../cluster/targeting.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ClusterFollower } from '../node/cluster-follower.ts'
import type { Fleet } from '../node/fleet.ts'
import type { Note } from '../node/note.ts'
import type { TargetingFollower } from '../node/targeting-follower.ts'
import type { ClusterObject } from '../wire/cluster.ts'
import { decode, encode } from '../wire/codec.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { filterCheck, type TargetingRules } from '../wire/targeting.ts'
import { PodMarks } from './pod-marks.ts'
import type { Run } from './run.ts'

export interface TargetingOptions {
  readonly bus: Bus
  readonly node: string
  readonly source: CaptureOptions
  /** What holds until it is known what somebody has set. */
  readonly configured: TargetingRules
  /** Whether there should be a cluster, as far as can be seen from here. */
  readonly expectsCluster: boolean
  /** Connections between nodes are read once in the cluster (`tap.misc.onceInCluster`). */
  readonly onceInCluster: boolean
}

interface Surroundings {
  readonly follower: TargetingFollower
  readonly cluster: ClusterFollower
  readonly fleet: Fleet
  readonly note: Note
}

/**
 * Has the capture of a worker follow the rules that say which pods are captured: those that the hub keeps, and until they are
 * known those of the configuration.
 */
export class WorkerTargeting {
  readonly #options: TargetingOptions
  readonly #around: Surroundings
  readonly #marks: PodMarks
  readonly #closers: (() => void)[] = []
  #run: Pick<Run, 'select' | 'markPods' | 'refilter'> | undefined
  #rules: TargetingRules
  #targeting: Targeting
  #hasCluster: boolean
  /** The filter with which it captures. */
  #filter: string
  #complaint = ''
  #changing: Promise<void> = Promise.resolve()

  constructor(options: TargetingOptions, around: Surroundings) {
    this.#options = options
    this.#around = around
    const { bus, node, source, configured, expectsCluster } = options
    this.#rules = configured
    this.#targeting = compileTargeting(configured)
    this.#hasCluster = expectsCluster
    this.#filter = filterOf(source)
    this.#marks = new PodMarks(node, (changed) => this.#run?.markPods(changed))
    this.#closers.push(around.follower.onChange(() => this.#learn()))
    if (isInterface(source))
      this.#closers.push(
        bus.respond(SUBJECTS.filterCheck(node), async (payload) => {
          const asked = decode(filterCheck, payload)
          if (asked === undefined) throw new Mistake('E_REQUEST', 'this is no question about a filter')
          const complaint = await complaintAbout({ ...source, filter: asked.filter })
          return encode({ complaint: complaint?.message ?? '' })
        }),
      )
  }

  /** From here on the capture is told what it has to know. */
  drive(run: Pick<Run, 'select' | 'markPods' | 'refilter'>): void {
    const { cluster, fleet } = this.#around
    this.#run = run
    this.#learn()
    this.#apply()
    this.#closers.push(
      cluster.onChanges((changes) => this.#marks.change(changes)),
      fleet.onChange(() => this.#share()),
    )
  }

  /** The capture goes on with this filter, and what was wrong with another one. */
  filtered(filter: string, complaint: string | undefined): void {
    this.#filter = filter
    if (complaint !== undefined) this.#refuse(complaint)
  }

  /** Which packets it sees, for other workers. */
  get captures(): NonNullable<NodeStatus['captures']> {
    const { source } = this.#options
    if (!isInterface(source)) return 'file'
    const sees = this.#run !== undefined && this.#filter === this.#wanted()
    return sees && source.interface === 'any' && filterOf(source) === '' ? 'node' : 'some'
  }

  /** Why what is captured is not what the rules say; "" when it is. */
  get warning(): string {
    if (this.#complaint !== '') return this.#complaint
    if (this.#targeting.takesAll) return ''
    if (!this.#hasCluster)
      return 'there is no cluster whose pods the rules could be about: everything is captured'
    return this.#marks.pods === 0 ? 'pods are not known yet: nothing is captured until they are' : ''
  }

  /** Whether the rules take a pod. */
  has(pod: ClusterObject): boolean {
    return this.#targeting.has(pod)
  }

  /** What `hub.targeted` answers here. */
  targeted(): { targets: Pod[]; excluded: Pod[] } {
    const pods = Object.groupBy(this.#around.cluster.objects('pod'), (pod) =>
      this.#targeting.has(pod) ? 'targets' : 'excluded',
    )
    return { targets: pods.targets ?? [], excluded: pods.excluded ?? [] }
  }

  close(): void {
    for (const close of this.#closers) close()
  }

  #learn(): void {
    const { follower, note } = this.#around
    if (follower.known === undefined) return
    const { rules, hasCluster } = follower.known.state
    try {
      this.#targeting = compileTargeting(rules)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      note('warning', 'the rules of targeting cannot be read here', { error: error.message })
      return
    }
    this.#rules = rules
    this.#hasCluster = hasCluster
    if (this.#run !== undefined) this.#apply()
  }

  #apply(): void {
    const { takesAll } = this.#targeting
    const onlyTargeted = !takesAll && this.#hasCluster
    this.#marks.target(onlyTargeted ? this.#targeting : undefined)
    this.#run?.select({ onlyTargeted, sampleRate: this.#rules.sampleRate })
    this.#share()
    this.#changing = this.#changing.then(() => this.#refilter())
    if (this.warning !== '') this.#around.note('warning', this.warning, { rules: this.#rules })
  }

  async #refilter(): Promise<void> {
    const { source } = this.#options
    const wanted = this.#wanted()
    if (!isInterface(source)) return
    if (wanted === this.#filter) {
      this.#complaint = ''
      return
    }
    const complaint = await complaintAbout({ ...source, filter: wanted }).catch((error: unknown) => error)
    if (complaint !== undefined) {
      this.#refuse(complaint instanceof Error ? complaint.message : String(complaint))
      return
    }
    this.#complaint = ''
    this.#run?.refilter(wanted)
  }

  #refuse(complaint: string): void {
    this.#complaint = `${complaint}; the capture goes on as it was`
    this.#around.note('warning', 'the capture filter is not used', { complaint })
  }

  #wanted(): string {
    return this.#rules.bpfOverride === '' ? filterOf(this.#options.source) : this.#rules.bpfOverride
  }

  /** Both that see a connection have to know that they do, and to see all of it. */
  #share(): void {
    const { node, onceInCluster } = this.#options
    const others = this.#around.fleet
      .workers()
      .filter((each) => each.captures === 'node' && each.node !== node)
      .map((each) => each.node)
    const shares = onceInCluster && this.#hasCluster && this.captures === 'node'
    this.#marks.share(new Set(shares ? others : []))
  }
}

function isInterface(source: CaptureOptions): source is Exclude<CaptureOptions, { readonly path: string }> {
  return isLive(source) && !('path' in source)
}

function filterOf(source: CaptureOptions): string {
  return 'path' in source ? '' : (source.filter ?? '')
}
