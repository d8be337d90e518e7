import type { Command } from 'commander'
import type { HubClient } from '../client/hub-client.ts'
import type { Config } from '../config/index.ts'
import { addConfigOptions, type ConfigFlags, configOf } from './options.ts'

/** Options that say which hub; every command that talks to a running Remora has them. */
export interface HubFlags extends ConfigFlags {
  readonly hubUrl?: string
  readonly hubCa?: string
  readonly proxyHost?: string
  readonly proxyFrontPort?: string
  readonly token?: string
}

export function addHubOptions(command: Command): Command {
  return addConfigOptions(
    command
      .option('--hub-url <url>', 'address of the hub (http://127.0.0.1:8899, or what tap.proxy says)')
      .option('--hub-ca <file>', 'authority of its certificate, a PEM file')
      .option('--proxy-host <host>', 'host of the hub, instead of tap.proxy.host')
      .option('--proxy-front-port <port>', 'port of the hub, instead of tap.proxy.front.port')
      .option('--token <token>', 'token for the hub; better in the environment, as REMORA_TOKEN'),
  )
}

/** Does something with the hub that the options name, and leaves it. */
export async function withHub<T>(
  flags: HubFlags,
  use: (hub: HubClient, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = configOf(flags)
  // It takes a while to load, and those that run agents here have no use for it.
  const { openHubClient } = await import('../client/open-hub-client.ts')
  const hub = openHubClient({
    url: flags.hubUrl ?? addressOf(flags, config),
    token: flags.token ?? process.env.REMORA_TOKEN,
    ...(flags.hubCa === undefined ? {} : { tls: { ca: flags.hubCa } }),
  })
  try {
    return await use(hub, config)
  } finally {
    await hub.close()
  }
}

function addressOf({ proxyHost, proxyFrontPort }: HubFlags, { tap, hub }: Config): string {
  const host = proxyHost ?? tap.proxy.host
  const scheme = hub.tls.cert === '' ? 'http' : 'https'
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${proxyFrontPort ?? tap.proxy.front.port}`
}
