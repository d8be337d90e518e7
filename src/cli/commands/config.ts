import { Command } from 'commander'
import { printConfig } from '../../config/index.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'

export function configCommand(): Command {
  const command = new Command('config')
    .description('Print the configuration in force, and where each value came from.')
    .option('--show-secrets', 'do not mask values that look like secrets')
    .action((flags: ConfigFlags & { showSecrets?: boolean }) => {
      process.stdout.write(printConfig(configOf(flags), { showSecrets: flags.showSecrets === true }))
    })
  return addConfigOptions(command)
}
