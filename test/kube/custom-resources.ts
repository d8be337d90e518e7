import { type ResourceKind, resourceKind } from './kinds.ts'
import { type FakeObject, isRecord, type Json, listOf, recordOf, textOf, timestamp } from './object.ts'
import type { Cause } from './status.ts'

/** The kinds that a CustomResourceDefinition makes, one for each version that is served. */
export function kindsOf({ spec }: FakeObject): readonly ResourceKind[] {
  const { group, names, scope, versions } = recordOf(spec)
  const { plural, kind, singular, shortNames, categories } = recordOf(names)
  return listOf(versions)
    .map(recordOf)
    .filter(({ served }) => served === true)
    .map(({ name, subresources, schema, additionalPrinterColumns }) =>
      resourceKind(`${textOf(group)}/${textOf(name)}`, textOf(plural), textOf(kind), {
        singular: textOf(singular) || textOf(kind).toLowerCase(),
        shortNames: listOf(shortNames).map(textOf),
        categories: listOf(categories).map(textOf),
        namespaced: scope === 'Namespaced',
        hasStatus: recordOf(subresources).status !== undefined,
        isCustom: true,
        schema: recordOf(recordOf(schema).openAPIV3Schema),
        columns: listOf(additionalPrinterColumns).map(recordOf),
      }),
    )
}

/** Its status, once its kinds are served. */
export function established(definition: FakeObject, nowMs: number): Json {
  const { names, versions } = recordOf(definition.spec)
  const condition = (type: string, reason: string) => ({
    ...{ type, status: 'True', reason, message: '', lastTransitionTime: timestamp(nowMs) },
  })
  return {
    conditions: [condition('NamesAccepted', 'NoConflicts'), condition('Established', 'InitialNamesAccepted')],
    acceptedNames: { listKind: `${textOf(recordOf(names).kind)}List`, ...recordOf(names) },
    storedVersions: listOf(versions)
      .map(recordOf)
      .filter(({ storage }) => storage === true)
      .map(({ name }) => name),
  }
}

/** Without the fields that the schema does not know, and with its defaults. */
export function pruned(value: unknown, schema: Json): unknown {
  if (Array.isArray(value)) return value.map((each) => pruned(each, recordOf(schema.items)))
  if (!isRecord(value)) return value
  const properties = recordOf(schema.properties)
  const { additionalProperties } = schema
  const keepsAll = schema['x-kubernetes-preserve-unknown-fields'] === true
  const result: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(value)) {
    const known = properties[key]
    if (known !== undefined) result[key] = pruned(each, recordOf(known))
    else if (isRecord(additionalProperties)) result[key] = pruned(each, additionalProperties)
    else if (keepsAll || additionalProperties === true) result[key] = each
  }
  for (const [key, each] of Object.entries(properties))
    if (!Object.hasOwn(result, key) && recordOf(each).default !== undefined)
      result[key] = pruned(recordOf(each).default, recordOf(each))
  return result
}

/** Paths that pruning takes away: `spec.typo`. */
export function unknownFields(value: unknown, schema: Json, path = ''): readonly string[] {
  if (Array.isArray(value))
    return value.flatMap((each, at) => unknownFields(each, recordOf(schema.items), `${path}[${at}]`))
  if (!isRecord(value)) return []
  const properties = recordOf(schema.properties)
  const { additionalProperties } = schema
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return []
  return Object.entries(value).flatMap(([key, each]) => {
    const here = path === '' ? key : `${path}.${key}`
    if (properties[key] !== undefined) return unknownFields(each, recordOf(properties[key]), here)
    if (isRecord(additionalProperties)) return unknownFields(each, additionalProperties, here)
    return additionalProperties === true ? [] : [here]
  })
}

/** What of an object is not as its schema wants it. */
export function schemaCauses(value: unknown, schema: Json, path = ''): readonly Cause[] {
  const type = textOf(schema.type)
  const field = path === '' ? '<nil>' : path
  if (value === null && schema.nullable === true) return []
  if (schema['x-kubernetes-int-or-string'] === true) return []
  if (type !== '' && !isOfType(value, type))
    return [
      {
        reason: 'FieldValueTypeInvalid',
        field,
        message: `Invalid value: "${typeName(value)}": ${field} in body must be of type ${type}: "${typeName(value)}"`,
      },
    ]
  const causes: Cause[] = []
  const say = (message: string) =>
    causes.push({
      reason: 'FieldValueInvalid',
      field,
      message: `Invalid value: ${JSON.stringify(value)}: ${field} in body ${message}`,
    })
  if (Array.isArray(schema.enum) && !schema.enum.includes(value))
    causes.push({
      reason: 'FieldValueNotSupported',
      field,
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}`,
    })
  if (typeof value === 'string') {
    if (typeof schema.pattern === 'string' && !new RegExp(schema.pattern).test(value))
      say(`should match '${schema.pattern}'`)
    if (typeof schema.minLength === 'number' && value.length < schema.minLength)
      say(`should be at least ${schema.minLength} chars long`)
    if (typeof schema.maxLength === 'number' && value.length > schema.maxLength)
      causes.push({
        reason: 'FieldValueTooLong',
        field,
        message: `Too long: may not be more than ${schema.maxLength} bytes`,
      })
  }
  if (typeof value === 'number') {
    if (typeof schema.minimum === 'number' && value < schema.minimum)
      say(`should be greater than or equal to ${schema.minimum}`)
    if (typeof schema.maximum === 'number' && value > schema.maximum)
      say(`should be less than or equal to ${schema.maximum}`)
  }
  if (Array.isArray(value)) {
    if (typeof schema.maxItems === 'number' && value.length > schema.maxItems)
      causes.push({
        reason: 'FieldValueInvalid',
        field,
        message: `Too many: ${value.length}: must have at most ${schema.maxItems} items`,
      })
    for (const [at, each] of value.entries())
      causes.push(...schemaCauses(each, recordOf(schema.items), `${path}[${at}]`))
  }
  if (isRecord(value)) {
    const join = (key: string) => (path === '' ? key : `${path}.${key}`)
    for (const key of listOf(schema.required).map(textOf))
      if (!Object.hasOwn(value, key))
        causes.push({ reason: 'FieldValueRequired', field: join(key), message: 'Required value' })
    for (const [key, each] of Object.entries(value)) {
      const known = recordOf(schema.properties)[key]
      const wanted = known ?? schema.additionalProperties
      if (isRecord(wanted)) causes.push(...schemaCauses(each, wanted, join(key)))
    }
  }
  return causes
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value)
  return typeName(value) === type || (type === 'number' && typeof value === 'number')
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}
