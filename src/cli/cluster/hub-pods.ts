import { z } from 'zod'
import type { KubernetesClient, KubernetesObject } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'

/** Which hub is meant. */
export interface ReleaseChoice {
  readonly namespace: string
  /** Undefined: the only one that is there. */
  readonly release: string | undefined
}

/** A pod in which a hub runs. */
export interface HubPod {
  readonly name: string
  readonly namespace: string
  readonly release: string
  readonly port: number
  /** It has a certificate. */
  readonly isTls: boolean
  /** Where its token is, as the chart says it to the hub: `auth.existingSecret` may name any. */
  readonly tokenSecret: string | undefined
  readonly isReady: boolean
  /** `Running`, `Pending`, … */
  readonly phase: string
}

/**
 * Pods of the hub of a release, by their labels, those that are ready first; all are of one release. Rejects with a Mistake
 * that says which right is missing, and which releases there are.
 */
export async function hubPods(client: KubernetesClient, choice: ReleaseChoice): Promise<readonly HubPod[]> {
  const { namespace, release } = choice
  const found = await podsIn(client, namespace)
  const releases = [...new Set(found.map((pod) => pod.release))]
  const [only] = releases
  const wanted = release ?? (releases.length === 1 ? only : undefined)
  const pods = found.filter((pod) => pod.release === wanted)
  if (pods.length > 0) return pods.toSorted((a, b) => Number(b.isReady) - Number(a.isReady))
  if (release === undefined && releases.length > 1)
    throw new Mistake('E_USAGE', `namespace ${namespace} has several releases of Remora`, {
      hint: `Name one with --release: ${releases.join(', ')}.`,
    })
  const named = release === undefined ? 'a hub of Remora' : `a release ${JSON.stringify(release)} of Remora`
  throw new Mistake('E_NOT_FOUND', `there is no ${named.slice(2)} in namespace ${namespace}`, {
    hint: await othersHint(client, found),
  })
}

async function podsIn(client: KubernetesClient, namespace: string): Promise<readonly HubPod[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`
  try {
    return hubsOf((await client.list(path, { labelSelector: HUBS })).objects)
  } catch (error) {
    if (!(error instanceof Mistake) || error.code !== 'E_FORBIDDEN') throw error
    throw new Mistake('E_FORBIDDEN', error.message, {
      hint: `To find the hub you need the right to list pods in namespace ${namespace}, and to reach it those to get and create pods/portforward. Or forward its port by other means, and name the address with --hub-url.`,
      cause: error,
    })
  }
}

/** What else is there, where one may look. */
async function othersHint(client: KubernetesClient, here: readonly HubPod[]): Promise<string> {
  const everywhere = await client
    .list('/api/v1/pods', { labelSelector: HUBS })
    .then(({ objects }) => hubsOf(objects))
    .catch(() => here)
  const names = new Set(everywhere.map(({ release, namespace }) => `${release} (-s ${namespace})`))
  if (names.size > 0) return `releases: ${[...names].slice(0, MOST_NAMED).join(', ')}`
  return 'Is it in another namespace (-s), or in another cluster (--context)? helm list -A shows what is installed.'
}

function hubsOf(objects: readonly KubernetesObject[]): HubPod[] {
  return objects.flatMap((object) => {
    const pod = podShape.safeParse(object).data
    if (pod === undefined) return []
    const { name, namespace, labels, deletionTimestamp } = pod.metadata
    const ports = pod.spec.containers.flatMap((container) => container.ports)
    const api = ports.find((port) => API_PORTS.has(port.name))
    const isReady = pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    return [
      {
        name,
        namespace,
        release: labels['app.kubernetes.io/instance'] ?? 'remora',
        port: api?.containerPort ?? DEFAULT_PORT,
        isTls: api?.name === TLS_PORT,
        tokenSecret: pod.spec.containers
          .flatMap((container) => container.env)
          .find((variable) => variable.name === TOKEN_VARIABLE)?.valueFrom?.secretKeyRef?.name,
        isReady: isReady && deletionTimestamp === undefined,
        phase: deletionTimestamp === undefined ? pod.status.phase : 'Terminating',
      },
    ]
  })
}

const variable = z.looseObject({
  name: z.string(),
  valueFrom: z.looseObject({ secretKeyRef: z.looseObject({ name: z.string() }).optional() }).nullish(),
})

const podShape = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z
    .looseObject({
      containers: z
        .array(
          z.looseObject({
            ports: z
              .array(z.looseObject({ name: z.string().default(''), containerPort: z.number() }))
              .default([]),
            env: z.array(variable).catch([]),
          }),
        )
        .default([]),
    })
    .default({ containers: [] }),
  status: z
    .looseObject({
      phase: z.string().default('Unknown'),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
    })
    .default({ phase: 'Unknown', conditions: [] }),
})

/** As the chart labels them. */
const HUBS = 'app.kubernetes.io/name=remora,app.kubernetes.io/component=hub'
const TLS_PORT = 'https'
const API_PORTS = new Set(['api', 'http', TLS_PORT])
const TOKEN_VARIABLE = 'HUB_TOKEN'
const DEFAULT_PORT = 8899
const MOST_NAMED = 20
