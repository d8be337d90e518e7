/**
 * HTTP/2 through counting agents, as a multiple of tshark's speed on the same capture: whole processes, wall clock,
 * median of three. `node bench/http2.ts FILE [PORT]`. Bar: 1 agent 5x. The capture is of `bench/record.ts http2`, which says the PORT
 * of the server, for tshark, which has to be told.
 */
import { compare, measure, print, REMORA, ratio, withAgents } from './measure.ts'

const [file, port = '80'] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/http2.ts FILE [PORT]')

const tshark = () =>
  measure('tshark', [
    ...['-r', file, '-o', 'tcp.reassemble_out_of_order:TRUE', '-T', 'fields'],
    ...['-d', `tcp.port==${port},http2`, '-Y', 'http2.headers'],
    ...['-e', 'http2.headers.method', '-e', 'http2.headers.path', '-e', 'http2.headers.status'],
  ])
const remora = (name: string, agents: number) => () =>
  withAgents(name, agents, (folder) => measure(process.execPath, [REMORA, 'run', folder, '--pcap', file]))

const walls = await compare({
  'tshark -T fields': tshark,
  'remora, 1 agent': remora('count', 1),
  'remora, 1 agent without the hook': remora('idle', 1),
})
const base = walls['tshark -T fields'] as number
print(Object.entries(walls).map(([name, ms]) => [name, `${(ms / 1000).toFixed(2)} s`, ratio(base / ms)]))
