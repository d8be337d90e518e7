import { styleText } from 'node:util'
import { Command } from 'commander'
import { type LoadedConfig, loadConfig, unreadSettings } from '../../config/index.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type Finding, notPossible, ok, warning } from '../doctor/finding.ts'
import { linkFindings } from '../doctor/links.ts'
import { machineFindings } from '../doctor/machine.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { table } from '../table.ts'

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Say what works here and what does not, why, and how to mend it.')
    .option('--json', 'print the findings as JSON')
    .action(async (flags: ConfigFlags & { readonly json?: boolean }) => {
      const findings = await examine(flags)
      if (flags.json === true) console.log(JSON.stringify(findings, null, 2))
      else console.log(table(findings.map(row)))
      if (findings.some(({ state, isNeeded }) => state === 'not possible' && isNeeded === true))
        process.exitCode = 2
    })
  return addConfigOptions(command)
}

async function examine(flags: ConfigFlags): Promise<Finding[]> {
  const { loaded, finding } = configuration(flags)
  const [machine, links] = await Promise.all([
    machineFindings(loaded, process.cwd()),
    linkFindings(loaded, process.env),
  ])
  return [finding, ...machine, ...traffic(loaded), ...links]
}

/** What is read of what is captured. */
function traffic({ config }: LoadedConfig): Finding[] {
  const { enabledDissectors } = config.tap
  const all = new Set(knownProtocols.map(({ name }) => name))
  const off = [...all].filter((name) => !enabledDissectors.includes(READ_AS[name] ?? name))
  const rest = off.length === 0 ? '' : `; not ${off.join(', ')}: see tap.enabledDissectors`
  return [
    ok('protocols', `${enabledDissectors.join(', ')}${rest}`),
    ok('tls', 'handshakes are read; what they encrypt is not, since nobody here has the keys'),
  ]
}

/** With a configuration that cannot be used, the rest is looked at as if there were none. */
function configuration(flags: ConfigFlags): { loaded: LoadedConfig; finding: Finding } {
  try {
    const loaded = configOf(flags)
    const from = [...new Set([...loaded.origins.values()].map(sourceOf))]
    const why =
      from.length === 0 ? 'nothing is set' : `${loaded.origins.size} settings from ${from.join(', ')}`
    const unread = unreadSettings(loaded)
    if (unread.length === 0) return { loaded, finding: ok('configuration', why) }
    const which = `${why}; nothing reads ${unread.join(', ')} yet`
    return { loaded, finding: warning('configuration', which, 'do without for now') }
  } catch (error) {
    if (!(error instanceof Mistake) || error.code === 'E_USAGE') throw error
    const loaded = loadConfig({ cwd: '/dev/null', home: undefined, env: {} })
    return { loaded, finding: notPossible('configuration', error.message, error.hint ?? '', true) }
  }
}

/** `remora.yaml:3:5` is from remora.yaml. */
function sourceOf(origin: string): string {
  return origin.replace(/:\d+:\d+$/, '').replace(/^environment .*/, 'the environment')
}

function row({ what, state, why, hint = '' }: Finding): string[] {
  return [what, styleText(COLOURS[state], state), [why, ...hint.split('\n').filter(Boolean)].join('; ')]
}

const COLOURS = { ok: 'green', warning: 'yellow', 'not possible': 'red' } as const

/** Protocols that are looked for with another one. */
const READ_AS: Readonly<Record<string, string>> = { http2: 'http', tls: 'tlsx', dtls: 'tlsx' }
