import { z } from 'zod'
import { PartlyFailed } from '../answer.ts'
import type { Arguments, HelperHost, Params, Queued, QueuedCall } from '../helper.ts'
import { type DestinationOptions, destinationOf, targetOf } from './destination.ts'
import { rehearse, send } from './export.ts'
import type { Signal } from './messages.ts'

/** Whose telemetry it is: what each `otel.*` helper takes among its options. */
export const resourceOptions = {
  service: z.string().min(1).optional(),
  resource: z.record(z.string(), z.unknown()).optional(),
}

/** What goes to one place goes in one request. The address may have a key in its query, so that is left out. */
function queueKey(signal: Signal, { endpoint }: DestinationOptions): string {
  const url = endpoint === undefined ? null : URL.parse(endpoint)
  return url === null ? signal : `${signal} ${url.origin}`
}

/** A call, at once or out of the outbox. */
export type Call<P extends Params> = Omit<QueuedCall<P>, 'id'> & { readonly id?: string | undefined }

/** How calls of a helper become items, and items a request. */
export interface Sending<P extends Params, Item> {
  /** Undefined: there is nothing to be sent. Throws a Mistake for what the script got wrong. */
  itemOf(call: Call<P>, host: HelperHost): Item | undefined
  /** May throw a `PartlyFailed`, by place among the items. */
  send(items: readonly Item[], options: DestinationOptions, host: HelperHost): Promise<void>
}

type WithOptions = Params & { readonly options: z.ZodType<DestinationOptions> }

/** What the declarations of all of them have in common: a call is one item, sent at once, later with others, or only rehearsed. */
export function exporting<P extends WithOptions, Item>(
  helper: string,
  signal: Signal,
  sendingBy: (how: typeof send) => Sending<P, Item>,
) {
  return {
    effect: 'network',
    returns: z.void(),
    target: ({ options }: Arguments<P>, host: HelperHost) =>
      targetOf(destinationOf(helper, signal, options, host)),
    queued: {
      key: ({ options }: Arguments<P>) => queueKey(signal, options),
      batch: batchBy(sendingBy(send)),
    },
    run: (args: Arguments<P>, host: HelperHost) => sendOne(sendingBy(send), args, host),
    rehearsed: (args: Arguments<P>, host: HelperHost) => sendOne(sendingBy(rehearse), args, host),
  } as const
}

/** One call, for which the script waits. */
async function sendOne<P extends WithOptions, Item>(
  { itemOf, send }: Sending<P, Item>,
  args: Arguments<P>,
  host: HelperHost,
): Promise<void> {
  const item = itemOf({ args, at: host.now(), id: host.queuedId }, host)
  if (item !== undefined) await send([item], args.options, host)
}

/**
 * Many calls in one request for each destination. What a script got wrong in one of them fails that one alone; a request that
 * fails fails those that were in it.
 */
function batchBy<P extends WithOptions, Item>({
  itemOf,
  send,
}: Sending<P, Item>): NonNullable<Queued<P>['batch']> {
  return {
    most: MOST_AT_ONCE,
    mostBytes: MOST_BYTES_AT_ONCE,
    async send(calls, host) {
      const failures = new Map<number, unknown>()
      const ready = calls.flatMap((call, place) => {
        try {
          const item = itemOf(call, host)
          return item === undefined ? [] : [{ place, item, options: call.args.options }]
        } catch (error) {
          failures.set(place, error)
          return []
        }
      })
      for (const group of Map.groupBy(ready, ({ options }) => placeOf(options)).values()) {
        const items = group.map(({ item }) => item)
        await send(items, group[0]?.options ?? {}, host).catch((error: unknown) => {
          const only = error instanceof PartlyFailed ? error.failures : undefined
          group.forEach(({ place }, at) => {
            if (only === undefined) failures.set(place, error)
            else if (only.has(at)) failures.set(place, only.get(at))
          })
        })
      }
      if (failures.size > 0)
        throw new PartlyFailed(`otel: ${failures.size} of ${calls.length} were not sent`, failures)
    },
  }
}

/** As the SDKs have it. */
const MOST_AT_ONCE = 512
/** Receivers of gRPC take 4 MiB, and items are smaller than the arguments that they come from. */
const MOST_BYTES_AT_ONCE = 3 * 2 ** 20

function placeOf({ endpoint, protocol, headers, compression }: DestinationOptions = {}): string {
  return JSON.stringify([endpoint, protocol, headers, compression])
}
