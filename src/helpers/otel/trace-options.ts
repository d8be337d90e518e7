import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { isZero, readTraceparent, readTraceState, type TraceContext } from './trace-context.ts'

/** Which trace something is part of: among the options of `otel.span` and `otel.log`. */
export const traceOptions = {
  traceparent: z.string().optional(),
  tracestate: z.string().optional(),
  traceId: z.string().optional(),
}

export interface TraceOptions {
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
  readonly traceId?: string | undefined
}

/**
 * What they say: `spanId` is the sender's, and "" where only the trace is named. A `traceparent` or `tracestate` that is none counts as
 * not given, since scripts pass on what they have seen; an id that they name themselves must be one.
 */
export function readContext(helper: string, options: TraceOptions): TraceContext | undefined {
  const { traceparent, tracestate, traceId } = options
  const seen = readTraceparent(traceparent)
  const context =
    traceId === undefined
      ? seen
      : { spanId: '', isSampled: true, traceId: checkedId(helper, 'options.traceId', traceId, 32) }
  const traceState = readTraceState(tracestate)
  return context && traceState !== undefined ? { ...context, traceState } : context
}

export function checkedId(helper: string, name: string, id: string, digits: 16 | 32): string {
  const lower = id.toLowerCase()
  if (lower.length === digits && /^[0-9a-f]+$/.test(lower) && !isZero(lower)) return lower
  throw new Mistake(
    'E_HELPER_ARGUMENT',
    `${helper}: ${name}: expected ${digits} hexadecimal digits, not all 0, found ${JSON.stringify(id.slice(0, 40))}`,
  )
}
