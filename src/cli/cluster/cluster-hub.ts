import { z } from 'zod'
import { type HubAddress, readAuthority } from '../../client/connection.ts'
import type { LoadedConfig } from '../../config/index.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { accessByKubeconfig } from '../../kubernetes/kubeconfig.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { HubForward } from './hub-forward.ts'

/** What the command line says of the cluster in which the hub is. */
export interface ClusterFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly releaseNamespace?: string
  /** As kubectl calls it. */
  readonly namespace?: string
  readonly release?: string
  /** Authority of its certificate, a PEM file. */
  readonly hubCa?: string
}

export interface ClusterHub {
  readonly address: HubAddress
  /** Why there is no token, when there is none. */
  readonly tokenMissing: string
  close(): Promise<void>
}

/** The hub of a release in a cluster, through a port of this machine. Rejects with what a person has to mend. */
export async function openClusterHub(
  flags: ClusterFlags,
  { config, origins }: LoadedConfig,
  token: string | undefined,
): Promise<ClusterHub> {
  const { kubernetes, tap } = config
  const context = flags.context ?? (kubernetes.context || undefined)
  const access = await accessByKubeconfig({
    file: flags.kubeconfig ?? (kubernetes.kubeconfig || undefined),
    context,
  })
  const client = new KubernetesClient(access)
  const ofConfig = (key: string, value: string) => (origins.has(key) ? value : undefined)
  const namespace =
    flags.releaseNamespace ??
    flags.namespace ??
    ofConfig('tap.release.namespace', tap.release.namespace) ??
    access.namespace
  const release = flags.release ?? ofConfig('tap.release.name', tap.release.name)
  try {
    const ca = flags.hubCa === undefined ? undefined : readAuthority(flags.hubCa)
    const forward = await HubForward.open(access, client, { namespace, release, ca })
    const where = `release ${forward.release} in namespace ${namespace}`
    const found =
      token === undefined ? await tokenOf(client, namespace, forward.tokenSecret) : { token, missing: '' }
    return {
      address: {
        url: forward.url,
        token: found.token,
        via: {
          name: context === undefined ? where : `${where} (context ${context})`,
          trouble: () => forward.trouble,
        },
      },
      tokenMissing: found.missing,
      close: async () => {
        await forward.close()
        await client.close()
      },
    }
  } catch (error) {
    await client.close()
    throw error
  }
}

/** Out of a secret, for those who may read it. */
async function tokenOf(
  client: KubernetesClient,
  namespace: string,
  name: string,
): Promise<{ readonly token: string | undefined; readonly missing: string }> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`
  try {
    const { data } = await client.get(path)
    const text = z.looseObject({ [TOKEN_KEY]: z.base64().optional() }).safeParse(data).data?.[TOKEN_KEY]
    const token = Buffer.from(text ?? '', 'base64')
      .toString()
      .trim()
    if (token !== '') return { token, missing: '' }
    return { token: undefined, missing: `secret ${namespace}/${name} has no ${TOKEN_KEY}` }
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return { token: undefined, missing: error.message }
  }
}

const TOKEN_KEY = 'HUB_TOKEN'
