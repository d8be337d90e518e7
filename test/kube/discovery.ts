import { apiVersionOf, type ResourceKind } from './kinds.ts'
import type { Json } from './object.ts'

/** `Accept` of clients that want all of a root at once. */
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

export function wantsAggregated(accept: string): boolean {
  return /g=apidiscovery\.k8s\.io/.test(accept) && /v=v2(?![a-z0-9])/.test(accept)
}

/** What there is at a path of discovery: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api */
export function discovery(
  path: string,
  kinds: readonly ResourceKind[],
  isAggregated: boolean,
): Json | undefined {
  if (path === '/version' || path === '/version/') return VERSION
  if (path === '/api') {
    const core = kinds.filter(({ group }) => group === '')
    return isAggregated
      ? aggregated(core)
      : { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  }
  const named = kinds.filter(({ group }) => group !== '')
  if (path === '/apis')
    return isAggregated
      ? aggregated(named)
      : { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(named) }
  const [, root, ...rest] = path.split('/')
  if (root === 'api' && rest.length === 1 && rest[0] === 'v1') return resources('v1', kinds)
  if (root !== 'apis') return undefined
  const [group, version] = rest
  if (rest.length === 1) return groups(named).find(({ name }) => name === group)
  const apiVersion = `${group}/${version}`
  if (rest.length === 2 && named.some((kind) => apiVersionOf(kind) === apiVersion))
    return resources(apiVersion, kinds)
  return undefined
}

function resources(groupVersion: string, kinds: readonly ResourceKind[]): Json {
  const own = kinds.filter((kind) => apiVersionOf(kind) === groupVersion)
  const listed = own.flatMap((kind) => {
    const { resource, singular, namespaced, verbs, shortNames, categories } = kind
    const whole = {
      ...{ name: resource, singularName: singular, namespaced, kind: kind.kind, verbs },
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
    }
    return [
      whole,
      ...subresources(kind).map(({ name, ...of }) => ({
        ...{ name: `${resource}/${name}`, singularName: '', namespaced, ...of },
      })),
    ]
  })
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: listed }
}

function subresources({ kind, hasStatus }: ResourceKind) {
  return hasStatus ? [{ name: 'status', kind, verbs: ['get', 'patch', 'update'] }] : []
}

function groups(kinds: readonly ResourceKind[]) {
  return [...Map.groupBy(kinds, ({ group }) => group)].map(([name, own]) => {
    const versions = [...new Set(own.map(apiVersionOf))].map((groupVersion) => ({
      groupVersion,
      version: groupVersion.split('/')[1],
    }))
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions, preferredVersion: versions[0] }
  })
}

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.32/#apigroupdiscovery-v2-apidiscovery-k8s-io */
function aggregated(kinds: readonly ResourceKind[]): Json {
  const items = [...Map.groupBy(kinds, ({ group }) => group)].map(([name, own]) => ({
    metadata: { ...(name === '' ? {} : { name }), creationTimestamp: null },
    versions: [...Map.groupBy(own, ({ version }) => version)].map(([version, those]) => ({
      version,
      freshness: 'Current',
      resources: those.map((each) => {
        const { resource, singular, namespaced, verbs, shortNames, categories } = each
        const responseKind = { group: each.group, version, kind: each.kind }
        const scope = namespaced ? 'Namespaced' : 'Cluster'
        const below = subresources(each).map((of) => ({
          subresource: of.name,
          responseKind: { group: each.group, version, kind: of.kind },
          verbs: of.verbs,
        }))
        return {
          ...{ resource, responseKind, scope, singularResource: singular, verbs, shortNames, categories },
          ...(below.length === 0 ? {} : { subresources: below }),
        }
      }),
    })),
  }))
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
}

const VERSION = {
  ...{ major: '1', minor: '35', gitVersion: 'v1.35.0', gitCommit: '0', gitTreeState: 'clean' },
  ...{ buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.25.0', compiler: 'gc', platform: 'linux/amd64' },
}
