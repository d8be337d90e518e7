import type { NodeView } from '../../src/wire/views.ts'
import type { Delivery } from '../lib/delivery.ts'
import { formatNumber } from '../lib/format.ts'
import { lossesOf } from '../lib/losses.ts'
import type { NodeHistory } from '../lib/node-history.ts'

/** What part of the traffic the page shows, in a word and in sentences. */
export interface ShownPart {
  readonly state: 'all' | 'some' | 'none'
  readonly word: string
  readonly sentences: readonly string[]
}

/** Of the last minute. Undefined until the hub has said which nodes there are. */
export function shownPart(
  nodes: readonly NodeView[] | undefined,
  history: NodeHistory,
  delivery: Delivery,
  nowMs: number,
): ShownPart | undefined {
  if (nodes === undefined) return undefined
  const workers = nodes.filter(({ component }) => component === 'worker')
  if (workers.length === 0)
    return {
      state: 'none',
      word: 'No traffic: nothing captures',
      sentences: ['No worker is there. Start one with remora worker, or remora tap for all in one.'],
    }
  const problems = [
    ...captureProblems(nodes, history),
    ...deliveryProblem(delivery, nowMs),
    ...silentProblem(workers),
  ]
  const [first] = problems
  if (first === undefined)
    return {
      state: 'all',
      word: 'All traffic shown',
      sentences: ['In the last minute nothing was lost on the way from the capture to this page.'],
    }
  return { state: 'some', word: first.word, sentences: problems.map(({ sentence }) => sentence) }
}

interface Problem {
  readonly word: string
  readonly sentence: string
}

function captureProblems(nodes: readonly NodeView[], history: NodeHistory): Problem[] {
  const recent = lossesOf(nodes, history).filter(({ kind, lastMinute }) => kind === 'lost' && lastMinute > 0)
  return recent
    .filter(({ counter }) => !ON_THE_WAY_TO_CLIENTS.has(counter))
    .map(({ counter, what, why, node, lastMinute }) => {
      const count = formatNumber(lastMinute)
      const thing = `${count} ${what.charAt(0).toLowerCase()}${what.slice(1)}`
      const isCapture = counter.startsWith('dropped.capture.')
      return {
        word: isCapture ? `Capture lost ${count} packets` : `Lost ${thing}`,
        sentence: `${node} lost ${thing} in the last minute. ${why}`,
      }
    })
}

function deliveryProblem(delivery: Delivery, nowMs: number): Problem[] {
  const { shown, dropped } = delivery.lastMinute(nowMs)
  if (dropped === 0) return []
  const share = Math.min(99, Math.floor((100 * shown) / (shown + dropped)))
  return [
    {
      word: `Shows ${share} %`,
      sentence: `${100 - share} % of the entries of the last minute (${formatNumber(dropped)}) were not sent to this browser, which did not take them fast enough. They are kept: search for them, or narrow the filter.`,
    },
  ]
}

function silentProblem(workers: readonly NodeView[]): Problem[] {
  return workers
    .filter(({ silentMs }) => silentMs >= SILENT_MS)
    .map(({ node }) => ({
      word: `${node} is silent`,
      sentence: `Nothing was heard of ${node} for some seconds: what it captures is not shown.`,
    }))
}

/** Told by the stream of this page, as far as it is about this page. */
const ON_THE_WAY_TO_CLIENTS: ReadonlySet<string> = new Set([
  'dropped.live.too-many',
  'dropped.api.slow-client',
  'dropped.live.too-many-queries',
])
const SILENT_MS = 3000
