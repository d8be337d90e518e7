/**
 * `npm start`: the sample's traffic through the example agents, with the dashboard; which is built, where that is due, while
 * everything else starts. Arguments are those of `remora tap`.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { buildDashboard } from './build-dashboard.ts'
import { ROOT } from './imports.ts'

const SAMPLE = [
  'examples',
  '--pcap',
  'samples/sample.pcap',
  '--replay',
  '--config-path',
  'samples/start.yaml',
]

const tap = spawn(
  process.execPath,
  [join(ROOT, 'bin/remora.cjs'), 'tap', ...SAMPLE, '--open', ...process.argv.slice(2)],
  { cwd: ROOT, stdio: 'inherit' },
)
// A terminal sends Ctrl-C to both, and what has to be ended in good order ends first.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => tap.kill('SIGTERM'))
tap.on('exit', (code) => process.exit(process.exitCode ?? code ?? 1))
try {
  await buildDashboard({ onlyIfStale: true })
} catch (error) {
  console.error('remora: the dashboard cannot be built; `npm run build` tries it alone:', error)
  process.exitCode = 1
  tap.kill('SIGTERM')
}
