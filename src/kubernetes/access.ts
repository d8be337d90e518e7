import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'

/** Where the API of a cluster is, and who asks. */
export interface KubernetesAccess {
  /** `https://10.96.0.1:443` */
  readonly url: string
  /** Namespace that we are in ourselves. */
  readonly namespace: string
  /** Asked for often, since tokens are replaced while we run, and once the last one was refused; undefined: none is sent. */
  token(isRefused?: boolean): Promise<string | undefined>
  /** Authority of its certificate, PEM; undefined: those that the system knows. */
  readonly ca: string | undefined
  /** What else TLS takes; absent as in every pod. */
  readonly tls?: ClientTls
  /** With each request, such as `Impersonate-User`. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface ClientTls {
  /** Our own certificate with its key, PEM. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Name in the certificate of the server, where that is not the one in the address. */
  readonly servername?: string | undefined
  /** False: whoever answers is believed. */
  readonly rejectUnauthorized?: boolean
}

/** As `tls.connect` takes it. */
export function tlsOptions({ ca, tls = {} }: KubernetesAccess) {
  const { cert, key, servername, rejectUnauthorized } = tls
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  }
}

/** Access as every pod has it. Rejects with `E_KUBERNETES` where we are in none. */
export async function accessInCluster(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder = SERVICE_ACCOUNT,
): Promise<KubernetesAccess> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment
  if (host === '') throw notInCluster('KUBERNETES_SERVICE_HOST is not set')
  const namespace = (await readMounted(folder, 'namespace')).trim()
  const ca = await readMounted(folder, 'ca.crt')
  return {
    url: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace,
    ca,
    token: async () => (await readMounted(folder, 'token')).trim(),
  }
}

async function readMounted(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (error) {
    throw notInCluster((error as Error).message)
  }
}

function notInCluster(why: string): Mistake {
  return new Mistake('E_KUBERNETES', `no access to a Kubernetes cluster: ${why}`, {
    hint: 'Run in a pod with a service account whose token is mounted, or keep agents elsewhere (hub.store).',
  })
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
