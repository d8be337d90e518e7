import type { ResourceKind } from './kinds.ts'
import { type FakeObject, fieldAt, listOf, recordOf, textOf, textsOf } from './object.ts'
import { badRequest } from './status.ts'

export type Fits = (object: FakeObject) => boolean

/** `app=web,tier!=db,env in (a,b),!old`: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
export function labelSelector(text: string): Fits {
  const tests = split(text).map(requirement)
  return ({ metadata }) => {
    const labels = textsOf(metadata.labels)
    return tests.every((test) => test(labels))
  }
}

/** `matchLabels` and `matchExpressions`, as in the spec of a workload. */
export function labelSelectorOf(selector: unknown): (labels: Readonly<Record<string, string>>) => boolean {
  const { matchLabels, matchExpressions } = recordOf(selector)
  const wanted = Object.entries(textsOf(matchLabels))
  const expressions = listOf(matchExpressions).map(recordOf)
  return (labels) =>
    wanted.every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values }) => {
      const value = labels[textOf(key)]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const isIn = value !== undefined && listOf(values).includes(value)
      return operator === 'In' ? isIn : !isIn
    })
}

/** The one name that a field selector allows; undefined when it allows several. */
export function namedBy(text: string): string | undefined {
  return split(text)
    .map((term) => /^metadata\.name==?([^=!]+)$/.exec(term)?.[1])
    .find((name) => name !== undefined)
}

/** Which fields of which kind there are to select by is in the strategy of each (`kubectl` asks for these). */
export function fieldSelector(text: string, kind: ResourceKind): Fits {
  const tests = split(text).map((term): Fits => {
    const [, path = '', operator, value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? []
    if (operator === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    if (!SELECTABLE_OF_ALL.has(path) && SELECTABLE[kind.resource]?.includes(path) !== true)
      throw badRequest(`field label not supported: ${path}`)
    return (object) => (String(fieldAt(object, path) ?? '') === value) === (operator !== '!=')
  })
  return (object) => tests.every((test) => test(object))
}

const SELECTABLE_OF_ALL = new Set(['metadata.name', 'metadata.namespace'])
const SELECTABLE: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  namespaces: ['status.phase'],
  nodes: ['spec.unschedulable'],
  secrets: ['type'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'reason',
    'type',
    'source',
    'reportingComponent',
  ],
  services: ['spec.clusterIP', 'spec.type'],
  replicasets: ['status.replicas'],
  jobs: ['status.successful'],
}

function requirement(term: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^([^!=\s]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set !== null) {
    const values = new Set((set[3] ?? '').split(',').map((value) => value.trim()))
    const [, key = '', operator] = set
    return (labels) => values.has(labels[key] ?? NONE) === (operator === 'in')
  }
  const equal = /^([^!=\s]+)\s*(==|=|!=)\s*([-._A-Za-z0-9]*)$/.exec(term)
  if (equal !== null) {
    const [, key = '', operator, value = ''] = equal
    return (labels) => (labels[key] === value) === (operator !== '!=')
  }
  const exists = /^(!?)\s*([-._/A-Za-z0-9]+)$/.exec(term)
  if (exists === null) throw badRequest(`unable to parse requirement: found '${term}'`)
  const [, not, key = ''] = exists
  return (labels) => (labels[key] !== undefined) === (not === '')
}

/** No value of a label. */
const NONE = '\0'

function split(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '')
}
