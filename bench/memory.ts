/**
 * Peak memory of all processes together (sum of resident sizes), on a capture and on one five times as long.
 * `node bench/memory.ts FILE LONGER_FILE`. Bar: 400 MiB, and no more for the longer one.
 */
import { measure, print, REMORA, withAgents } from './measure.ts'

const files = process.argv.slice(2)
if (files.length === 0) throw new Error('usage: node bench/memory.ts FILE [LONGER_FILE]')

for (const file of files) {
  const { peakMb, wallMs } = await withAgents('count', 1, (folder) =>
    measure(process.execPath, [REMORA, 'run', folder, '--pcap', file], true),
  )
  print([[file, `${Math.round(peakMb)} MiB`, `${(wallMs / 1000).toFixed(2)} s`]])
}
