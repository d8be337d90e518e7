import type { Bus } from '../../bus/bus.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { ClusterEnds } from '../../policy/ends.ts'
import type { Flow, FlowEnd, SeenFlow } from '../../policy/flow.ts'
import { SeenEntries } from '../../policy/seen.ts'
import { inPortions } from '../../waiting/in-portions.ts'
import { decode, encode } from '../../wire/codec.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import { type PolicyErrand, type SeenFlows, seenFlows } from '../../wire/policies.ts'
import { SUBJECTS } from '../../wire/subjects.ts'
import type { EntriesPage } from '../../wire/views.ts'

export interface HistoryOptions {
  readonly bus: Pick<Bus, 'request'>
  readonly workers: () => readonly string[]
  readonly entries: (query: EntriesQuery, signal: AbortSignal) => Promise<EntriesPage>
  /** Who has which address in the cluster. */
  readonly ends: ClusterEnds
}

/** What was seen of a time. */
export interface Seen<Each> {
  readonly all: readonly Each[]
  /** ms since the epoch */
  readonly from: number
  readonly isComplete: boolean
  readonly notes: readonly string[]
}

export interface SeenRequest extends SeenFlow {
  /** Identity of the entry. */
  readonly id: string
  readonly isReport: boolean
}

/** What workers remember of connections and requests. */
export class History {
  readonly #options: HistoryOptions

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** Connections of all workers, the same ones summed. */
  async flows(sinceMs: number): Promise<Seen<SeenFlow>> {
    const nodes = this.#options.workers()
    const parts = await Promise.all(nodes.map((node) => this.#flowsOf(node, sinceMs)))
    const answered = parts.flatMap((part) => part ?? [])
    const silent = nodes.filter((_, at) => parts[at] === undefined)
    const isCut = answered.some(({ isCut: cut }) => cut)
    return {
      all: await summed(answered.flatMap(({ flows }) => flows)),
      from: answered.length === 0 ? Date.now() : Math.max(sinceMs, ...answered.map(({ from }) => from)),
      isComplete:
        nodes.length > 0 && silent.length === 0 && !isCut && answered.every(({ isComplete }) => isComplete),
      notes: [
        ...(nodes.length === 0 ? ['no worker is there that could have seen anything'] : []),
        ...silent.map((node) => `no answer from ${node}`),
        ...(isCut ? [`more than ${MOST_FLOWS} different connections: the rest is left out`] : []),
      ],
    }
  }

  /** Requests that are still kept, newest first. */
  async requests(filter: string, sinceMs: number, signal: AbortSignal): Promise<Seen<SeenRequest>> {
    const texts: string[] = []
    const missing = new Set<string>()
    let cursor: string | undefined
    do {
      const query = { filter, limit: PAGE, from: sinceMs, ...(cursor === undefined ? {} : { cursor }) }
      const page = await this.#options.entries(query, signal)
      texts.push(...page.entries)
      for (const node of page.missing) missing.add(node)
      cursor = page.cursor ?? undefined
    } while (cursor !== undefined && texts.length < MOST_ENTRIES)
    const seen = new SeenEntries()
    // Who has opened a connection shows in its first entry.
    const all = texts.reverse().flatMap((text) => this.#request(seen, text))
    const isCut = cursor !== undefined
    return {
      all: all.reverse(),
      from: all.at(-1)?.firstAt ?? Date.now(),
      isComplete: false,
      notes: [
        ...[...missing].map((node) => `no answer from ${node}`),
        ...(isCut ? [`only the newest ${texts.length} entries were looked at`] : []),
      ],
    }
  }

  #request(seen: SeenEntries, text: string): SeenRequest[] {
    const entry = seen.read(parsed(text))
    if (entry === undefined) return []
    const { id, at, from, to, protocol, isReport } = entry
    const { ends } = this.#options
    const target =
      to.pod === undefined
        ? ends.target(to.address, to.port, protocol)
        : { end: ends.end(to.address, to.pod), port: to.port }
    const flow = { from: ends.end(from.address, from.pod), to: target.end, protocol, port: target.port }
    return [{ ...flow, id, isReport, count: isReport ? 0 : 1, firstAt: at, lastAt: at }]
  }

  /** Undefined when it does not answer. */
  async #flowsOf(node: string, sinceMs: number) {
    const flows: SeenFlow[] = []
    let [from, isComplete] = [sinceMs, true]
    for (let after: string | null = ''; after !== null; ) {
      const part: SeenFlows | undefined = await this.#part(node, { ask: 'flows', sinceMs, after })
      if (part === undefined) return undefined
      flows.push(...unpacked(part))
      ;[from, isComplete] = [part.from, part.complete]
      after = part.next
      if (flows.length >= MOST_FLOWS && after !== null) return { flows, from, isComplete, isCut: true }
    }
    return { flows, from, isComplete, isCut: false }
  }

  async #part(node: string, errand: PolicyErrand): Promise<SeenFlows | undefined> {
    try {
      const subject = SUBJECTS.policyErrands(node)
      return decode(
        seenFlows,
        await this.#options.bus.request(subject, encode(errand), { timeoutMs: ANSWER_MS }),
      )
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      return undefined
    }
  }
}

function unpacked({ ends, flows }: SeenFlows): SeenFlow[] {
  return flows.flatMap(([source, target, protocol, port, count, firstAt, lastAt]) => {
    const [from, to] = [ends[source], ends[target]]
    return from === undefined || to === undefined
      ? []
      : [{ from, to, protocol, port, count, firstAt, lastAt }]
  })
}

/** The same connections, seen by several, are seen by the one that has seen most of them. */
export async function summed(flows: readonly SeenFlow[]): Promise<SeenFlow[]> {
  const byKey = new Map<string, SeenFlow>()
  for await (const portion of inPortions(flows)) for (const flow of portion) addFlow(byKey, flow)
  return [...byKey.values()]
}

function addFlow(byKey: Map<string, SeenFlow>, flow: SeenFlow): void {
  const key = flowKey(flow)
  const known = byKey.get(key)
  if (known === undefined) byKey.set(key, flow)
  else
    byKey.set(key, {
      ...known,
      count: Math.max(known.count, flow.count),
      firstAt: Math.min(known.firstAt, flow.firstAt),
      lastAt: Math.max(known.lastAt, flow.lastAt),
    })
}

/** The same for the same two, with the labels that they had, at the same port. */
export function flowKey({ from, to, protocol, port }: Flow): string {
  return JSON.stringify([nameOf(from), nameOf(to), protocol, port])
}

function nameOf({ address, pod, host }: FlowEnd) {
  if (pod === undefined) return [address, host]
  return [address, pod.namespace, pod.name, Object.entries(pod.labels).toSorted(byName)]
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const PAGE = 1000
const MOST_ENTRIES = 50_000
const MOST_FLOWS = 200_000
const ANSWER_MS = 10_000
