import { Mistake } from '../mistake/mistake.ts'
import { arity, readArguments } from './arguments.ts'
import { asMistake, brief } from './failure.ts'
import type { Arguments, BrokerHelper, Helper, HelperHost, Namespace, Params } from './helper.ts'

/** What the sandbox is told of a helper. Plain JSON. */
export interface Stub {
  /** `vendor.webhook`; `setTimeout` for a global function. */
  readonly path: string
  /** `sandbox`: the jail has its own; `broker`: a call over the bridge. */
  readonly where: Helper['where']
  readonly params: readonly string[]
  /** Arguments that it needs. */
  readonly min: number
  /** Arguments that it looks at. */
  readonly max: number
  /** The last parameter takes all that follow: there is no such limit. */
  readonly rest: boolean
  /** Its calls can go by way of the outbox. */
  readonly isQueued: boolean
}

export type StubTable = readonly Stub[]

/** The table from which the sandbox builds its namespaces, in the order of the declarations. */
export function stubTable(namespaces: readonly Namespace[]): StubTable {
  return [...allHelpers(namespaces)].map(([path, helper]) => {
    const { where, params } = helper
    const isQueued = helper.where === 'broker' && helper.queued !== undefined
    const names = Object.keys(params)
    const { min, max } = arity(params)
    return {
      path,
      where,
      params: names,
      min,
      max: Math.min(max, names.length),
      rest: max > names.length,
      isQueued,
    }
  })
}

/** For the linter: how many arguments each helper needs, and how many it looks at (Infinity: all there are). */
export function helperArity(
  namespaces: readonly Namespace[],
): ReadonlyMap<string, { readonly min: number; readonly max: number }> {
  return new Map(
    [...allHelpers(namespaces)].flatMap(([path, helper]) => {
      const count = arity(helper.params)
      const isQueued = helper.where === 'broker' && helper.queued !== undefined
      return isQueued
        ? [
            [path, count],
            [`${path}.queue`, count],
          ]
        : [[path, count]]
    }),
  )
}

export interface DispatchOptions {
  /** As in earnest by default. */
  readonly how?: 'run' | 'rehearsed'
  /** Is told of what is about to be run, with its arguments as they were read; what it throws keeps that from happening. */
  readonly permit?: ((helper: BrokerHelper, read: Arguments<Params>) => void) | undefined
}

/**
 * Runs a broker helper for a script: finds it, converts and checks the arguments, runs it, checks the answer, which
 * is JSON or undefined. What the script or the other side got wrong is a Mistake; anything else is a bug of ours.
 */
export async function dispatch(
  namespaces: readonly Namespace[],
  path: string,
  args: readonly unknown[],
  host: HelperHost,
  { how = 'run', permit }: DispatchOptions = {},
): Promise<unknown> {
  const helper = findBrokerHelper(namespaces, path)
  const read = readArguments(path, helper.params, args)
  try {
    permit?.(helper, read)
    const run = how === 'rehearsed' && helper.rehearsed !== undefined ? helper.rehearsed : helper.run
    return helper.returns.parse(await run(read, host))
  } catch (error) {
    throw asMistake(error, path, host)
  }
}

/** Every helper with its path. */
export function* allHelpers(namespaces: readonly Namespace[]): Generator<readonly [string, Helper]> {
  for (const { name, helpers } of namespaces)
    for (const [key, helper] of Object.entries(helpers)) yield [joined(name, key), helper]
}

/** `path` comes from the sandbox and may be anything. */
function findBrokerHelper(namespaces: readonly Namespace[], path: string): BrokerHelper {
  const helper = helperAt(namespaces, path)
  if (helper === undefined) throw new Mistake('E_HELPER_ARGUMENT', `there is no helper ${brief(path)}`)
  if (helper.where === 'sandbox')
    throw new Mistake('E_HELPER_REFUSED', `${path} runs in the sandbox and cannot be called from outside`)
  return helper
}

/** Undefined when there is none: `path` may be anything. */
export function helperAt(namespaces: readonly Namespace[], path: string): Helper | undefined {
  const dot = path.lastIndexOf('.')
  const name = path.slice(0, Math.max(dot, 0))
  const key = path.slice(dot + 1)
  const found = namespaces.find((each) => each.name === name && Object.hasOwn(each.helpers, key))
  return found?.helpers[key]
}

function joined(namespace: string, key: string): string {
  return namespace === '' ? key : `${namespace}.${key}`
}
