import { isDeepStrictEqual } from 'node:util'
import { mergeKeyOf } from './list-types.ts'
import { isRecord, type Json, recordOf } from './object.ts'
import { badRequest, Refusal } from './status.ts'

/** RFC 7386 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const result: Record<string, unknown> = { ...recordOf(target) }
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  return result
}

/** RFC 6902 */
export function jsonPatch(target: Json, patch: unknown): Json {
  if (!Array.isArray(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch',
    )
  return patch.reduce<unknown>((document, each) => operate(document, recordOf(each)), target) as Json
}

function operate(document: unknown, { op, path, from, value }: Json): unknown {
  const at = pointer(path)
  switch (op) {
    case 'add':
      return changed(document, at, () => value, 'add')
    case 'replace':
      return changed(document, at, () => value, 'replace')
    case 'remove':
      return changed(document, at, () => undefined, 'remove')
    case 'test':
      if (isDeepStrictEqual(valueAt(document, at), value)) return document
      throw invalidPatch(`testing value ${path} failed`)
    case 'copy':
      return changed(document, at, () => valueAt(document, pointer(from)), 'add')
    case 'move': {
      const moved = valueAt(document, pointer(from))
      return changed(
        changed(document, pointer(from), () => undefined, 'remove'),
        at,
        () => moved,
        'add',
      )
    }
    default:
      throw invalidPatch(`Unexpected kind: ${String(op)}`)
  }
}

function changed(
  value: unknown,
  [step, ...rest]: readonly string[],
  make: () => unknown,
  how: 'add' | 'replace' | 'remove',
): unknown {
  if (step === undefined) return make()
  if (Array.isArray(value)) {
    const index = step === '-' ? value.length : Number(step)
    const isNew = rest.length === 0 && how === 'add'
    if (!Number.isInteger(index) || index < 0 || index > value.length - (isNew ? 0 : 1))
      throw missing(how, step)
    if (rest.length > 0) return value.with(index, changed(value[index], rest, make, how))
    if (how === 'remove') return value.toSpliced(index, 1)
    return value.toSpliced(index, isNew ? 0 : 1, make())
  }
  if (!isRecord(value) || (!Object.hasOwn(value, step) && (rest.length > 0 || how !== 'add')))
    throw missing(how, step)
  if (rest.length > 0) return { ...value, [step]: changed(value[step], rest, make, how) }
  if (how !== 'remove') return { ...value, [step]: make() }
  const { [step]: _, ...left } = value
  return left
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return value[Number(step)]
    return recordOf(value)[step]
  }, document)
}

function pointer(path: unknown): readonly string[] {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/')))
    throw invalidPatch(`${String(path)} is no pointer`)
  return path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function missing(how: string, step: string): Refusal {
  return invalidPatch(`${how} operation does not apply: doc is missing path: "${step}": missing value`)
}

function invalidPatch(why: string): Refusal {
  return new Refusal(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${why}`,
    {},
  )
}

/**
 * Lists are merged by the key of their elements, and `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…` and `$setElementOrder/…` say
 * more: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicMergePatch(target: Json, patch: Json): Json {
  return strategic(target, patch, '') as Json
}

function strategic(target: unknown, patch: unknown, path: string): unknown {
  if (!isRecord(patch)) return patch
  if (patch.$patch === 'replace') return without(patch, '$patch')
  if (patch.$patch === 'delete') return {}
  const old = recordOf(target)
  let result: Record<string, unknown> = { ...old }
  if (Array.isArray(patch.$retainKeys)) {
    const kept = new Set(patch.$retainKeys)
    result = Object.fromEntries(Object.entries(result).filter(([key]) => kept.has(key)))
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys') continue
    const [directive, field = ''] = key.split('/', 2)
    if (directive === '$setElementOrder') continue
    if (directive === '$deleteFromPrimitiveList') {
      const gone = new Set(Array.isArray(value) ? value : [])
      const list = result[field]
      result[field] = (Array.isArray(list) ? list : []).filter((each) => !gone.has(each))
    } else if (value === null) delete result[key]
    else if (Array.isArray(value)) result[key] = strategicList(result[key], value, join(path, key))
    else result[key] = strategic(result[key], value, join(path, key))
  }
  for (const [key, order] of Object.entries(patch))
    if (key.startsWith('$setElementOrder/')) {
      const field = key.slice('$setElementOrder/'.length)
      result[field] = ordered(result[field], order, mergeKeyOf(join(path, field)))
    }
  return result
}

function strategicList(target: unknown, patch: readonly unknown[], path: string): unknown {
  const mergeKey = mergeKeyOf(path)
  const old = Array.isArray(target) ? target : []
  if (patch.some((each) => recordOf(each).$patch === 'replace'))
    return patch.filter((each) => recordOf(each).$patch !== 'replace')
  if (mergeKey === undefined) return patch
  if (mergeKey === '') return [...new Set([...old, ...patch])]
  const result = [...old]
  for (const each of patch) {
    const element = recordOf(each)
    if (element[mergeKey] === undefined)
      throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`)
    const at = result.findIndex((other) => recordOf(other)[mergeKey] === element[mergeKey])
    if (element.$patch === 'delete') {
      if (at >= 0) result.splice(at, 1)
    } else if (at < 0) result.push(element)
    else result[at] = strategic(result[at], element, path)
  }
  return result
}

function ordered(list: unknown, order: unknown, mergeKey: string | undefined): unknown {
  if (!Array.isArray(list) || !Array.isArray(order) || mergeKey === undefined) return list
  const keyOf = (each: unknown) => (mergeKey === '' ? each : recordOf(each)[mergeKey])
  const rank = new Map(order.map((each, at) => [keyOf(each), at]))
  return list.toSorted((a, b) => (rank.get(keyOf(a)) ?? Infinity) - (rank.get(keyOf(b)) ?? Infinity) || 0)
}

function without(record: Json, key: string): Json {
  const { [key]: _, ...rest } = record
  return rest
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
