import { z } from 'zod'
import { PartlyFailed } from '../answer.ts'
import type { HelperHost, Params, Queued, QueuedCall } from '../helper.ts'
import type { DestinationOptions } from './destination.ts'
import type { Signal } from './messages.ts'

/** Whose telemetry it is: what each `otel.*` helper takes among its options. */
export const resourceOptions = {
  service: z.string().min(1).optional(),
  resource: z.record(z.string(), z.unknown()).optional(),
}

/** What goes to one place goes in one request. The address may have a key in its query, so that is left out. */
export function queueKey(signal: Signal, { endpoint }: DestinationOptions): string {
  const url = endpoint === undefined ? null : URL.parse(endpoint)
  return url === null ? signal : `${signal} ${url.origin}`
}

/**
 * Sends many calls in one request for each destination. What a script got wrong in one of them fails that one alone; a request
 * that fails fails those that were in it.
 */
export function batchBy<P extends Params & { readonly options: z.ZodType<DestinationOptions> }>(
  send: (calls: readonly QueuedCall<P>[], host: HelperHost) => Promise<void>,
): NonNullable<Queued<P>['batch']> {
  return {
    most: MOST_AT_ONCE,
    mostBytes: MOST_BYTES_AT_ONCE,
    async send(calls, host) {
      const groups = Map.groupBy(calls.keys(), (place) => placeOf(calls[place]?.args.options))
      const failures = new Map<number, unknown>()
      for (const places of groups.values()) {
        const chosen = places.flatMap((place) => calls[place] ?? [])
        await send(chosen, host).catch((error: unknown) => {
          for (const place of places) failures.set(place, error)
        })
      }
      if (failures.size === calls.length && groups.size === 1) throw failures.get(0)
      if (failures.size > 0) throw new PartlyFailed('otel: some were not sent', failures)
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
