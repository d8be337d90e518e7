import type { Command } from 'commander'
import { homeFolder } from '../agent/jail.ts'
import { type LoadedConfig, loadConfig } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'

/** Options that say where settings come from; every command has them. */
export interface ConfigFlags {
  readonly configPath?: string
  readonly set?: string[]
  readonly setString?: string[]
}

export function addConfigOptions(command: Command): Command {
  return command
    .option('--config-path <file>', 'read this file instead of ./remora.yaml and ~/.remora/config.yaml')
    .option(
      '--set <key=value>',
      'set a value, such as scripting.env.TOKEN=x or scripting.egress.allow[0]=HOST',
      collect,
    )
    .option('--set-string <key=value>', 'the same, always as text', collect)
}

export function configOf(flags: ConfigFlags): LoadedConfig {
  return loadConfig({
    cwd: workingFolder(),
    home: homeFolder(),
    env: process.env,
    ...(flags.configPath === undefined ? {} : { configPath: flags.configPath }),
    set: flags.set ?? [],
    setString: flags.setString ?? [],
  })
}

function workingFolder(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new Mistake('E_USAGE', 'the folder that you are in has been removed', {
      hint: 'go to one that is there: cd',
      cause,
    })
  }
}

export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
