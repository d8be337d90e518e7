import type { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { type Declaration, isRest } from './helper.ts'

/** `vendor.webhook(method, url, body?, headers?)`: how people are told what a helper takes. */
export function signature(path: string, params: Declaration['params']): string {
  const names = Object.entries(params).map(([name, schema]) => {
    if (isRest(schema)) return `...${name}`
    return isOptional(schema) ? `${name}?` : name
  })
  return `${path}(${names.join(', ')})`
}

/** How many arguments a helper needs and how many it looks at. `max` is Infinity when it takes all there are. */
export function arity(params: Declaration['params']): { min: number; max: number } {
  const schemas = Object.values(params)
  const lastNeeded = schemas.findLastIndex((schema) => !isOptional(schema) && !isRest(schema))
  return { min: lastNeeded + 1, max: schemas.some(isRest) ? Number.POSITIVE_INFINITY : schemas.length }
}

export function isOptional(schema: z.ZodType): boolean {
  return schema._zod.optin !== undefined
}

/**
 * Arguments as a script gave them → by name, converted and checked. Conversion is Go's: numbers and flags become
 * text where text is expected, undefined and null are "not given", arguments too many are ignored.
 */
export function readArguments(
  path: string,
  params: Declaration['params'],
  given: readonly unknown[],
): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  Object.entries(params).forEach(([name, schema], at) => {
    const value = isRest(schema) ? given.slice(at) : given[at]
    read[name] = readArgument(schema, value, (complaint) => {
      throw new Mistake('E_HELPER_ARGUMENT', `${signature(path, params)}: ${name}${complaint}`)
    })
  })
  return read
}

function readArgument(schema: z.ZodType, given: unknown, complain: (complaint: string) => never): unknown {
  const converted = convert(schema, given)
  if (converted === undefined && !isOptional(schema)) complain(': is missing')

  const checked = schema.safeParse(converted, { error: expectation })
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  const inside = issue?.path ?? []
  complain(`${inside.map(step).join('')}: expected ${issue?.message}, found ${show(dig(given, inside))}`)
}

/** Go's conversions, before anything is checked. */
function convert(schema: z.ZodType, value: unknown): unknown {
  if (value === null || value === undefined) return undefined
  // The classic types narrow by `instanceof` only one by one; this union narrows by `type`.
  const def = (schema as unknown as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'nullable':
      return convert(def.innerType as z.ZodType, value)
    case 'pipe':
      return convert(def.in as z.ZodType, value)
    case 'string':
      // Half a character is no text in UTF-8, and so neither in a file, an address nor a message.
      if (typeof value === 'string') return value.toWellFormed()
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    case 'array':
      return Array.isArray(value) ? value.map((each) => convert(def.element as z.ZodType, each)) : value
    case 'record':
      return isPlainObject(value) ? convertEach(value, def.valueType as z.ZodType) : value
    case 'object':
      return isPlainObject(value) ? convertFields(value, def.shape) : value
    case 'union':
      return convertToOneOf(def.options as readonly z.ZodType[], value)
    default:
      return value
  }
}

/** Entries that are null count as not given. */
function convertEach(value: object, schema: z.ZodType): unknown {
  const given = Object.entries(value).filter(([, each]) => each !== null && each !== undefined)
  // From entries, not by assignment: a key may be `__proto__`.
  return Object.fromEntries(given.map(([key, each]) => [key, convert(schema, each)]))
}

/** Of an object whose fields are known. */
function convertFields(value: object, shape: Readonly<Record<string, z.core.$ZodType>>): unknown {
  const given = Object.entries(value).filter(([, each]) => each !== null && each !== undefined)
  return Object.fromEntries(
    given.map(([key, each]) => {
      const schema = Object.hasOwn(shape, key) ? shape[key] : undefined
      return [key, schema === undefined ? each : convert(schema as z.ZodType, each)]
    }),
  )
}

function convertToOneOf(options: readonly z.ZodType[], value: unknown): unknown {
  for (const option of options) {
    const converted = convert(option, value)
    if (option.safeParse(converted).success) return converted
  }
  return value
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Says what was wanted, to follow "expected". Schemas may carry a phrase of their own, which goes first. */
function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return NOUNS[issue.expected] ?? issue.expected
    case 'invalid_format':
      return NOUNS[issue.format] ?? `text of the form ${issue.format}`
    case 'invalid_value':
      return orList(issue.values.map((value) => JSON.stringify(value)))
    case 'invalid_union':
      return orList(issue.errors.map((each) => each[0]?.message ?? 'something else'))
    case 'unrecognized_keys':
      return `no field called ${issue.keys.join(', ')}`
    case 'too_big':
      return `at most ${issue.maximum}`
    case 'too_small':
      return `at least ${issue.minimum}`
    default:
      return 'something else'
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  record: 'an object',
  object: 'an object',
  url: 'a URL',
}

function orList(words: readonly string[]): string {
  const distinct = [...new Set(words)]
  return distinct.length < 2 ? distinct.join() : `${distinct.slice(0, -1).join(', ')} or ${distinct.at(-1)}`
}

/** A glimpse of what came instead. Short, since text may be a secret that went to the wrong place. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length > GLIMPSE
      ? `${JSON.stringify(value.slice(0, GLIMPSE))}… (${value.length} characters)`
      : JSON.stringify(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

const GLIMPSE = 12

function step(key: PropertyKey): string {
  return `[${JSON.stringify(key)}]`
}

function dig(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  )
}
