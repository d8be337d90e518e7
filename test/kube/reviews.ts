import { attributesOf, mayUse, mayVisit, type Rule, type User } from './access.ts'
import type { ResourceKind } from './kinds.ts'
import { type Json, listOf, recordOf, textOf } from './object.ts'

/** Whom the server knows, and by what rules. */
export interface Rights {
  rulesOf(user: User): readonly Rule[]
}

/** Answers a review; nothing of it is kept. https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/ */
export function review(kind: ResourceKind, body: Json, user: User, rights: Rights, namespace: string): Json {
  const spec = recordOf(body.spec)
  switch (kind.kind) {
    case 'SelfSubjectReview':
      return { ...body, status: { userInfo: { username: user.name, groups: user.groups } } }
    case 'SelfSubjectRulesReview':
      return { ...body, status: rulesReview(rights.rulesOf(user), textOf(spec.namespace)) }
    case 'SelfSubjectAccessReview':
      return { ...body, status: accessReview(spec, user, rights, '') }
    default: {
      const asked = { name: textOf(spec.user), groups: listOf(spec.groups).map(textOf), rules: [] }
      return { ...body, status: accessReview(spec, asked, rights, namespace) }
    }
  }
}

function accessReview(spec: Json, user: User, rights: Rights, namespace: string): Json {
  const rules = rights.rulesOf(user)
  const { resourceAttributes, nonResourceAttributes } = spec
  if (nonResourceAttributes !== undefined) {
    const { verb, path } = recordOf(nonResourceAttributes)
    return { allowed: mayVisit(user, rules, textOf(verb), textOf(path)) }
  }
  const wanted = attributesOf({ ...(namespace === '' ? {} : { namespace }), ...recordOf(resourceAttributes) })
  return { allowed: mayUse(user, rules, wanted) }
}

function rulesReview(rules: readonly Rule[], namespace: string): Json {
  const here = rules.filter(({ namespaces }) => namespaces === undefined || namespaces.includes(namespace))
  return {
    resourceRules: here
      .filter(({ resources = [] }) => resources.length > 0)
      .map(({ verbs, apiGroups = [''], resources = [], resourceNames = [] }) => ({
        ...{ verbs, apiGroups, resources },
        ...(resourceNames.length === 0 ? {} : { resourceNames }),
      })),
    nonResourceRules: here
      .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  }
}
