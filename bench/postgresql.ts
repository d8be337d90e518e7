/**
 * PostgreSQL through counting agents, as a multiple of tshark's speed on the same capture: whole processes, wall clock,
 * median of three. `node bench/postgresql.ts FILE [PORT]`. Bar: 1 agent 5x. The capture is of `bench/record.ts postgresql`, which says
 * the PORT of the server, for tshark, which has to be told.
 */
import { compare, measure, print, REMORA, ratio, withAgents } from './measure.ts'

const [file, port = '5432'] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/postgresql.ts FILE [PORT]')

const tshark = () =>
  measure('tshark', [
    ...['-r', file, '-o', 'tcp.reassemble_out_of_order:TRUE', '-T', 'fields'],
    ...[
      '-d',
      `tcp.port==${port},pgsql`,
      '-e',
      'pgsql.type',
      '-e',
      'pgsql.query',
      '-e',
      'pgsql.code',
      '-Y',
      'pgsql',
    ],
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
