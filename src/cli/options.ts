import type { Command } from 'commander'
import { homeFolder } from '../agent/jail.ts'
import { type LoadedConfig, loadConfig } from '../config/index.ts'

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
    cwd: process.cwd(),
    home: homeFolder(),
    env: process.env,
    ...(flags.configPath === undefined ? {} : { configPath: flags.configPath }),
    set: flags.set ?? [],
    setString: flags.setString ?? [],
  })
}

export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
