/**
 * What is exported, as OTLP/JSON names it (opentelemetry-proto 1.x, https://opentelemetry.io/docs/specs/otlp/). Ids are
 * lower-case hexadecimal; times and counts are bigints: ns since the epoch.
 */

export type Signal = 'traces' | 'metrics' | 'logs'

export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: bigint }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  /** Nothing: null. */
  | Readonly<Record<string, never>>

export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

/** Attributes of something, and how many were too many. */
export interface Attributed {
  readonly attributes: readonly KeyValue[]
  readonly droppedAttributesCount?: number
}

export interface Scope {
  readonly name: string
  readonly version: string
}

export interface Span extends Attributed {
  readonly traceId: string
  readonly spanId: string
  readonly traceState?: string
  readonly parentSpanId?: string
  /** Trace flags of W3C in the lowest byte; 0x100: 0x200 says whether the parent is remote. */
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  readonly events?: readonly SpanEvent[]
  readonly links?: readonly SpanLink[]
  readonly droppedLinksCount?: number
  readonly status?: { readonly message?: string; readonly code: number }
}

export interface SpanEvent extends Attributed {
  readonly timeUnixNano: bigint
  readonly name: string
}

export interface SpanLink extends Attributed {
  readonly traceId: string
  readonly spanId: string
  readonly traceState?: string
  readonly flags: number
}

export const SPAN_KINDS = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
export type SpanKind = keyof typeof SPAN_KINDS
export const STATUS = { unset: 0, ok: 1, error: 2 } as const
export const REMOTE_PARENT = 0x300
export const LOCAL_PARENT = 0x100

export interface LogRecord extends Attributed {
  readonly timeUnixNano: bigint
  readonly observedTimeUnixNano: bigint
  readonly severityNumber: number
  readonly severityText: string
  readonly body: AnyValue
  readonly flags?: number
  readonly traceId?: string
  readonly spanId?: string
  readonly eventName?: string
}

export interface Metric {
  readonly name: string
  readonly description?: string
  readonly unit?: string
  readonly gauge?: { readonly dataPoints: readonly NumberPoint[] }
  readonly sum?: {
    readonly dataPoints: readonly NumberPoint[]
    readonly aggregationTemporality: number
    readonly isMonotonic: boolean
  }
  readonly histogram?: {
    readonly dataPoints: readonly HistogramPoint[]
    readonly aggregationTemporality: number
  }
}

export const TEMPORALITIES = { delta: 1, cumulative: 2 } as const
export type Temporality = keyof typeof TEMPORALITIES

export interface NumberPoint {
  readonly attributes: readonly KeyValue[]
  readonly startTimeUnixNano?: bigint
  readonly timeUnixNano: bigint
  readonly asDouble: number
}

export interface HistogramPoint {
  readonly attributes: readonly KeyValue[]
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly count: bigint
  readonly sum?: number
  readonly bucketCounts: readonly bigint[]
  readonly explicitBounds: readonly number[]
  readonly min: number
  readonly max: number
}

/** One of what a signal carries, and whose it is. */
export interface Exported<Item> {
  readonly resource: readonly KeyValue[]
  readonly item: Item
}

export interface Items {
  readonly traces: Span
  readonly metrics: Metric
  readonly logs: LogRecord
}

/** An `Export…ServiceRequest`: items by their resources, all of one scope. */
export function exportRequest<S extends Signal>(
  signal: S,
  exported: readonly Exported<Items[S]>[],
  scope: Scope,
): object {
  const { resources, scopes, items } = NAMES[signal]
  const groups = Map.groupBy(exported, ({ resource }) => keyOf(resource))
  return {
    [resources]: [...groups.values()].map((group) => ({
      resource: { attributes: group[0]?.resource ?? [] },
      [scopes]: [{ scope, [items]: group.map(({ item }) => item), schemaUrl: SCHEMA_URL }],
    })),
  }
}

/** The version of the semantic conventions that the names of attributes are from. */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.45.0'

const NAMES = {
  traces: { resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans' },
  metrics: { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics' },
  logs: { resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' },
} as const

/** Equal attributes have equal keys. */
export function keyOf(attributes: readonly KeyValue[]): string {
  return toJson(attributes)
}

/** OTLP/JSON: 64-bit numbers as decimal text. What JSON has no number for is text, as in protobuf's JSON. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, each) => {
    if (typeof each === 'bigint') return String(each)
    return typeof each === 'number' && !Number.isFinite(each) ? String(each) : each
  })
}
