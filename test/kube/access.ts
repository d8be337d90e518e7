import { qualified, type ResourceKind } from './kinds.ts'
import { type FakeObject, type Json, listOf, recordOf, textOf } from './object.ts'
import { Refusal } from './status.ts'

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export interface Rule {
  readonly verbs: readonly string[]
  /** Without: the core group. */
  readonly apiGroups?: readonly string[]
  /** With a subresource as `pods/status`. */
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  /** Only there, as with a role binding; without: in the whole cluster. */
  readonly namespaces?: readonly string[]
}

export interface User {
  /** `system:serviceaccount:x:y` */
  readonly name: string
  readonly groups: readonly string[]
  readonly rules: readonly Rule[]
}

/** What somebody wants to do. */
export interface Attributes {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  readonly namespace: string
}

export const EVERYTHING: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** What everybody may who is let in: `system:discovery`, `system:basic-user` and `system:public-info-viewer`. */
export const OF_ALL: readonly Rule[] = [
  {
    verbs: ['get'],
    nonResourceURLs: [
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/readyz',
      '/openapi',
      '/openapi/*',
      '/version',
      '/version/',
    ],
  },
  {
    verbs: ['create'],
    apiGroups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  },
  { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
]

export function mayUse(user: User, rules: readonly Rule[], wanted: Attributes): boolean {
  return user.groups.includes('system:masters') || rules.some((rule) => fits(rule, wanted))
}

export function mayVisit(user: User, rules: readonly Rule[], verb: string, path: string): boolean {
  return (
    user.groups.includes('system:masters') ||
    rules.some(
      ({ verbs, nonResourceURLs = [], namespaces }) =>
        namespaces === undefined &&
        has(verbs, verb) &&
        nonResourceURLs.some(
          (url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))),
        ),
    )
  )
}

/** In the words of k8s.io/apiserver/pkg/endpoints/handlers/responsewriters. */
export function forbidden({ name: user }: User, wanted: Attributes): Refusal {
  const { verb, group, resource, subresource, name, namespace } = wanted
  const what = `${resource}${subresource === '' ? '' : `/${subresource}`}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const title = `${qualified({ group, resource })}${name === '' ? '' : ` "${name}"`}`
  const message = `${title} is forbidden: User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`
  const details = { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource }
  return new Refusal(403, 'Forbidden', message, details)
}

export function forbiddenPath({ name }: User, verb: string, path: string): Refusal {
  return new Refusal(403, 'Forbidden', `forbidden: User "${name}" cannot ${verb} path "${path}"`, {})
}

function fits(rule: Rule, wanted: Attributes): boolean {
  const { verbs, apiGroups = [''], resources = [], resourceNames = [], namespaces } = rule
  const { resource, subresource } = wanted
  const all = subresource === '' ? resource : `${resource}/${subresource}`
  return (
    has(verbs, wanted.verb) &&
    has(apiGroups, wanted.group) &&
    (has(resources, all) || (subresource !== '' && resources.includes(`*/${subresource}`))) &&
    (resourceNames.length === 0 || (wanted.name !== '' && resourceNames.includes(wanted.name))) &&
    (namespaces === undefined || namespaces.includes(wanted.namespace))
  )
}

function has(list: readonly string[], one: string): boolean {
  return list.includes('*') || list.includes(one)
}

/** Roles and bindings as objects, for those who are let in by them. */
export interface RoleObjects {
  readonly clusterRoles: readonly FakeObject[]
  readonly clusterRoleBindings: readonly FakeObject[]
  readonly roles: readonly FakeObject[]
  readonly roleBindings: readonly FakeObject[]
}

/** Rules that bindings give to a user or one of the groups. */
export function rulesByBindings(
  { name, groups }: Pick<User, 'name' | 'groups'>,
  objects: RoleObjects,
): Rule[] {
  const isBound = (binding: FakeObject) =>
    listOf(binding.subjects)
      .map(recordOf)
      .some((subject) => {
        if (subject.kind === 'Group') return groups.includes(textOf(subject.name))
        if (subject.kind === 'User') return subject.name === name
        const namespace = textOf(subject.namespace) || (binding.metadata.namespace ?? '')
        return name === serviceAccountName(namespace, textOf(subject.name))
      })
  const rules = (binding: FakeObject, only: { namespaces?: readonly string[] }) => {
    const role = recordOf(binding.roleRef)
    const found =
      role.kind === 'ClusterRole'
        ? objects.clusterRoles.find(({ metadata }) => metadata.name === role.name)
        : objects.roles.find(
            ({ metadata }) =>
              metadata.name === role.name && metadata.namespace === binding.metadata.namespace,
          )
    return listOf(found?.rules).map((rule) => ({ ...ruleOf(recordOf(rule)), ...only }))
  }
  return [
    ...objects.clusterRoleBindings.filter(isBound).flatMap((binding) => rules(binding, {})),
    ...objects.roleBindings
      .filter(isBound)
      .flatMap((binding) => rules(binding, { namespaces: [binding.metadata.namespace ?? ''] })),
  ]
}

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}

function ruleOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Json): Rule {
  const texts = (value: unknown) => listOf(value).map(textOf)
  return {
    verbs: texts(verbs),
    apiGroups: texts(apiGroups),
    resources: texts(resources),
    resourceNames: texts(resourceNames),
    nonResourceURLs: texts(nonResourceURLs),
  }
}

/** What `…accessreviews` are asked about. */
export function attributesOf(wanted: Json): Attributes {
  const { verb, group, resource, subresource, name, namespace } = wanted
  return {
    ...{ verb: textOf(verb), group: textOf(group), resource: textOf(resource) },
    ...{ subresource: textOf(subresource), name: textOf(name), namespace: textOf(namespace) },
  }
}

export function attributes(
  verb: string,
  { group, resource }: ResourceKind,
  { namespace = '', name = '', subresource = '' },
): Attributes {
  // A namespace is one of its own objects.
  const where = group === '' && resource === 'namespaces' ? name : namespace
  return { verb, group, resource, subresource, name, namespace: where }
}
