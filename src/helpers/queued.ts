import { Mistake } from '../mistake/mistake.ts'
import { PartlyFailed } from './answer.ts'
import { readArguments } from './arguments.ts'
import { type DispatchOptions, helperAt } from './dispatch.ts'
import { asMistake } from './failure.ts'
import { type BrokerHelper, type HelperHost, isRest, type Namespace, type Queued } from './helper.ts'

/** For authors, of `queue` of any helper that has it. */
export const QUEUE_DOC =
  'Keeps the call on disk until it has arrived, and returns its id at once: it is sent later, again when that fails, and in order. It may arrive twice.'

/** A helper whose calls can go by way of the outbox. */
type QueuedHelper = BrokerHelper & { readonly queued: Queued }

type Permit = NonNullable<DispatchOptions['permit']>

/** A call on its way out of the outbox. */
export interface KeptCall {
  readonly id: string
  /** ms since the epoch by the clock of the agent. */
  readonly at: number
  /** As the script gave them. Throws when they cannot be read any more. */
  readonly args: () => readonly unknown[]
}

/** The helper whose calls `vendor.webhook.queue` keeps; undefined when there is none, and for all other paths. */
export function queuedPath(namespaces: readonly Namespace[], path: string): string | undefined {
  if (!path.endsWith(QUEUE) || helperAt(namespaces, path) !== undefined) return undefined
  const kept = path.slice(0, -QUEUE.length)
  return queuedHelper(namespaces, kept) === undefined ? undefined : kept
}

/**
 * Checks a call that is to be kept. Answers its key, what is kept in place of its arguments, and `undo` for when it cannot be kept.
 * What the script got wrong is a Mistake.
 */
export async function prepareCall(
  namespaces: readonly Namespace[],
  path: string,
  args: readonly unknown[],
  host: HelperHost,
  permit: Permit,
): Promise<{ readonly key: string; readonly args: readonly unknown[]; undo(): Promise<void> }> {
  const helper = needed(namespaces, path)
  const read = readArguments(path, helper.params, args)
  permit(helper, read)
  const key = helper.queued.key(read)
  if (helper.queued.prepare === undefined) return { key, args, async undo() {} }
  try {
    const prepared = await helper.queued.prepare(read, host)
    const undo = async () => await helper.queued.settled?.(prepared, host)
    return { key, args: inOrder(helper, prepared), undo }
  } catch (error) {
    throw asMistake(error, path, host)
  }
}

/** How many calls of a helper go at once. */
export function batchLimits(
  namespaces: readonly Namespace[],
  path: string,
): { readonly most: number; readonly mostBytes: number } {
  return queuedHelper(namespaces, path)?.queued.batch ?? ONE
}

/** Sends kept calls with one key, oldest first, no more than `batchLimits` says. Throws as `batch.send` does. */
export async function deliver(
  namespaces: readonly Namespace[],
  { path, calls }: { readonly path: string; readonly calls: readonly KeptCall[] },
  host: HelperHost,
  permit: Permit,
): Promise<void> {
  const helper = needed(namespaces, path)
  const failures = new Map<number, unknown>()
  const places: number[] = []
  const readable = calls.flatMap(({ id, at, args }, place) => {
    try {
      const call = { id, at, args: readArguments(path, helper.params, args()) }
      permit(helper, call.args)
      places.push(place)
      return [call]
    } catch (error) {
      // Another release may take other arguments, and what was permitted need not be any more.
      failures.set(place, error)
      return []
    }
  })
  try {
    const { batch } = helper.queued
    const [first] = readable
    if (batch !== undefined && first !== undefined) await batch.send(readable, host)
    else for (const { id, args } of readable) await helper.run(args, { ...host, queuedId: id })
  } catch (thrown) {
    const error = asMistake(thrown, path, host)
    if (failures.size === 0) throw error
    places.forEach((place, at) => {
      const isPart = error instanceof PartlyFailed
      if (!isPart || error.failures.has(at)) failures.set(place, isPart ? error.failures.get(at) : error)
    })
  }
  if (failures.size > 0) throw new PartlyFailed(`${path}: ${failures.size} calls failed`, failures)
}

/** A kept call has gone for good: what was prepared for it can go, too. */
export async function settleCall(
  namespaces: readonly Namespace[],
  path: string,
  args: readonly unknown[],
  host: HelperHost,
): Promise<void> {
  const helper = queuedHelper(namespaces, path)
  await helper?.queued.settled?.(readArguments(path, helper.params, args), host)
}

/** Whether calls of a helper leave something behind that `settleCall` removes. */
export function leavesSomething(namespaces: readonly Namespace[], path: string): boolean {
  return queuedHelper(namespaces, path)?.queued.settled !== undefined
}

function needed(namespaces: readonly Namespace[], path: string): QueuedHelper {
  const helper = queuedHelper(namespaces, path)
  if (helper === undefined) throw new Mistake('E_HELPER_ARGUMENT', `${path} cannot be queued`)
  return helper
}

function queuedHelper(namespaces: readonly Namespace[], path: string): QueuedHelper | undefined {
  const helper = helperAt(namespaces, path)
  return helper?.where === 'broker' && hasQueued(helper) ? helper : undefined
}

function hasQueued(helper: BrokerHelper): helper is QueuedHelper {
  return helper.queued !== undefined
}

/** As a script would give them. */
function inOrder({ params }: BrokerHelper, args: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Object.entries(params).flatMap(([name, schema]) => {
    const value = args[name]
    return isRest(schema) && Array.isArray(value) ? value : [value]
  })
}

const QUEUE = '.queue'
const ONE = { most: 1, mostBytes: 0 }
