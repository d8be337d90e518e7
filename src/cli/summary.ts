import { styleText } from 'node:util'
import type { Effects } from '../agent/broker.ts'
import type { AgentResult } from '../agent/group.ts'
import type { MadeCounters } from '../agent/host/protocol.ts'
import type { Fate } from '../agent/ledger.ts'
import { both } from '../agent/made.ts'
import type { PipelineCounters } from '../worker/pipeline.ts'
import type { RunResult } from '../worker/run.ts'
import { bytes, count, duration, table } from './table.ts'

/** What a run did, for people: packets, entries, agents, and where everything went. */
export function summaryText(result: RunResult, effects: Effects, sandbox: string): string {
  const { counters } = result.capture
  const discrepancies = [...result.discrepancies, ...effectDiscrepancies(effects)]
  const parts = [
    heading('Capture', result.description),
    table([
      [
        'packets',
        count(counters.packets),
        `${bytes(counters.bytes)} on the wire, ${bytes(counters.capturedBytes)} captured`,
      ],
      ['time', ...timeText(counters)],
      ['connections', count(total(counters.connections)), kinds(counters.connections)],
      ['entries', ...entriesText(counters, result.made)],
    ]),
    heading('Agents', `sandbox: ${sandbox}; ${duration(result.wallMs)} in all`),
    result.agents.length === 0 ? '  none' : table(agentRows(result.agents)),
    heading('Ledger', discrepancies.length === 0 ? 'everything adds up' : 'DOES NOT ADD UP'),
    table([...ledgerRows(result), ...effectRows(effects)]),
  ]
  const problems = [...result.capture.problems, ...discrepancies]
  if (problems.length > 0) parts.push(heading('Note'), problems.map((each) => `  ${each}`).join('\n'))
  return `${parts.join('\n')}\n`
}

/** Without packets there is no time. */
function timeText({ firstMs, lastMs }: PipelineCounters): string[] {
  if (firstMs === null || lastMs === null) return ['-']
  return [duration(lastMs - firstMs), `${time(firstMs)} to ${time(lastMs)}`]
}

function entriesText(
  { entries: ours, ownPackets, ownRequests, unreadBytes }: PipelineCounters,
  made: MadeCounters,
): string[] {
  const entries = both(ours, made.entries)
  const sum = total(entries)
  if (sum === 0 && unreadBytes > 0) return ['-', 'not read: agents ask for packets only']
  const own = [
    ...(ownRequests > 0 ? [`${count(ownRequests)} requests`] : []),
    ...(ownPackets > 0 ? [`${count(ownPackets)} packets`] : []),
  ].join(' and ')
  return [
    count(sum),
    [kinds(entries), own === '' ? '' : `${own} of our own left out`].filter((each) => each !== '').join('; '),
  ]
}

function agentRows(agents: readonly AgentResult[]): (string | number)[][] {
  const header = ['', 'agent', 'calls', 'errors', 'jobs', 'time', 'state'].map((text) =>
    styleText('dim', text),
  )
  const rows = agents.map(({ agent, component, account, loadError, declined }) => [
    component === 'hub' ? `hub-${agent.index}` : String(agent.index),
    shortened(agent.title),
    count(account.calls),
    count(account.errors),
    count(account.jobRuns),
    duration(account.micros / 1000),
    loadError !== undefined
      ? styleText('red', 'not loaded')
      : account.stopped !== ''
        ? styleText('red', `stopped: ${account.stopped}`)
        : declined === undefined
          ? 'ok'
          : NOT_ON_HUB,
  ])
  return [header, ...rows]
}

/** An agent that does not want to run there. */
const NOT_ON_HUB = 'not running on hub'

/** Titles may be whole sentences; the row is to fit on a terminal. */
function shortened(title: string): string {
  return title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 1)}…` : title
}

const LONGEST_TITLE = 36

function ledgerRows({ capture, agents, made }: RunResult): string[][] {
  const { counters, losses, dropped, spool } = capture
  const { decode, reassembly, dissection } = counters
  const lost = Object.entries(losses).filter(([, number]) => (number ?? 0) > 0)
  const streamBytes =
    reassembly.deliveredBytes +
    reassembly.retransmittedBytes +
    reassembly.outOfWindowBytes +
    reassembly.afterEndBytes +
    reassembly.chunkBytes +
    reassembly.fragmentBytes +
    reassembly.otherProtocolBytes +
    counters.unreadBytes
  const rows = [
    [
      'packets',
      `${count(counters.packets)} = ${count(decode.decoded)} decoded${reasons('ignored', decode.ignored)}${reasons('malformed', decode.malformed)}`,
    ],
    [
      'stream bytes',
      `${count(streamBytes)} = ${count(dissection.dissected)} dissected${reasons('skipped', {
        ...dissection.skipped,
        retransmitted: reassembly.retransmittedBytes,
        'out of window': reassembly.outOfWindowBytes,
        'after the end': reassembly.afterEndBytes,
        'chunk headers': reassembly.chunkBytes,
        'incomplete fragments': reassembly.fragmentBytes,
        'other protocols': reassembly.otherProtocolBytes,
        'not asked for': counters.unreadBytes,
      })}`,
    ],
    [
      'not captured',
      lost.length === 0 && reassembly.lostBytes === 0
        ? 'nothing that we know of'
        : lostText(lost, reassembly),
    ],
  ]
  if (counters.relayedBytes > 0) rows.push(['read by agents', relayedText(counters.relayedBytes, made)])
  if (spool !== undefined)
    rows.push([
      'for agents',
      `${count(spool.received)} packets = ${count(spool.kept)} kept${reasons('gone', { evicted: spool.evicted, failed: spool.failed })}`,
    ])
  if (dropped.items + dropped.packets > 0)
    rows.push(['dropped at the end', `${count(dropped.items)} entries, ${count(dropped.packets)} packets`])
  for (const { agent, component, account } of agents) {
    for (const [what, fate] of [
      ['entries', account.items],
      ['packets', account.packets],
      ['pods', account.pods],
    ] as const)
      if (fate.received > 0)
        rows.push([`${component === 'hub' ? 'hub-' : ''}${agent.index} ${what}`, fateText(fate)])
  }
  return rows
}

/** Calls of helpers by agent, and what waits in the outbox or was there. */
function effectRows({ calls, queues }: Effects): string[][] {
  const called = calls.map(({ title, helper, calls: sum, ok, queued, ...rest }) => [
    helper,
    `${count(sum)} calls = ${count(ok)} done${reasons('not', { failed: rest.failed, refused: rest.refused })}${part(queued, 'queued')}${part(rest.rehearsed, 'rehearsed')}, by "${shortened(title)}"`,
  ])
  const queued = queues.map(({ title, helper, queued: sum, delivered, dead, dropped, waiting, refused }) => [
    `${helper} queue`,
    `${count(sum)} queued = ${count(delivered)} delivered${part(dead, 'dead')}${part(dropped, 'dropped')}${part(waiting, 'waiting')}${refused === 0 ? '' : `; ${count(refused)} not taken`}, of "${shortened(title)}"`,
  ])
  return [...called, ...queued]
}

function part(sum: number, what: string): string {
  return sum === 0 ? '' : ` + ${count(sum)} ${what}`
}

function effectDiscrepancies({ calls, queues }: Effects): string[] {
  const sums = [
    ...calls.map(({ title, helper, calls: sum, ok, failed, refused, queued, rehearsed }) => ({
      what: `${helper} of "${title}": ${sum} calls`,
      missing: sum - ok - failed - refused - queued - rehearsed,
    })),
    ...queues.map(({ title, helper, queued: sum, delivered, dead, dropped, waiting }) => ({
      what: `${helper} of "${title}": ${sum} queued`,
      missing: sum - delivered - dead - dropped - waiting,
    })),
  ]
  return sums.flatMap(({ what, missing }) =>
    missing === 0 ? [] : [`${what}, ${missing} of which nobody knows what became of them`],
  )
}

/** What did not get there was dropped on the way, or was with a sandbox that died. */
function relayedText(bytes: number, { dissected, skipped }: MadeCounters): string {
  const lost = bytes - dissected - total(skipped)
  return `${count(bytes)} bytes = ${count(dissected)} dissected${reasons('skipped', skipped)}${reasons('lost', { 'on the way': lost })}`
}

function fateText({ received, delivered, filtered, sampled, dropped }: Fate): string {
  const rest = [
    ...(filtered > 0 ? [`${count(filtered)} filtered`] : []),
    ...(sampled > 0 ? [`${count(sampled)} sampled`] : []),
  ].map((each) => ` + ${each}`)
  return `${count(received)} received = ${count(delivered)} delivered${rest.join('')}${reasons('dropped', dropped)}`
}

function lostText(
  lost: [string, number | undefined][],
  { lostBytes, holes }: { lostBytes: number; holes: number },
): string {
  const packets = lost.map(([who, number]) => `${count(number ?? 0)} packets dropped by the ${who}`)
  const streams = lostBytes > 0 ? [`${bytes(lostBytes)} missing from streams in ${count(holes)} holes`] : []
  return [...packets, ...streams].join(', ')
}

/** ` + 12 ignored (9 arp, 3 lldp)`, or nothing. */
function reasons(what: string, numbers: Readonly<Record<string, number>>): string {
  const some = Object.entries(numbers).filter(([, number]) => number > 0)
  if (some.length === 0) return ''
  const sum = some.reduce((all, [, number]) => all + number, 0)
  return ` + ${count(sum)} ${what} (${some.map(([reason, number]) => `${count(number)} ${reason}`).join(', ')})`
}

function kinds(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .filter(([, number]) => number > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([name, number]) => `${count(number)} ${name}`)
    .join(', ')
}

function total(numbers: Readonly<Record<string, number>>): number {
  return Object.values(numbers).reduce((sum, number) => sum + number, 0)
}

function heading(title: string, note = ''): string {
  return `\n${styleText('bold', title)}${note === '' ? '' : `  ${styleText('dim', note)}`}`
}

function time(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}

/** The same for programs: one JSON object. */
export function summaryJson(result: RunResult, effects: Effects, sandbox: string): object {
  const { counters, losses, skipped, problems, spool } = result.capture
  return {
    type: 'summary',
    source: result.description,
    live: result.live,
    sandbox,
    wallMs: Math.round(result.wallMs),
    packets: counters.packets,
    bytes: counters.bytes,
    capturedBytes: counters.capturedBytes,
    firstTimeMs: counters.firstMs,
    lastTimeMs: counters.lastMs,
    connections: counters.connections,
    entries: both(counters.entries, result.made.entries),
    ownPackets: counters.ownPackets,
    ownRequests: counters.ownRequests,
    agents: result.agents.map(({ agent, component, account, loadError, declined }) => ({
      index: agent.index,
      title: agent.title,
      file: agent.path,
      component,
      state:
        loadError !== undefined
          ? 'not loaded'
          : declined !== undefined
            ? NOT_ON_HUB
            : account.stopped === ''
              ? 'ok'
              : 'stopped',
      reason: loadError ?? declined ?? account.stopped,
      calls: account.calls,
      errors: account.errors,
      jobRuns: account.jobRuns,
      jobErrors: account.jobErrors,
      timeMs: account.micros / 1000,
      waitMs: account.waitMicros / 1000,
    })),
    ledger: {
      packets: {
        received: counters.packets,
        decoded: counters.decode.decoded,
        ignored: counters.decode.ignored,
        malformed: counters.decode.malformed,
        ignoredBytes: counters.ignoredBytes,
      },
      streamBytes: {
        delivered: counters.reassembly.deliveredBytes,
        dissected: counters.dissection.dissected,
        skipped: counters.dissection.skipped,
        notDelivered: {
          retransmitted: counters.reassembly.retransmittedBytes,
          outOfWindow: counters.reassembly.outOfWindowBytes,
          afterEnd: counters.reassembly.afterEndBytes,
          chunkHeaders: counters.reassembly.chunkBytes,
          incompleteFragments: counters.reassembly.fragmentBytes,
          otherProtocol: counters.reassembly.otherProtocolBytes,
          notAskedFor: counters.unreadBytes,
        },
        notCaptured: counters.reassembly.lostBytes,
      },
      invalid: counters.dissection.invalid,
      relayed: {
        bytes: counters.relayedBytes,
        dissected: result.made.dissected,
        skipped: result.made.skipped,
        invalid: result.made.invalid,
      },
      capture: { losses, skipped },
      keptForAgents: spool ?? null,
      agents: result.agents.map(({ agent, component, account }) => ({
        index: agent.index,
        component,
        items: account.items,
        packets: account.packets,
        pods: account.pods,
      })),
      effects,
      discrepancies: [...result.discrepancies, ...effectDiscrepancies(effects)],
    },
    restarts: result.restarts,
    problems,
  }
}
