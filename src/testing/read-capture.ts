import { openCapture } from '../capture/index.ts'
import { dissectors } from '../dissectors/index.ts'
import { Entry, type EntryOrigin, type Exchange } from '../entry/entry.ts'
import type { PacketBatch } from '../packet/batch.ts'
import { Pipeline, type PipelineCounters, type PipelineOptions } from '../worker/pipeline.ts'

export interface ReadCapture {
  readonly exchanges: readonly Exchange[]
  readonly entries: readonly Entry[]
  readonly counters: PipelineCounters
}

/** Runs a whole capture through the real pipeline, and gives back what came out of it. */
export function readCapture(
  path: string,
  changes: Partial<PipelineOptions> = {},
  losing: number | ((packet: number) => boolean) = 0,
): Promise<ReadCapture> {
  return readBatches(openCapture({ path }).packets(new AbortController().signal), changes, losing)
}

/** The same with packets from anywhere. Every `losing`th is lost on the way, or those of which it says so, counted from 0. */
export async function readBatches(
  batches: AsyncIterable<PacketBatch>,
  changes: Partial<PipelineOptions> = {},
  losing: number | ((packet: number) => boolean) = 0,
): Promise<ReadCapture> {
  const exchanges: Exchange[] = []
  const pipeline = new Pipeline(
    { ...OPTIONS, ...changes },
    {
      bodies: true,
      packetsOnly: false,
      packet: () => {},
      item: (exchange) => {
        exchanges.push(exchange)
      },
      relayed: () => {},
    },
  )
  const isLost = typeof losing === 'function' ? losing : losesEvery(losing)
  let packets = 0
  for await (const batch of batches) {
    for (let at = 0; at < batch.count; at++) if (isLost(packets++)) batch.captured[at] = 0
    pipeline.push(batch)
  }
  pipeline.finish()
  return {
    exchanges,
    entries: exchanges.map((exchange) => new Entry(exchange, ORIGIN)),
    counters: pipeline.counters(),
  }
}

function losesEvery(nth: number): (packet: number) => boolean {
  return nth === 0 ? () => false : (packet) => packet % nth === nth - 1
}

const OPTIONS: PipelineOptions = {
  dissectors,
  conversations: { tcpConn: false, udpConn: false, tcpFlow: false, udpFlow: false },
  reportEverySeconds: 60,
  chunks: false,
  payloads: { tcp: false, udp: false },
  ports: new Map([
    [6379, 'redis'],
    [80, 'http'],
    [53, 'dns'],
  ]),
  verifyChecksums: false,
  captureSelf: false,
  maxBody: 1 << 20,
  memory: 64 << 20,
  maxConnections: 100_000,
  tcpIdleSeconds: 1200,
  udpIdleSeconds: 1200,
  replyTimeoutSeconds: 10,
  names: { learn: () => {} },
  spool: undefined,
}

const ORIGIN: EntryOrigin = {
  worker: '127.0.0.1:48999',
  node: { ip: '127.0.0.1', name: 'test' },
  backend: 'pcap',
  nameOf: () => undefined,
}
