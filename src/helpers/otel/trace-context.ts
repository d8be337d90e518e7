import { createHash, randomBytes } from 'node:crypto'

/** Where a request belongs: what its sender says of the trace that it is part of. */
export interface TraceContext {
  /** 32 and 16 digits, lower case. */
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
  readonly traceState?: string
}

/** Headers of a request or of a message, values of any type: names are compared without regard to case. */
export type Carrier = Readonly<Record<string, unknown>>

/** W3C Trace Context, else B3 in one header, else in several (https://github.com/openzipkin/b3-propagation). */
export function contextIn(carrier: Carrier): TraceContext | undefined {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(carrier)) {
    const text = textOf(value)
    if (text !== undefined) headers.set(name.toLowerCase(), text)
  }
  const w3c = readTraceparent(headers.get('traceparent'))
  if (w3c === undefined) return readB3(headers.get('b3')) ?? readB3Headers(headers)
  const traceState = readTraceState(headers.get('tracestate'))
  return traceState === undefined ? w3c : { ...w3c, traceState }
}

/** As producers of messages write them: text, or bytes that were kept as a list of numbers. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join(',') : undefined
}

/**
 * https://www.w3.org/TR/trace-context/#tracestate-header: what is no list of keys and values is left out, as the specification
 * has it, and so are the oldest of more than have to be passed on.
 */
export function readTraceState(text: string | undefined): string | undefined {
  const members = (text ?? '')
    .slice(0, LONGEST_READ)
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
  if (members.length > MOST_MEMBERS || !members.every((member) => MEMBER.test(member))) return undefined
  while (members.join().length > LONGEST_TRACE_STATE) members.pop()
  return members.length === 0 ? undefined : members.join()
}

const MEMBER = /^[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/
const MOST_MEMBERS = 32
/** More is what nobody has to pass on. */
const LONGEST_TRACE_STATE = 512
/** 32 of the longest. */
const LONGEST_READ = 32 * 514

/** https://www.w3.org/TR/trace-context/#traceparent-header: later versions may have more behind the flags. */
export function readTraceparent(text: string | undefined): TraceContext | undefined {
  const found = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text?.trim() ?? '')
  if (found === null) return undefined
  const [, version, traceId = '', spanId = '', flags = '', rest] = found
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  return contextOf(traceId, spanId, (Number.parseInt(flags, 16) & 1) === 1)
}

/** `{TraceId}-{SpanId}-{SamplingState}-{ParentSpanId}`; the last two may be missing. */
function readB3(text: string | undefined): TraceContext | undefined {
  const found = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d]))?(?:-[0-9a-f]{16})?$/i.exec(
    text?.trim() ?? '',
  )
  if (found === null) return undefined
  return contextOf(found[1] ?? '', found[2] ?? '', found[3] !== '0')
}

function readB3Headers(headers: ReadonlyMap<string, string>): TraceContext | undefined {
  const traceId = headers.get('x-b3-traceid') ?? ''
  const spanId = headers.get('x-b3-spanid') ?? ''
  if (!/^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(traceId) || !/^[0-9a-f]{16}$/i.test(spanId)) return undefined
  const sampled = headers.get('x-b3-sampled')
  return contextOf(
    traceId,
    spanId,
    headers.get('x-b3-flags') === '1' || (sampled !== '0' && sampled !== 'false'),
  )
}

/** Ids of zeros alone are none. B3 has trace ids of 64 bits, too, which stand at the end of ours. */
function contextOf(traceId: string, spanId: string, isSampled: boolean): TraceContext | undefined {
  const trace = traceId.toLowerCase().padStart(32, '0')
  const span = spanId.toLowerCase()
  return isZero(trace) || isZero(span) ? undefined : { traceId: trace, spanId: span, isSampled }
}

export function isZero(id: string): boolean {
  return /^0*$/.test(id)
}

/** The same for the same parts: what is sent twice is known to be one. */
export function idsOf(...parts: readonly string[]): { readonly traceId: string; readonly spanId: string } {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  // A chance of 2^-64 is none, but an id of zeros would be no id.
  return { traceId: `${digest.slice(0, 31)}1`, spanId: `${digest.slice(32, 47)}1` }
}

export function newIds(): { readonly traceId: string; readonly spanId: string } {
  return idsOf(randomBytes(24).toString('hex'))
}
