import { z } from 'zod'
import type { Config } from '../../config/index.ts'
import { WATCHED } from '../../hub/cluster/watcher.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { kubernetesAccess } from '../serve/kubernetes.ts'
import { type Finding, ok, warning } from './finding.ts'

/** Whether the API server can be reached, and whether we may follow there what names and pods are made of. */
export async function clusterFinding(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding> {
  const access = await kubernetesAccess(config, env)
  const client = new KubernetesClient(access)
  const { namespaces } = config.kubernetes
  try {
    const rights = rightsFor(namespaces)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const allowed = await Promise.all(rights.map((right) => isAllowed(client, right, signal)))
    const missing = rights.filter((_, at) => allowed[at] === false).map(nameOf)
    const where = namespaces.length === 0 ? 'all namespaces' : `namespaces ${namespaces.join(', ')}`
    if (missing.length === 0)
      return ok('kubernetes', `${access.url}, what names are made of may be followed in ${where}`)
    return warning(
      'kubernetes',
      `${access.url} does not let us ${missing.join(', ')}`,
      'give the account of the hub these rights; kubernetes.namespaces asks for fewer, kubernetes.enabled=off for none',
    )
  } finally {
    await client.close()
  }
}

interface Right {
  readonly verb: 'list' | 'watch'
  readonly group: string
  readonly resource: string
  /** "": all. */
  readonly namespace: string
}

function rightsFor(namespaces: readonly string[]): Right[] {
  const scopes = namespaces.length === 0 ? [''] : namespaces
  const verbs = ['list', 'watch'] as const
  return WATCHED.filter(({ kind }) => kind !== 'node' || namespaces.length === 0).flatMap(
    ({ group, resource }) =>
      scopes.flatMap((namespace) => verbs.map((verb) => ({ verb, group, resource, namespace }))),
  )
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/ */
async function isAllowed(client: KubernetesClient, right: Right, signal: AbortSignal): Promise<boolean> {
  const { status } = await client.create(
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: { name: '' },
      spec: { resourceAttributes: right },
    },
    { signal },
  )
  return z.looseObject({ allowed: z.boolean() }).safeParse(status).data?.allowed ?? false
}

function nameOf({ verb, resource, namespace }: Right): string {
  return `${verb} ${resource}${namespace === '' ? '' : ` in ${namespace}`}`
}

const PATIENCE_MS = 5000
