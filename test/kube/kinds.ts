import type { Json } from './object.ts'

/** A kind of objects that the API serves, as discovery tells of it. */
export interface ResourceKind {
  /** "" for the core group. */
  readonly group: string
  readonly version: string
  /** Plural, as in paths: `pods`. */
  readonly resource: string
  readonly kind: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  /** Whether `…/status` is a resource of its own, and the status can be changed there only. */
  readonly hasStatus: boolean
  /** Made by a CustomResourceDefinition. */
  readonly isCustom: boolean
  /** Of custom resources: what their objects must be, as OpenAPI 3 says it. */
  readonly schema?: Json
  /** Of custom resources: what `kubectl get` shows (`additionalPrinterColumns`). */
  readonly columns?: readonly Json[]
  readonly verbs: readonly string[]
}

/** `v1`, `apps/v1` */
export function apiVersionOf({ group, version }: Pick<ResourceKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** As errors and `kubectl api-resources` name it: `pods`, `deployments.apps`. */
export function qualified({ group, resource }: Pick<ResourceKind, 'group' | 'resource'>): string {
  return group === '' ? resource : `${resource}.${group}`
}

/** `/api/v1/namespaces/x/pods` */
export function pathOf(kind: ResourceKind, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  return `${root}${namespace === undefined || !kind.namespaced ? '' : `/namespaces/${namespace}`}/${kind.resource}`
}

type Extra = Partial<
  Pick<
    ResourceKind,
    'shortNames' | 'categories' | 'namespaced' | 'hasStatus' | 'isCustom' | 'schema' | 'columns' | 'verbs'
  >
>

export function resourceKind(
  apiVersion: string,
  resource: string,
  kind: string,
  extra: Extra & { readonly singular?: string } = {},
): ResourceKind {
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  return {
    ...{ group, version, resource, kind, singular: kind.toLowerCase(), shortNames: [], categories: [] },
    ...{ namespaced: true, hasStatus: false, isCustom: false, verbs: ALL_VERBS, ...extra },
  }
}

export const ALL_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const

const WHOLE_CLUSTER = { namespaced: false } as const
const STATUS = { hasStatus: true } as const
const WORKLOAD = { ...STATUS, categories: ['all'] } as const
const REVIEW = { verbs: ['create'] } as const

/** What is served without being asked for. Reviews are answered and never kept. */
export const BUILT_IN: readonly ResourceKind[] = [
  resourceKind('v1', 'configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  resourceKind('v1', 'endpoints', 'Endpoints', { shortNames: ['ep'] }),
  resourceKind('v1', 'events', 'Event', { shortNames: ['ev'] }),
  resourceKind('v1', 'namespaces', 'Namespace', { ...WHOLE_CLUSTER, ...STATUS, shortNames: ['ns'] }),
  resourceKind('v1', 'nodes', 'Node', { ...WHOLE_CLUSTER, ...STATUS, shortNames: ['no'] }),
  resourceKind('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', { ...STATUS, shortNames: ['pvc'] }),
  resourceKind('v1', 'pods', 'Pod', { ...STATUS, shortNames: ['po'], categories: ['all'] }),
  resourceKind('v1', 'secrets', 'Secret'),
  resourceKind('v1', 'serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  resourceKind('v1', 'services', 'Service', { ...STATUS, shortNames: ['svc'], categories: ['all'] }),
  resourceKind('apps/v1', 'daemonsets', 'DaemonSet', { ...STATUS, shortNames: ['ds'], categories: ['all'] }),
  resourceKind('apps/v1', 'deployments', 'Deployment', { ...WORKLOAD, shortNames: ['deploy'] }),
  resourceKind('apps/v1', 'replicasets', 'ReplicaSet', { ...WORKLOAD, shortNames: ['rs'] }),
  resourceKind('apps/v1', 'statefulsets', 'StatefulSet', { ...WORKLOAD, shortNames: ['sts'] }),
  resourceKind('batch/v1', 'cronjobs', 'CronJob', { ...STATUS, shortNames: ['cj'], categories: ['all'] }),
  resourceKind('batch/v1', 'jobs', 'Job', { ...STATUS, categories: ['all'] }),
  resourceKind('coordination.k8s.io/v1', 'leases', 'Lease'),
  resourceKind('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice'),
  resourceKind('networking.k8s.io/v1', 'ingresses', 'Ingress', { ...STATUS, shortNames: ['ing'] }),
  resourceKind('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { shortNames: ['netpol'] }),
  resourceKind('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', {
    ...STATUS,
    shortNames: ['pdb'],
  }),
  resourceKind('scheduling.k8s.io/v1', 'priorityclasses', 'PriorityClass', {
    ...WHOLE_CLUSTER,
    shortNames: ['pc'],
  }),
  resourceKind('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', WHOLE_CLUSTER),
  resourceKind('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', WHOLE_CLUSTER),
  resourceKind('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  resourceKind('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  resourceKind('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
    ...WHOLE_CLUSTER,
    ...STATUS,
    shortNames: ['crd', 'crds'],
  }),
  resourceKind('authorization.k8s.io/v1', 'localsubjectaccessreviews', 'LocalSubjectAccessReview', REVIEW),
  resourceKind('authorization.k8s.io/v1', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', {
    ...WHOLE_CLUSTER,
    ...REVIEW,
  }),
  resourceKind('authorization.k8s.io/v1', 'selfsubjectrulesreviews', 'SelfSubjectRulesReview', {
    ...WHOLE_CLUSTER,
    ...REVIEW,
  }),
  resourceKind('authorization.k8s.io/v1', 'subjectaccessreviews', 'SubjectAccessReview', {
    ...WHOLE_CLUSTER,
    ...REVIEW,
  }),
  resourceKind('authentication.k8s.io/v1', 'selfsubjectreviews', 'SelfSubjectReview', {
    ...WHOLE_CLUSTER,
    ...REVIEW,
  }),
]
