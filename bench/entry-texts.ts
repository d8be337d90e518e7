/**
 * What writing an entry as JSON costs the capture thread of a worker that keeps entries: microseconds of CPU an entry until its
 * bytes are in a buffer, for the exchanges at the beginning of each capture.
 *
 *     node bench/entry-texts.ts CAPTURE…
 */
import { basename } from 'node:path'
import { dissectors, entryProtocols } from '../src/dissectors/index.ts'
import { EntryTexts } from '../src/entry/text.ts'
import { recordFrames, replayFrames } from '../src/testing/recorded.ts'
import { print } from './measure.ts'

const MOST_PACKETS = 40_000
const ENOUGH_MS = 1000
const buffer = Buffer.alloc(4 << 20)
const texts = new EntryTexts(entryProtocols, {
  worker: '10.0.0.1:48999',
  node: { ip: '10.0.0.1', name: 'node-1' },
  backend: 'af_packet',
  nameOf: () => undefined,
})

const rows = [['capture', 'entries', 'bytes each', 'µs each', 'MB/s']]
for (const path of process.argv.slice(2)) {
  const { exchanges } = replayFrames(await recordFrames(path, MOST_PACKETS), dissectors)
  let [count, bytes] = [0, 0]
  for (const exchange of exchanges) bytes += texts.of(exchange).length
  const each = bytes / exchanges.length
  const begun = process.cpuUsage()
  const micros = () => {
    const { user, system } = process.cpuUsage(begun)
    return user + system
  }
  for (; micros() < ENOUGH_MS * 1000; count += exchanges.length)
    for (const exchange of exchanges) buffer.write(texts.of(exchange))
  const took = micros() / count
  const cells = [exchanges.length, each.toFixed(0), took.toFixed(2), (each / took).toFixed(0)]
  rows.push([basename(path), ...cells.map(String)])
}
print(rows)
