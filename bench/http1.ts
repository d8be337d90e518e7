/**
 * HTTP/1 through counting agents, as a multiple of tshark's speed on the same capture: whole processes, wall clock,
 * median of three. `node bench/http1.ts FILE` (see captures.ts). Bars: 1 agent 20x, 10 agents 12x, 50 agents 4x; with all
 * dissectors no more than 5 % slower than with http alone, which takes a median of twenty-one.
 */
import { compare, measure, print, REMORA, ratio, withAgents } from './measure.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/http1.ts FILE')

const tshark = () =>
  measure('tshark', [
    ...['-r', file, '-o', 'tcp.reassemble_out_of_order:TRUE', '-T', 'fields'],
    ...['-e', 'http.request.method', '-e', 'http.request.uri', '-e', 'http.response.code', '-Y', 'http'],
  ])
const remora =
  (name: string, agents: number, ...more: readonly string[]) =>
  () =>
    withAgents(name, agents, (folder) =>
      measure(process.execPath, [REMORA, 'run', folder, '--pcap', file, ...more]),
    )

const walls = await compare({
  'tshark -T fields': tshark,
  'remora, 1 agent': remora('count', 1),
  'remora, 10 agents': remora('count', 10),
  'remora, 50 agents': remora('count', 50),
  'remora, 1 agent without the hook': remora('idle', 1),
  'remora, 50 agents without the hook': remora('idle', 50),
})
const base = walls['tshark -T fields'] as number
print(Object.entries(walls).map(([name, ms]) => [name, `${(ms / 1000).toFixed(2)} s`, ratio(base / ms)]))

// A few percent are less than what three rounds differ by.
const { all, only } = await compare(
  { all: remora('count', 1), only: remora('count', 1, '--set', 'tap.enabledDissectors={http}') },
  21,
)
print([['all dissectors, by http alone', `${(((all as number) / (only as number) - 1) * 100).toFixed(1)} %`]])
