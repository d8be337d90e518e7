import { random } from './mutate.ts'

interface Sample {
  stream: string
  index: number
  id: string
  entryFile: string
  timestamp: number
  startTime: string
  elapsedTime: number
  readonly protocol: { readonly name: string }
  readonly src: { ip: string; port: string }
  readonly dst: { ip: string; name: string }
  readonly request: Part | null
  readonly response: Part | null
  readonly base: Record<string, unknown>
}
type Part = Record<string, unknown>

/**
 * As many entries as are wanted, a millisecond apart, each like one of these but for what differs in the traffic of many
 * programs: ends, times, paths, names, replies. The same for the same seed.
 */
export function* varied(
  samples: readonly string[],
  count: number,
  seed: number,
): Generator<{ readonly atMs: number; readonly json: string }> {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const parsed = samples.map((each) => JSON.parse(each) as Sample)
  const http = parsed.filter(({ protocol, response }) => protocol.name === 'http' && response !== null)
  for (let at = 0; at < count; at++) {
    // Four of ten are HTTP, as where people look.
    const entry = (at % 10 < 4 ? http : parsed)[below((at % 10 < 4 ? http : parsed).length)]
    if (entry === undefined) return
    const atMs = BEGINNING + at
    entry.stream = `${String(at >> 3).padStart(12, '0')}.pcap`
    entry.index = at & 7
    entry.id = `worker/${entry.stream}-${entry.index}`
    entry.entryFile = `${at >> 3}_pcap-${entry.index}_entry.json`
    entry.timestamp = atMs
    entry.startTime = new Date(atMs).toISOString().replace('Z', `${String(below(1e6)).padStart(6, '0')}Z`)
    entry.elapsedTime = Math.floor(next() ** 4 * 60_000_000)
    entry.src.ip = `10.0.${below(4)}.${below(60)}`
    entry.src.port = String(32_768 + below(28_000))
    entry.dst.ip = `10.1.0.${below(40)}`
    if (entry.dst.name !== '') entry.dst.name = `service-${below(40)}.test`
    if (entry.protocol.name === 'http') vary(entry, below)
    yield { atMs, json: JSON.stringify(entry) }
  }
}

function vary({ request, response, base }: Sample, below: (limit: number) => number): void {
  const path = `/api/v${below(4)}/orders/${below(5000)}`
  if (request !== null) Object.assign(request, { path, url: path, targetUri: path })
  base.summary = path
  if (response === null) return
  const status = below(1000) === 0 ? 500 : below(50) === 0 ? 404 : 200
  response.status = status
  base.status = status
  const text = `{"order":${below(1e9)},"items":[${`"item ${below(1e6)}",`.repeat(8 + below(50))}"end"]}`
  response.content = { size: text.length, mimeType: 'application/json', text, encoding: '', truncated: false }
}

const BEGINNING = Date.UTC(2026, 10, 26, 12)
