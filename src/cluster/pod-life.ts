import { LATENCY_MS } from './address-table.ts'
import type { ClockLead } from './node-clocks.ts'
import type { ContainerStatus, Pod } from './objects.ts'

/** From when to when a pod can have sent anything, as far as its object tells; ms since the epoch. */
export interface PodLife {
  /** Not before: when the kubelet took it on. */
  readonly begin: number
  /** By then one of its containers ran; Infinity when that is not told. */
  readonly running: number
  /** When it was over; undefined while it is not. */
  readonly end: Time | undefined
  /** It is over, or about to be: its address may soon be another's. */
  readonly isEnding: boolean
}

/** Kubernetes cuts times off to whole seconds: what is told as one may be anywhere in it. */
interface Time {
  readonly low: number
  readonly high: number
}

/**
 * What a pod tells of its life; `at`: when it was told, `lead`: how far the clock of its node is ahead. A container that ends is started again, in the same pod with the same
 * address, unless the pod is over or was asked to go.
 *
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
 */
export function podLife({ metadata, status }: Pod, at: number, { low, high }: ClockLead = RIGHT): PodLife {
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed'
  const isEnding = isOver || metadata.deletionTimestamp !== undefined
  const started = status.containerStatuses.flatMap(startOf)
  const begun = timeOf(status.startTime)
  const ended = lastEnd(status)
  const end = ended === undefined ? seenAt(at) : { low: ended.low - high, high: ended.high - low }
  return {
    begin: begun === undefined ? (timeOf(metadata.creationTimestamp)?.low ?? at) : begun.low - high,
    running: Math.min(Infinity, ...started.map((time) => time.high - low)),
    end: isEnding && (isOver || ended !== undefined) ? end : undefined,
    isEnding,
  }
}

/** When the last of them ended; undefined while one goes on, or when that is not told. */
function lastEnd({ containerStatuses, initContainerStatuses }: Pod['status']): Time | undefined {
  // Sidecars are init containers that go on.
  const going = initContainerStatuses.filter(({ state }) => state.terminated === undefined && state.running)
  const ends = [...containerStatuses, ...going].map(({ state }) => timeOf(state.terminated?.finishedAt))
  const told = ends.flatMap((end) => end ?? [])
  if (told.length === 0 || told.length < ends.length) return undefined
  return told.reduce((last, time) => (time.low > last.low ? time : last))
}

/** The first start that is still told of. */
function startOf({ state, lastState }: ContainerStatus): Time[] {
  const { running, terminated } = state
  const time = timeOf(lastState.terminated?.startedAt ?? terminated?.startedAt ?? running?.startedAt)
  return time === undefined ? [] : [time]
}

function seenAt(at: number): Time {
  return { low: at - LATENCY_MS, high: at }
}

/** When something was, as Kubernetes tells it; undefined for what is no time. */
export function timeOf(text: string | undefined): Time | undefined {
  const low = text === undefined ? Number.NaN : Date.parse(text)
  if (text === undefined || Number.isNaN(low)) return undefined
  return { low, high: text.includes('.') ? low : low + 999 }
}

const RIGHT: ClockLead = { low: 0, high: 0 }
