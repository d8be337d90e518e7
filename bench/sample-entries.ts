import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { REMORA } from './measure.ts'

/** JSON of the entries that come with Remora as a capture. */
export function sampleEntries(): string[] {
  const agent = fileURLToPath(new URL('../examples/http-errors.js', import.meta.url))
  const sample = fileURLToPath(new URL('../samples/sample.pcap', import.meta.url))
  const options = { maxBuffer: 64 << 20, stdio: ['ignore' as const, 'pipe' as const, 'ignore' as const] }
  const output = execFileSync(
    process.execPath,
    [REMORA, 'run', agent, '--pcap', sample, '--entries'],
    options,
  )
  return output
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('{'))
}
