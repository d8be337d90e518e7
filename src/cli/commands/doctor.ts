import { styleText } from 'node:util'
import { Command } from 'commander'
import { type LoadedConfig, loadConfig } from '../../config/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type Finding, notPossible, ok } from '../doctor/finding.ts'
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
  return [finding, ...machine, ...links]
}

/** With a configuration that cannot be used, the rest is looked at as if there were none. */
function configuration(flags: ConfigFlags): { loaded: LoadedConfig; finding: Finding } {
  try {
    const loaded = configOf(flags)
    const from = [...new Set([...loaded.origins.values()].map(sourceOf))]
    const why =
      from.length === 0 ? 'nothing is set' : `${loaded.origins.size} settings from ${from.join(', ')}`
    return { loaded, finding: ok('configuration', why) }
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
