import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import type { Cluster, Context, KubeConfig, User } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import { accessInCluster, type KubernetesAccess } from './access.ts'

export interface KubeconfigChoice {
  /** Undefined: the files of KUBECONFIG, or else `~/.kube/config`. */
  readonly file?: string | undefined
  /** Undefined: the current one. */
  readonly context?: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * Access as kubectl has it: by kubeconfig files (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/),
 * of which the first one counts where several say something under one name; with tokens, certificates, and programs that
 * give either. Without any file it is that of the pod that we are in. Rejects with a Mistake that says what is missing.
 */
export async function accessByKubeconfig(choice: KubeconfigChoice = {}): Promise<KubernetesAccess> {
  const { environment = process.env } = choice
  const files = filesOf(choice, environment)
  // It takes most of a second to load, and only people at their own machines need it.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = () =>
    merged(
      files.flatMap((file) => {
        const loaded = new KubeConfig()
        return readInto(loaded, file, choice.file !== undefined) ? [loaded] : []
      }),
      new KubeConfig(),
    )
  const config = load()
  if (config === undefined) {
    if (choice.context === undefined && environment.KUBERNETES_SERVICE_HOST)
      return accessInCluster(environment)
    throw new Mistake('E_KUBERNETES', `there is no kubeconfig: looked for ${files.join(', ')}`, {
      hint: 'Name the file with --kubeconfig or in KUBECONFIG, as for kubectl.',
    })
  }
  return accessOf(config, choice.context, files, load)
}

async function accessOf(
  config: KubeConfig,
  wanted: string | undefined,
  files: readonly string[],
  load: () => KubeConfig | undefined,
): Promise<KubernetesAccess> {
  const where = files.join(', ')
  const name = wanted ?? config.getCurrentContext()
  const names = config.getContexts().map((each) => each.name)
  const context = config.getContextObject(name)
  if (context === null || name === undefined) {
    const what = name ? `no context ${JSON.stringify(name)}` : 'no current context'
    throw new Mistake('E_USAGE', `there is ${what} in ${where}`, {
      hint:
        names.length === 0 ? 'It has none at all.' : `contexts: ${names.join(', ')}; --context names one.`,
    })
  }
  choose(config, name)
  const cluster = config.getCurrentCluster()
  if (cluster === null)
    throw new Mistake('E_KUBERNETES', `context ${name} names cluster ${context.cluster}: ${where} has none`)
  if (URL.parse(cluster.server) === null)
    throw new Mistake('E_KUBERNETES', `cluster ${cluster.name} has no address: ${cluster.server}`)
  if (cluster.proxyUrl)
    throw new Mistake(
      'E_KUBERNETES',
      `cluster ${cluster.name} is behind ${cluster.proxyUrl}: Remora uses no proxy`,
      {
        hint: 'kubectl port-forward service/remora-hub 8899, and leave out --context.',
      },
    )
  let latest = config
  const options = await credentials(config, name)
  const { Authorization: _, ...headers } = textHeaders(options.headers)
  return {
    url: cluster.server.replace(/\/+$/, ''),
    namespace: context.namespace ?? 'default',
    ca: authorityOf(cluster),
    tls: {
      cert: textOf(options.cert),
      key: textOf(options.key),
      servername: cluster.tlsServerName,
      ...(cluster.skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
    },
    headers,
    token: async (isRefused) => {
      // Somebody may have logged in anew, and a plugin that named no end of its token has to be asked again.
      if (isRefused === true) latest = choose(load() ?? latest, name)
      const file: unknown = latest.getCurrentUser()?.authProvider?.config?.tokenFile
      if (typeof file === 'string') return readToken(file)
      const { Authorization: value = '' } = textHeaders((await credentials(latest, name)).headers)
      return /^Bearer (.+)$/.exec(value)?.[1]
    },
  }
}

/** Its plugin is told what it may ask for: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
function choose(config: KubeConfig, context: string): KubeConfig {
  config.setCurrentContext(context)
  const [user, cluster] = [config.getCurrentUser(), config.getCurrentCluster()]
  const exec = execShape.safeParse(user?.exec).data
  if (user === null || cluster === null || exec === undefined) return config
  const about = exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}
  const { apiVersion } = exec
  const info = { kind: 'ExecCredential', apiVersion, spec: { interactive: false, ...about } }
  const env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }]
  Object.assign(user, { exec: { ...exec, env } })
  return config
}

function clusterInfo(cluster: Cluster): object {
  const ca = authorityOf(cluster)
  return {
    server: cluster.server,
    ...(cluster.tlsServerName ? { 'tls-server-name': cluster.tlsServerName } : {}),
    ...(cluster.skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...('config' in cluster ? { config: cluster.config } : {}),
  }
}

interface Credentials {
  readonly headers?: unknown
  readonly cert?: unknown
  readonly key?: unknown
}

/** Asked for anew each time: programs that give tokens are run again when theirs have expired. */
async function credentials(config: KubeConfig, context: string): Promise<Credentials> {
  const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {}
  const done = new AbortController()
  try {
    await Promise.race([config.applyToHTTPSOptions(options), tooLate(done.signal)])
    return options
  } catch (cause) {
    const { command } = config.getCurrentUser()?.exec ?? {}
    const by = command === undefined ? '' : ` (by ${command})`
    const why = cause instanceof Error ? cause.message.trim() : String(cause)
    throw new Mistake('E_KUBERNETES', `context ${context} gives no credentials${by}: ${why}`, {
      hint: `Does kubectl --context ${context} get pods work?`,
      cause,
    })
  } finally {
    done.abort()
  }
}

/** A program that gives credentials may wait for somebody to type something. */
async function tooLate(signal: AbortSignal): Promise<never> {
  await pause(LONGEST_MS, signal)
  throw new Error(`nothing for ${LONGEST_MS / 1000} seconds`)
}

const LONGEST_MS = 60_000

function authorityOf({ name, caFile, caData }: Cluster): string | undefined {
  if (caData) return Buffer.from(caData, 'base64').toString()
  if (!caFile) return undefined
  try {
    return readFileSync(caFile, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Mistake('E_KUBERNETES', `the authority of cluster ${name} cannot be read: ${why}`, { cause })
  }
}

function textHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {}
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : undefined
}

function filesOf({ file }: KubeconfigChoice, { KUBECONFIG = '', HOME }: NodeJS.ProcessEnv): string[] {
  if (file !== undefined) return [file]
  const named = KUBECONFIG.split(delimiter).filter((each) => each !== '')
  return named.length > 0 ? named : [join(HOME ?? homedir(), '.kube', 'config')]
}

/** False where there is none, or an empty one. */
function readInto(config: KubeConfig, file: string, isNamed: boolean): boolean {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.trim() === '') return false
    config.loadFromFile(file)
    for (const user of config.users) completeUser(user, text, dirname(file))
    for (const cluster of config.clusters) completeCluster(cluster, text)
    return true
  } catch (cause) {
    if (cause instanceof Mistake) throw cause
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (isMissing && !isNamed) return false
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Mistake('E_KUBERNETES', `the kubeconfig ${file} cannot be read: ${why.split('\n')[0]}`, {
      hint: 'kubectl config view shows whether it is one.',
      cause,
    })
  }
}

/** Read anew each time: who mounts one replaces it. */
function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new Mistake('E_KUBERNETES', `the file of the token cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** What the library does not read: what is said of a cluster for exec plugins alone. */
function completeCluster(cluster: Cluster, kubeconfig: string): void {
  const given = clusterShapes.parse(parse(kubeconfig)).clusters.find(({ name }) => name === cluster.name)
  const config = given?.cluster?.extensions?.find(({ name }) => name === FOR_PLUGINS)?.extension
  if (config !== undefined) Object.assign(cluster, { config })
}

const FOR_PLUGINS = 'client.authentication.k8s.io/exec'

/** What the library does not read, or not as kubectl does: files of tokens, and where exec plugins are. */
function completeUser(user: User, kubeconfig: string, folder: string): void {
  const given = userShapes.parse(parse(kubeconfig)).users.find(({ name }) => name === user.name)?.user
  if (given?.username != null)
    throw new Mistake(
      'E_KUBERNETES',
      `user ${user.name} has a password, which no API server takes since Kubernetes 1.19`,
    )
  const beside = (file: string) => (isAbsolute(file) ? file : join(folder, file))
  if (given?.tokenFile)
    Object.assign(user, {
      authProvider: { name: 'tokenFile', config: { tokenFile: beside(given.tokenFile) } },
    })
  if (given?.exec == null) return
  const { command } = given.exec
  // As a shell does: with a slash it is a file, else it is looked for.
  const path = /[\\/]/.test(command) ? beside(command) : command
  Object.assign(user, { exec: { ...user.exec, command: path } })
}

const execShape = z.looseObject({
  apiVersion: z.string().nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  provideClusterInfo: z.boolean().nullish(),
})

const clusterShapes = z.object({
  clusters: z
    .array(
      z.object({
        name: z.string(),
        cluster: z
          .object({
            extensions: z.array(z.object({ name: z.string(), extension: z.unknown() })).nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
})

/** As far as the library does not read them. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
const userShapes = z.object({
  users: z
    .array(
      z.object({
        name: z.string(),
        user: z
          .object({
            username: z.string().nullish(),
            tokenFile: z.string().nullish(),
            exec: z.object({ command: z.string() }).nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
})

/** Undefined when there are none. What the first one says under a name counts. */
function merged(configs: readonly KubeConfig[], into: KubeConfig): KubeConfig | undefined {
  if (configs.length === 0) return undefined
  into.loadFromOptions({
    clusters: firstOfEach<Cluster>(configs.map((each) => each.getClusters())).map(withoutTls),
    users: firstOfEach<User>(configs.map((each) => each.getUsers())),
    contexts: firstOfEach<Context>(configs.map((each) => each.getContexts())),
    currentContext: configs.map((each) => each.getCurrentContext()).find((name) => name) ?? '',
  })
  return into
}

/** As of `kubectl proxy`: the library takes an address without TLS only from those who say that they know. */
function withoutTls(cluster: Cluster): Cluster {
  return cluster.server?.startsWith('http://') ? { ...cluster, skipTLSVerify: true } : cluster
}

function firstOfEach<T extends { readonly name: string }>(lists: readonly (readonly T[])[]): T[] {
  const byName = new Map<string, T>()
  for (const each of lists.flat()) if (!byName.has(each.name)) byName.set(each.name, each)
  return [...byName.values()]
}
