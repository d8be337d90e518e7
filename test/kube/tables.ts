import type { FakeObject, Json } from './object.ts'
import { listOf, recordOf, textOf } from './object.ts'

/** Whether a client wants a table, as `kubectl get` does (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables). */
export function wantsTable(accept: string): boolean {
  return accept.split(',').some((each) => /;\s*as=Table/.test(each))
}

/** Objects of a custom kind as their definition has them printed, with `additionalPrinterColumns` as it writes them. */
export function tableOf(objects: readonly FakeObject[], columns: readonly Json[], metadata: Json): Json {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
      ...columns.map(({ name, type, priority }) => ({
        ...{ name, type, format: '', description: '', priority: priority ?? 0 },
      })),
    ],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...columns.map((column) => cell(object, column))],
      object: {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: object.metadata,
      },
    })),
  }
}

function cell(object: FakeObject, { jsonPath, type }: Json): unknown {
  const value = at(object, textOf(jsonPath))
  if (value === undefined || value === null) return null
  return type === 'date' ? age(textOf(value)) : value
}

/** The part of JSONPath that definitions use: `.a.b`, `.a[0]` and `.a[?(@.type=="Ready")].b`. */
function at(object: unknown, path: string): unknown {
  const steps = [...path.matchAll(/\.([A-Za-z_-]+)|\[(\d+)\]|\[\?\(@\.([A-Za-z]+)==["']([^"']*)["']\)\]/g)]
  let value = object
  for (const [, key, index, field = '', wanted] of steps)
    if (key !== undefined) value = recordOf(value)[key]
    else if (index !== undefined) value = listOf(value)[Number(index)]
    else value = listOf(value).find((each) => recordOf(each)[field] === wanted)
  return value
}

function age(time: string): string {
  return `${Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000))}s`
}
