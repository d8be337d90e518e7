import { z } from 'zod'
import type { StreamOptions } from '../../src/bus/bus.ts'
import { openNatsBus } from '../../src/bus/nats.ts'
import { consoleLines } from '../../src/hub/console.ts'
import { STREAM_OPTIONS } from '../../src/node/streams.ts'
import { hubAction } from '../../src/wire/actions.ts'
import { decode } from '../../src/wire/codec.ts'
import type { ConsoleLine } from '../../src/wire/console.ts'

/** What agents have printed, as it lies in the stream: with what is there twice. */
export async function printed(url: string): Promise<ConsoleLine[]> {
  const payloads = await payloadsOf(url, STREAM_OPTIONS.console)
  return payloads.flatMap((payload) => decode(consoleLines, payload) ?? [])
}

/** What lies in the stream of actions, as agents have noted it, with who has sent it in front. */
export async function stored(url: string): Promise<Set<string>> {
  const payloads = await payloadsOf(url, STREAM_OPTIONS.actions)
  const actions = payloads.map((payload) =>
    numbered.safeParse(JSON.parse(decode(hubAction, payload)?.object ?? '{}')),
  )
  return new Set(actions.map(({ data }) => `${data?.from} ${data?.kind} ${data?.n}`))
}

const numbered = z.object({ from: z.string(), kind: z.string(), n: z.number() })

async function payloadsOf(url: string, options: StreamOptions): Promise<Uint8Array[]> {
  const none = { user: '', password: '', token: '', creds: '', tls: { ca: '', cert: '', key: '' } }
  const bus = await openNatsBus({ settings: { ...none, url, prefix: 'remora', replicas: 1 } })
  try {
    const stream = await bus.stream(options)
    const payloads: Uint8Array[] = []
    const { signal } = new AbortController()
    for await (const { payload } of stream.read({ sinceMs: 0, follow: false, signal })) payloads.push(payload)
    return payloads
  } finally {
    await bus.close()
  }
}

/** What became of the actions of one node. */
export interface ActionBooks {
  readonly accepted: number
  readonly arrived: number
  /** Accepted, and never arrived. */
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Arrived without a note that they were accepted: the program died between the two. */
  readonly unnoted: number
  readonly isInOrder: boolean
}

export function actionsOf(node: string, sent: readonly string[], lines: readonly ConsoleLine[]): ActionBooks {
  const start = `got ${node} `
  const arrived = lines
    .filter(({ text }) => text.startsWith(start))
    .map(({ text }) => text.slice(start.length))
  const [accepted, there] = [new Set(sent), new Set(arrived)]
  const doubled = arrived.filter((each, at) => arrived.indexOf(each) !== at)
  const noted = arrived.filter((each) => accepted.has(each))
  return {
    accepted: sent.length,
    arrived: there.size,
    lost: sent.filter((each) => !there.has(each)),
    doubled,
    unnoted: [...there].filter((each) => !accepted.has(each)).length,
    isInOrder: noted.length === sent.length && noted.every((each, at) => each === sent[at]),
  }
}

export interface JobBooks {
  readonly runs: number
  readonly doubled: readonly number[]
  /** Due times between the first and the last that nobody ran. */
  readonly skipped: readonly number[]
}

/** Of the job that runs each second: due times are in the ids of what it has printed. */
export function runsOf(lines: readonly ConsoleLine[]): JobBooks {
  const dues = lines.flatMap(({ id }) => {
    const due = /^job\/[^/]+\/tick\/(\d+)\/0$/.exec(id)?.[1]
    return due === undefined ? [] : [Number(due)]
  })
  const there = new Set(dues)
  const [first = 0, last = 0] = [Math.min(...dues), Math.max(...dues)]
  const skipped: number[] = []
  for (let due = first; due <= last; due += 1000) if (!there.has(due)) skipped.push(due)
  return { runs: there.size, doubled: dues.filter((due, at) => dues.indexOf(due) !== at), skipped }
}

/** The longest time in which nothing arrived at the hub, ms. */
export function longestSilence(lines: readonly ConsoleLine[]): number {
  const times = lines.filter(({ text }) => text.startsWith('got ')).map(({ at }) => at)
  return times.reduce((most, at, index) => Math.max(most, at - (times[index - 1] ?? at)), 0)
}
