/**
 * What a cluster costs the capture thread, as a share of what packets and entries cost without one: to look for copies of packets, to
 * tell which are read by the worker on another node, and to name the ends of entries. CPU time; medians of rounds in which every
 * contender has its turn.
 *
 *     node bench/cluster-path.ts CAPTURE [rounds]      (see captures.ts: http1, and packets)
 */
import { Identities } from '../src/cluster/identities.ts'
import { aNode, aPod, aSlice, change } from '../src/cluster/test-objects.ts'
import { dissectors, entryProtocols } from '../src/dissectors/index.ts'
import type { Exchange } from '../src/entry/entry.ts'
import { EntryTexts } from '../src/entry/text.ts'
import type { PacketBatch } from '../src/packet/batch.ts'
import { type Frame, recordFrames } from '../src/testing/recorded.ts'
import { Pipeline, type PipelineOptions } from '../src/worker/pipeline.ts'
import { POD_MARK, Selection } from '../src/worker/selection.ts'
import { median, print } from './measure.ts'

const [path, rounds = '9'] = process.argv.slice(2)
if (path === undefined) throw new Error('usage: node bench/cluster-path.ts CAPTURE [rounds]')
const [MOST_PACKETS, MOST_ENTRIES, PODS, IN_BATCH] = [200_000, 20_000, 10_000, 1000]
const frames = await recordFrames(path, MOST_PACKETS)
const once = batches(frames, 1)
const twice = batches(frames, 2)
const exchanges: Exchange[] = []
run(once, {}, (exchange) => exchanges.length < MOST_ENTRIES && exchanges.push(exchange))
const ends = [...new Set(exchanges.flatMap(({ stream }) => [stream.client.ip, stream.server.ip]))]

const packets = await compare({
  alone: () => run(once),
  'no rules and no pods': () => run(once, { selection: new Selection() }),
  [`${PODS} pods, half of them elsewhere`]: () => run(once, { selection: selectionOfPods() }),
  'looking for copies': () => run(once, { duplicatesMs: 200 }),
  'looking for copies, each packet seen on two interfaces': () => run(twice, { duplicatesMs: 200 }),
})
const origin = { worker: '', node: { ip: '', name: '' }, backend: 'af_packet', nameOf: () => undefined }
const identities = identitiesOfPods()
const write = (texts: EntryTexts) => {
  for (const exchange of exchanges) texts.of(exchange)
}
const entries = await compare({
  alone: () => write(new EntryTexts(entryProtocols, origin)),
  'in a cluster where nobody has these addresses': () =>
    write(
      new EntryTexts(entryProtocols, {
        ...origin,
        identityOf: (_, ...rest) => identities.find('198.18.0.1', ...rest),
      }),
    ),
  'with both ends named': () =>
    write(new EntryTexts(entryProtocols, { ...origin, identityOf: (...of) => identities.find(...of) })),
})

print([
  [`${frames.length} packets`, 'ns each', 'by alone'],
  ...rowsOf(packets, frames.length, 1e6),
  [`${exchanges.length} entries as text`, 'µs each', ''],
  ...rowsOf(entries, exchanges.length, 1000),
])

function run(
  all: readonly PacketBatch[],
  more: Partial<PipelineOptions> = {},
  item: (exchange: Exchange) => void = () => {},
): void {
  const sink = { bodies: false, packetsOnly: false, packet: () => {}, relayed: () => {}, item }
  const pipeline = new Pipeline(
    {
      ...{
        dissectors,
        ports: new Map(),
        reportEverySeconds: 60,
        chunks: false,
        payloads: { tcp: false, udp: false },
      },
      conversations: { tcpConn: false, udpConn: false, tcpFlow: false, udpFlow: false },
      ...{
        verifyChecksums: false,
        captureSelf: true,
        maxBody: 1 << 20,
        memory: 64 << 20,
        maxConnections: 200_000,
      },
      ...{ tcpIdleSeconds: 1200, udpIdleSeconds: 1200, replyTimeoutSeconds: 10 },
      ...{ names: { learn: () => {} }, spool: undefined, ...more },
    },
    sink,
  )
  for (const batch of all) pipeline.push(batch)
  pipeline.finish()
}

/** ms of CPU time. */
async function compare(contenders: Readonly<Record<string, () => void>>): Promise<Map<string, number>> {
  const samples = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]))
  for (let round = 0; round <= Number(rounds); round++)
    for (const [name, contend] of Object.entries(contenders)) {
      globalThis.gc?.()
      const begun = process.cpuUsage()
      contend()
      const { user, system } = process.cpuUsage(begun)
      // The first one warms up.
      if (round > 0) samples.get(name)?.push((user + system) / 1000)
      await new Promise(setImmediate)
    }
  return new Map([...samples].map(([name, each]) => [name, median(each)]))
}

function rowsOf(costs: ReadonlyMap<string, number>, count: number, unit: number): string[][] {
  const [alone = 1] = costs.values()
  return [...costs].map(([name, ms]) => [
    name,
    ((ms * unit) / count).toFixed(unit > 1000 ? 0 : 2),
    (ms / alone).toFixed(2),
  ])
}

/** Each frame `times` times, on an interface of its own each time. */
function batches(all: readonly Frame[], times: number): PacketBatch[] {
  const made: PacketBatch[] = []
  for (let first = 0; first < all.length; first += IN_BATCH) {
    const some = all.slice(first, first + IN_BATCH)
    const seen = some.flatMap((frame) => Array.from({ length: times }, (_, on) => ({ ...frame, on })))
    const offsets = new Uint32Array(seen.length)
    for (let at = 1; at < seen.length; at++)
      offsets[at] = (offsets[at - 1] as number) + (seen[at - 1]?.bytes.length as number)
    const [one] = some[0]?.interfaces ?? []
    if (one === undefined) throw new Error('a packet of no interface')
    made.push({
      ...{ bytes: Buffer.concat(seen.map(({ bytes }) => bytes)), count: seen.length, offsets },
      captured: Uint32Array.from(seen, ({ bytes }) => bytes.length),
      lengths: Uint32Array.from(seen, ({ length }) => length),
      seconds: Float64Array.from(seen, ({ seconds }) => seconds),
      nanos: Uint32Array.from(seen, ({ nanos }) => nanos),
      interfaceIds: Uint16Array.from(seen, ({ on }) => on),
      interfaces: Array.from({ length: times }, () => one),
    })
  }
  return made
}

function selectionOfPods(): Selection {
  const selection = new Selection()
  selection.mark(
    Array.from({ length: PODS }, (_, at) => [ipOf(at), at % 2 === 0 ? POD_MARK.here : POD_MARK.elsewhere]),
  )
  return selection
}

/** The ends of the entries are pods, with others around them; those that answer are behind a service. */
function identitiesOfPods(): Identities {
  const made = new Identities({ keepMs: 600_000, mostPast: 200_000 })
  const at = (exchanges[0]?.seconds ?? 0) * 1000
  const since = { startTime: new Date(at - 60_000).toISOString() }
  const pod = (name: string, ip: string) =>
    made.apply(change('pod', 'ADDED', at, aPod(name, ip, { status: since })))
  made.apply(change('node', 'ADDED', at, aNode('node-1', '192.0.2.1')))
  for (let other = 0; other < PODS; other++) pod(`other-${other}`, ipOf(other))
  for (const [each, ip] of ends.entries()) pod(`pod-${each}`, ip)
  const servers = new Map(exchanges.map(({ stream: { server } }) => [`${server.ip}:${server.port}`, server]))
  for (const [name, { ip, port }] of servers) {
    const slice = aSlice(`service-${name}`, Number(port), { [ip]: `pod-${ends.indexOf(ip)}` })
    made.apply(change('endpointSlice', 'ADDED', at, slice))
  }
  return made
}

function ipOf(at: number): string {
  return `172.20.${(at >> 8) & 255}.${at & 255}`
}
