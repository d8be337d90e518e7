import { valueAt } from '../../../components/filter-box/clause.ts'
import type { FieldValue, Section } from './sections.ts'

/** What Kubernetes says of an end of an entry, each under the path where it is; the rest of the end is for others. */
export function kubernetesOf(end: unknown, path: readonly string[]): readonly Section[] {
  const values = Object.entries(SHOWN).flatMap(([name, at]): FieldValue[] => {
    const value = valueAt(end, at)
    return typeof value === 'string' && value !== '' ? [{ name, path: [...path, ...at], value, doc: '' }] : []
  })
  const labels = valueAt(end, LABELS)
  const labelled = Object.entries(typeof labels === 'object' && labels !== null ? labels : {}).map(
    ([name, value]): FieldValue => ({ name, path: [...path, ...LABELS, name], value, doc: '' }),
  )
  return [
    ...(values.length === 0 ? [] : [{ kind: 'values', title: 'Kubernetes', values } as const]),
    ...(labelled.length === 0
      ? []
      : [{ kind: 'values', title: 'Labels of the pod', values: labelled } as const]),
  ]
}

/** An end without what `kubernetesOf` shows. */
export function withoutKubernetes(end: unknown): unknown {
  if (typeof end !== 'object' || end === null) return end
  return Object.fromEntries(Object.entries(end).filter(([name]) => !OF_KUBERNETES.has(name)))
}

const LABELS = ['pod', 'metadata', 'labels']
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  pod: ['pod', 'metadata', 'name'],
  service: ['service', 'metadata', 'name'],
  'endpoint slice': ['endpointSlice', 'metadata', 'name'],
  'workload kind': ['workload', 'kind'],
  workload: ['workload', 'name'],
  node: ['nodeName'],
}
const OF_KUBERNETES: ReadonlySet<string> = new Set([
  'pod',
  'service',
  'endpointSlice',
  'workload',
  'nodeName',
])
