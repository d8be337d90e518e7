import type { ClusterChange, ClusterObject, PodReason } from '../wire/cluster.ts'

/**
 * What a change of a pod means, read off its status before and after. One change may say several things; the first of
 * these wins: `oom`, `evicted`, `crash`, `restart`, `terminating`, `completed`, `started`, `scheduled`. What was true before
 * is no news, and so is all that is found when watching begins (`before` is undefined). A pod that took the name of another
 * one, which its uid tells, begins with nothing.
 *
 * Of objects that break the rules of the API nothing is believed, and nothing is thrown.
 *
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
 * https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
 */
export function podReason(
  type: ClusterChange['type'],
  before: ClusterObject | undefined,
  after: ClusterObject,
): PodReason | undefined {
  if (before === undefined) return undefined
  const was = readPod(isSamePod(before, after) ? before : undefined)
  const is = readPod(after)
  const containers = is.containers.map((each) => ({ ...each, was: was.containers.find(isAlso(each)) }))

  const died = containers.flatMap((each) => newDeath(each, each.was) ?? [])
  const oom = died.find(({ death }) => death.reason === 'OOMKilled')
  if (oom !== undefined) return { reason: 'oom', container: oom.container }
  if (is.isEvicted && !was.isEvicted) return whole('evicted')
  // Who was asked to stop may end as it likes: 143 is what most say to SIGTERM.
  const own = is.isTerminating || is.isEvicted ? [] : containers.filter((each) => isOnItsOwn(each, is))
  const crashed = own.find((each) => hasCrashed(each, each.was))
  if (crashed !== undefined) return { reason: 'crash', container: crashed.name }
  const restarted = own.find((each) => each.was !== undefined && each.restarts > each.was.restarts)
  if (restarted !== undefined) return { reason: 'restart', container: restarted.name }
  if (is.isTerminating && !was.isTerminating) return whole('terminating')
  if (type === 'DELETED') return undefined
  if (is.phase === 'Succeeded' && was.phase !== 'Succeeded') return whole('completed')
  const completed = own.find(
    (each) => each.kind === 'main' && newDeath(each, each.was)?.death.outcome === 'done',
  )
  if (completed !== undefined) return { reason: 'completed', container: completed.name }
  if (is.phase === 'Running' && (was.phase === 'Pending' || was.phase === '')) return whole('started')
  if (is.node !== '' && was.node === '') return whole('scheduled')
  return undefined
}

function whole(reason: PodReason['reason']): PodReason {
  return { reason, container: '' }
}

/** As much of a pod as reasons are made of. */
interface PodState {
  readonly phase: string
  readonly node: string
  readonly isTerminating: boolean
  readonly isEvicted: boolean
  readonly containers: readonly ContainerState[]
}

interface ContainerState {
  readonly kind: 'init' | 'main' | 'ephemeral'
  readonly name: string
  readonly restarts: number
  readonly isBackingOff: boolean
  readonly hasEnded: boolean
  /** Since when it runs; "" while it does not. */
  readonly runsSince: string
  /** The present one first. */
  readonly deaths: readonly Death[]
}

/** How a run of a container ended. */
interface Death {
  /** Tells one run from the next. */
  readonly run: string
  readonly reason: string
  /** `unknown`: nobody was there, as when its node went down; the exit code is one that the kubelet made up. */
  readonly outcome: 'done' | 'failed' | 'unknown'
}

/**
 * Nobody ends it but itself, as far as can be seen. Debuggers end with what their last command said, and sidecars, which are
 * init containers that go on, are ended when the others are done, whatever they say to that.
 *
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#jobs-with-sidecar-containers
 */
function isOnItsOwn({ kind }: ContainerState, { phase, containers }: PodState): boolean {
  if (kind !== 'init') return kind === 'main'
  const main = containers.filter((each) => each.kind === 'main')
  return phase !== 'Succeeded' && (main.length === 0 || main.some(({ hasEnded }) => !hasEnded))
}

function isAlso(one: ContainerState): (other: ContainerState) => boolean {
  return (other) => other.kind === one.kind && other.name === one.name
}

/**
 * A death that was not there before. The kubelet moves it from `state` to `lastState` when the container starts again,
 * and often nobody sees it in `state`.
 */
function newDeath(
  is: ContainerState,
  was: ContainerState | undefined,
): { readonly container: string; readonly death: Death } | undefined {
  // It has not died since, whatever was said or forgotten of runs before.
  if (is.runsSince !== '' && is.runsSince === was?.runsSince && is.restarts === was.restarts) return undefined
  const death = is.deaths.find(({ run }) => !was?.deaths.some((known) => known.run === run))
  return death && { container: is.name, death }
}

/** Containers that wait to be restarted have died before; of a death that was told before it is not told again. */
function hasCrashed(is: ContainerState, was: ContainerState | undefined): boolean {
  const death = newDeath(is, was)?.death
  if (death?.outcome === 'failed') return true
  if (!is.isBackingOff || was?.isBackingOff === true) return false
  return !is.deaths.some(({ outcome }) => outcome === 'failed')
}

function isSamePod(before: ClusterObject, after: ClusterObject): boolean {
  const [one, other] = [text(at(before, 'metadata', 'uid')), text(at(after, 'metadata', 'uid'))]
  if (one === other || one === '' || other === '') return true
  // A static pod runs on when its mirror is deleted, and is mirrored anew, with all that it had.
  const [file, sameFile] = [before, after].map((pod) => text(at(pod, 'metadata', 'annotations', STATIC_POD)))
  return file !== '' && file === sameFile
}

/** Hash of the file that a static pod comes from, which stands for its uid. */
const STATIC_POD = 'kubernetes.io/config.hash'

function readPod(pod: unknown): PodState {
  return {
    phase: text(at(pod, 'status', 'phase')),
    node: text(at(pod, 'spec', 'nodeName')),
    isTerminating:
      text(at(pod, 'metadata', 'deletionTimestamp')) !== '' ||
      // `activeDeadlineSeconds` are over: the kubelet ends it as if it were deleted.
      text(at(pod, 'status', 'reason')) === 'DeadlineExceeded',
    isEvicted: isEvicted(at(pod, 'status')),
    containers: [
      ...readContainers('init', at(pod, 'status', 'initContainerStatuses')),
      ...readContainers('main', at(pod, 'status', 'containerStatuses')),
      ...readContainers('ephemeral', at(pod, 'status', 'ephemeralContainerStatuses')),
    ],
  }
}

/** By the kubelet for lack of memory or disk, or for a more important pod; by the API, the scheduler or a taint. */
function isEvicted(status: unknown): boolean {
  if (text(at(status, 'phase')) === 'Failed' && EVICTED.has(text(at(status, 'reason')))) return true
  return list(at(status, 'conditions')).some(
    (condition) => at(condition, 'type') === 'DisruptionTarget' && at(condition, 'status') === 'True',
  )
}

/** The last one is what the kubelet says when its node is shut down. */
const EVICTED: ReadonlySet<string> = new Set(['Evicted', 'Preempting', 'Terminated'])
/** What containerd and the kubelet say of containers that they find gone, as after a node has started again. */
const UNKNOWN: ReadonlySet<string> = new Set(['Unknown', 'ContainerStatusUnknown'])

function readContainers(kind: ContainerState['kind'], statuses: unknown): ContainerState[] {
  const read = list(statuses).map((status) => ({
    kind,
    name: text(at(status, 'name')),
    restarts: count(at(status, 'restartCount')),
    isBackingOff: at(status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff',
    hasEnded: isObject(at(status, 'state', 'terminated')),
    runsSince: text(at(status, 'state', 'running', 'startedAt')),
    deaths: [at(status, 'state', 'terminated'), at(status, 'lastState', 'terminated')].flatMap(readDeath),
  }))
  // The API has each name once.
  return [...new Map(read.map((each) => [each.name, each])).values()]
}

function readDeath(terminated: unknown): Death[] {
  if (!isObject(terminated)) return []
  const [code, signal] = [count(at(terminated, 'exitCode')), count(at(terminated, 'signal'))]
  const reason = text(at(terminated, 'reason'))
  const [id, finished] = [text(at(terminated, 'containerID')), text(at(terminated, 'finishedAt'))]
  // The id alone would do, but that a container runtime may have forgotten it.
  const run = id !== '' ? id : finished !== '' ? finished : `${code} ${signal} ${reason}`
  const outcome = UNKNOWN.has(reason) ? 'unknown' : code !== 0 || signal !== 0 ? 'failed' : 'done'
  return [{ run, reason, outcome }]
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const name of path) here = isObject(here) && Object.hasOwn(here, name) ? here[name] : undefined
  return here
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
