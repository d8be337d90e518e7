import { type Command, Option } from 'commander'
import type { HubAddress } from '../client/connection.ts'
import type { HubClient } from '../client/hub-client.ts'
import type { Config, LoadedConfig } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ClusterFlags, ClusterHub } from './cluster/cluster-hub.ts'
import { addConfigOptions, type ConfigFlags, configOf } from './options.ts'

/** Options that say which hub; every command that talks to a running Remora has them. */
export interface HubFlags extends ConfigFlags, ClusterFlags {
  readonly hubUrl?: string
  readonly proxyHost?: string
  readonly proxyFrontPort?: string
  readonly token?: string
  /** Where nothing else says so, the hub is in a cluster: kubectl has started us. */
  readonly inCluster?: boolean
}

export function addHubOptions(command: Command): Command {
  const withHubs = addConfigOptions(
    command
      .option('--hub-url <url>', 'address of the hub (http://127.0.0.1:8899, or what tap.proxy says)')
      .option('--hub-ca <file>', 'authority of its certificate, a PEM file')
      .option('--proxy-host <host>', 'host of the hub, instead of tap.proxy.host')
      .option('--proxy-front-port <port>', 'port of the hub, instead of tap.proxy.front.port')
      .option('--token <token>', 'token for the hub; better in the environment, as REMORA_TOKEN'),
  )
  for (const option of clusterOptions())
    withHubs.addOption(option.conflicts(['hubUrl', 'proxyHost', 'proxyFrontPort']))
  return withHubs
}

/** Those that say which cluster, and where in it. */
export function clusterOptions(): readonly Option[] {
  return [
    new Option('--context <name>', 'find the hub in the cluster of this context of a kubeconfig'),
    new Option('--kubeconfig <file>', 'find it by this kubeconfig, instead of KUBECONFIG'),
    new Option('-s, --release-namespace <name>', 'find it in this namespace, instead of that of the context'),
    new Option('-n, --namespace <name>', 'the same, as kubectl has it').hideHelp(),
    new Option('--release <name>', 'name of its release; the only one by default'),
  ]
}

/** Does something with the hub that the options name, and leaves it. */
export async function withHub<T>(
  flags: HubFlags,
  use: (hub: HubClient, config: Config) => Promise<T>,
): Promise<T> {
  const loaded = configOf(flags)
  const cluster = isInCluster(flags) ? await clusterHub(flags, loaded) : undefined
  // It takes a while to load, and those that run agents here have no use for it.
  const { openHubClient } = await import('../client/open-hub-client.ts')
  try {
    const hub = openHubClient(cluster?.address ?? addressOf(flags, loaded.config))
    try {
      return await use(hub, loaded.config)
    } finally {
      await hub.close()
    }
  } catch (error) {
    throw cluster?.address.token === undefined ? withoutToken(error, cluster) : error
  } finally {
    await cluster?.close()
  }
}

function isInCluster({ hubUrl, proxyHost, proxyFrontPort, ...flags }: HubFlags): boolean {
  const { kubeconfig, context, releaseNamespace, namespace, release, inCluster } = flags
  if ([kubeconfig, context, releaseNamespace, namespace, release].some((each) => each !== undefined))
    return true
  return inCluster === true && [hubUrl, proxyHost, proxyFrontPort].every((each) => each === undefined)
}

async function clusterHub(flags: HubFlags, loaded: LoadedConfig): Promise<ClusterHub> {
  const { openClusterHub } = await import('./cluster/cluster-hub.ts')
  return openClusterHub(flags, loaded, tokenOf(flags))
}

function withoutToken(error: unknown, cluster: ClusterHub | undefined): unknown {
  if (cluster === undefined || !(error instanceof Mistake) || error.code !== 'E_UNAUTHENTICATED') return error
  return new Mistake(
    'E_UNAUTHENTICATED',
    `the hub wants a token, and none was found: ${cluster.tokenMissing}`,
    {
      hint: 'Name one of hub.tokens with --token or in REMORA_TOKEN.',
      cause: error,
    },
  )
}

function addressOf(flags: HubFlags, config: Config): HubAddress {
  return {
    url: flags.hubUrl ?? urlOf(flags, config),
    token: tokenOf(flags),
    ...(flags.hubCa === undefined ? {} : { tls: { ca: flags.hubCa } }),
  }
}

function tokenOf({ token = process.env.REMORA_TOKEN }: HubFlags): string | undefined {
  return token
}

/** Where the hub of this configuration is, as it is reached from its own machine. */
export function urlOf({ proxyHost, proxyFrontPort }: HubFlags, { tap, hub }: Config): string {
  const host = proxyHost ?? tap.proxy.host
  const scheme = hub.tls.cert === '' ? 'http' : 'https'
  // All addresses are none that one can connect to, where there is no IPv6.
  const name = host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${proxyFrontPort ?? tap.proxy.front.port}`
}
