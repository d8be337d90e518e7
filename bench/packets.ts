/**
 * Packets through counting agents, as a multiple of the time of `tcpdump -r FILE -w /dev/null`: whole processes, wall
 * clock, median of three. `node bench/packets.ts FILE`. Bars: 1 agent at most 3x, 10 agents at most 8x.
 */
import { compare, measure, print, REMORA, ratio, withAgents } from './measure.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/packets.ts FILE')

const remora = (agents: number) => () =>
  withAgents('packets', agents, (folder) =>
    measure(process.execPath, [REMORA, 'run', folder, '--pcap', file]),
  )

const walls = await compare({
  'tcpdump -w /dev/null': () => measure('tcpdump', ['-r', file, '-w', '/dev/null']),
  'remora, 1 agent': remora(1),
  'remora, 10 agents': remora(10),
})
const base = walls['tcpdump -w /dev/null'] as number
print(Object.entries(walls).map(([name, ms]) => [name, `${(ms / 1000).toFixed(2)} s`, ratio(ms / base)]))
