import { isDeepStrictEqual } from 'node:util'
import { mapKeysOf } from './list-types.ts'
import { isRecord, type Json, listOf, recordOf, textOf } from './object.ts'
import { Refusal } from './status.ts'

/** Steps as FieldsV1 writes them: `f:spec`, `k:{"name":"web"}`, `v:"a"`. */
type Path = readonly string[]
/** By their text. */
type Fields = ReadonlyMap<string, Path>

export interface Manager {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly time: string
  readonly subresource: string
  readonly fields: Fields
}

/**
 * Server-side apply: what the object is then, and who owns what of it. Throws 409 where another owns a field and wants it otherwise.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export function applied(
  live: Json | undefined,
  config: Json,
  by: Omit<Manager, 'fields' | 'operation'>,
  force: boolean,
): Json {
  const wanted = withoutManaged(config)
  const fields = fieldsOf(wanted)
  const managers = readManagers(live)
  const isMine = (each: Manager) =>
    each.manager === by.manager && each.operation === 'Apply' && each.subresource === by.subresource
  const others = managers.filter((each) => !isMine(each))
  // Two maps are no two values: what is in them is compared on its own.
  const differ = (path: Path) => {
    const [before, after] = [valueAt(live, path), valueAt(wanted, path)]
    return !(isRecord(before) && isRecord(after)) && !isDeepStrictEqual(before, after)
  }
  const conflicts = others.flatMap((other) =>
    [...fields.values()]
      .filter((path) => isOwned(other.fields, path) && differ(path))
      .map((path) => ({ other, path })),
  )
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts)
  const taken = new Set(conflicts.map(({ path }) => path.join(' ')))
  const left = others
    .map((other) => ({ ...other, fields: new Map([...other.fields].filter(([key]) => !taken.has(key))) }))
    .filter((other) => other.fields.size > 0)
  const mine = managers.find(isMine)?.fields ?? new Map<string, Path>()
  const dropped = [...mine.values()].filter(
    (path) => !fields.has(path.join(' ')) && !left.some((other) => isOwned(other.fields, path, 'or below')),
  )
  const merged = mergeConfig(live === undefined ? {} : withoutManaged(live), wanted, '')
  // The shortest first: an element goes as long as it still has the name that it is found by.
  const result = dropped
    .toSorted((a, b) => a.length - b.length)
    .reduce<unknown>((object, path) => removeAt(object, path), merged)
  const me: Manager = { ...by, operation: 'Apply', fields }
  return withManagers(recordOf(result), fields.size > 0 ? [me, ...left] : left)
}

/** After a create, an update or a patch: who changed something owns it, and whoever owned it before does no longer. */
export function updated(
  live: Json | undefined,
  wanted: Json,
  by: Omit<Manager, 'fields' | 'operation'>,
): Json {
  const before = live === undefined ? {} : withoutManaged(live)
  const after = withoutManaged(wanted)
  const now = fieldsOf(after)
  const isChanged = (path: Path) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path))
  const changed = new Map([...now].filter(([, path]) => isChanged(path)))
  // Who sends none of them along starts from those that are there.
  const managers = readManagers(live)
  const isMine = (each: Manager) =>
    each.manager === by.manager && each.operation === 'Update' && each.subresource === by.subresource
  const left = managers
    .map((each) => ({
      ...each,
      fields: new Map(
        [...each.fields].filter(([key]) => now.has(key) && (isMine(each) || !changed.has(key))),
      ),
    }))
    .filter((each) => each.fields.size > 0)
  if (changed.size === 0) return withManagers(after, left)
  const mine = left.find(isMine)
  const me: Manager = { ...by, operation: 'Update', fields: new Map([...(mine?.fields ?? []), ...changed]) }
  return withManagers(after, [...left.filter((each) => !isMine(each)), me])
}

function withoutManaged(object: Json): Json {
  const { managedFields: _, ...metadata } = recordOf(object.metadata)
  return { ...object, metadata }
}

function withManagers(object: Json, managers: readonly Manager[]): Json {
  if (managers.length === 0) return object
  const managedFields = managers.map(({ manager, operation, apiVersion, time, subresource, fields }) => ({
    ...{ manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: treeOf(fields) },
    ...(subresource === '' ? {} : { subresource }),
  }))
  return { ...object, metadata: { ...recordOf(object.metadata), managedFields } }
}

function readManagers(object: Json | undefined): readonly Manager[] {
  return listOf(recordOf(object?.metadata).managedFields)
    .map(recordOf)
    .map((each) => ({
      manager: textOf(each.manager),
      operation: each.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: textOf(each.apiVersion),
      time: textOf(each.time),
      subresource: textOf(each.subresource),
      fields: new Map(pathsIn(recordOf(each.fieldsV1), []).map((path) => [path.join(' '), path])),
    }))
}

function applyConflict(conflicts: readonly { readonly other: Manager; readonly path: Path }[]): Refusal {
  const causes = conflicts.map(({ other, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${other.manager}"${other.operation === 'Update' ? ` using ${other.apiVersion}` : ''}`,
    field: written(path),
  }))
  const said =
    causes.length === 1
      ? `${causes[0]?.message}: ${causes[0]?.field}`
      : `conflicts with ${[...Map.groupBy(causes, ({ message }) => message.replace('conflict with ', ''))]
          .map(([who, own]) => `${who}:\n${own.map(({ field }) => `- ${field}`).join('\n')}`)
          .join('\n')}`
  const message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${said}`
  return new Refusal(409, 'Conflict', message, { causes })
}

/** `.spec.containers[name="web"].image` */
function written(path: Path): string {
  return path
    .map((step) => {
      const [kind, text] = [step.slice(0, 2), step.slice(2)]
      if (kind === 'f:') return `.${text}`
      if (kind === 'v:') return `[=${text}]`
      const keys = Object.entries(recordOf(JSON.parse(text)))
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
    })
    .join('')
}

/** All that is said in a configuration, without what names it. */
function fieldsOf(config: Json): Fields {
  const { apiVersion: _, kind: __, metadata, ...rest } = config
  const said: Path[] = []
  collect(rest, [], '', said)
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, managedFields, ...about } =
    recordOf(metadata)
  collect({ metadata: about }, [], '', said)
  return new Map(
    said.filter((path) => path.length > 1 || path[0] !== 'f:metadata').map((path) => [path.join(' '), path]),
  )
}

function collect(value: unknown, path: Path, dotted: string, into: Path[]): void {
  if (Array.isArray(value)) {
    const keys = mapKeysOf(dotted)
    if (keys !== undefined) {
      for (const each of value) {
        const step = stepOf(each, keys)
        into.push([...path, step])
        if (keys.length > 0) collect(each, [...path, step], dotted, into)
      }
      return
    }
  }
  if (isRecord(value) && (Object.keys(value).length > 0 || path.length === 0)) {
    // Elements of lists are owned as such, too; maps by what is in them.
    for (const [key, each] of Object.entries(value))
      collect(each, [...path, `f:${key}`], dotted === '' ? key : `${dotted}.${key}`, into)
    return
  }
  into.push(path)
}

function stepOf(element: unknown, keys: readonly string[]): string {
  if (keys.length === 0) return `v:${JSON.stringify(element)}`
  const record = recordOf(element)
  const named = keys.map((key) => [key, record[key] ?? (key === 'protocol' ? 'TCP' : undefined)] as const)
  return `k:${JSON.stringify(Object.fromEntries(named))}`
}

function isOwned(fields: Fields, path: Path, reach?: 'or below'): boolean {
  const key = path.join(' ')
  return (
    fields.has(key) || (reach !== undefined && [...fields.keys()].some((each) => each.startsWith(`${key} `)))
  )
}

function treeOf(fields: Fields): Json {
  const tree: Record<string, unknown> = {}
  for (const path of fields.values()) {
    let at = tree
    for (const step of path) {
      const below = (at[step] ?? {}) as Record<string, unknown>
      at[step] = below
      at = below
    }
    if (path.at(-1)?.startsWith('k:')) at['.'] = {}
  }
  return tree
}

function pathsIn(tree: Json, path: Path): readonly Path[] {
  const steps = Object.entries(tree)
  if (steps.length === 0) return [path]
  return steps.flatMap(([step, below]) => (step === '.' ? [path] : pathsIn(recordOf(below), [...path, step])))
}

function valueAt(object: unknown, path: Path): unknown {
  let [value, dotted] = [object, '']
  for (const step of path) {
    if (step.startsWith('f:')) {
      const key = step.slice(2)
      value = recordOf(value)[key]
      dotted = dotted === '' ? key : `${dotted}.${key}`
    } else value = listOf(value).find((each) => stepOf(each, mapKeysOf(dotted) ?? []) === step)
  }
  // Whether an element is there, not what is in it, is a field of its own.
  return path.at(-1)?.startsWith('f:') ? value : value !== undefined
}

function removeAt(object: unknown, [step, ...rest]: Path, dotted = ''): unknown {
  if (step === undefined) return undefined
  if (step.startsWith('f:')) {
    const key = step.slice(2)
    if (!isRecord(object) || !Object.hasOwn(object, key)) return object
    const { [key]: below, ...others } = object
    const left = removeAt(below, rest, dotted === '' ? key : `${dotted}.${key}`)
    return left === undefined || isEmpty(left) ? others : { ...others, [key]: left }
  }
  const keys = mapKeysOf(dotted) ?? []
  return listOf(object).flatMap((each) => {
    if (stepOf(each, keys) !== step) return [each]
    const left = removeAt(each, rest, dotted)
    return left === undefined ? [] : [left]
  })
}

function isEmpty(value: unknown): boolean {
  return (isRecord(value) && Object.keys(value).length === 0) || (Array.isArray(value) && value.length === 0)
}

function mergeConfig(live: unknown, config: unknown, dotted: string): unknown {
  if (Array.isArray(config)) {
    const keys = mapKeysOf(dotted)
    if (keys === undefined || !Array.isArray(live)) return config
    const wanted = new Map(config.map((each) => [stepOf(each, keys), each]))
    const known = new Set(live.map((each) => stepOf(each, keys)))
    const merged = live.map((each) => {
      const step = stepOf(each, keys)
      return wanted.has(step) ? mergeConfig(each, wanted.get(step), dotted) : each
    })
    return [...merged, ...[...wanted].filter(([step]) => !known.has(step)).map(([, each]) => each)]
  }
  if (!isRecord(config)) return config
  const result: Record<string, unknown> = { ...recordOf(live) }
  for (const [key, each] of Object.entries(config))
    result[key] = mergeConfig(result[key], each, dotted === '' ? key : `${dotted}.${key}`)
  return result
}
