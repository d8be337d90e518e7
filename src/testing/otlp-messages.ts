import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { readFields, u64le, varintAt, type WireField } from '../dissectors/http/grpc/wire.ts'
import type { Signal } from '../helpers/otel/messages.ts'

/** A message as it was read: 64-bit numbers as bigints, ids in hexadecimal; what was not there is not there. */
export type Fields = { readonly [name: string]: unknown }

const schema = protobuf.parse(readFileSync(new URL('otlp.proto', import.meta.url), 'utf8')).root
schema.resolveAll()

export function typeOf(name: string): protobuf.Type {
  return schema.lookupType(`otlp.${name}`)
}

const REQUESTS = {
  traces: 'ExportTraceServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
  logs: 'ExportLogsServiceRequest',
} as const satisfies Record<Signal, string>

/** Reads a request, and throws for a field that OTLP does not have, a wrong type, and all that OTLP forbids. */
export function readProtobuf(signal: Signal, bytes: Uint8Array): Fields {
  const request = messageIn(typeOf(REQUESTS[signal]), bytes, signal)
  validate(signal, request)
  return request
}

export function readJson(signal: Signal, text: string): Fields {
  const request = jsonIn(typeOf(REQUESTS[signal]), JSON.parse(text), signal)
  validate(signal, request)
  return request
}

function messageIn(type: protobuf.Type, bytes: Uint8Array, path: string): Fields {
  const read: Record<string, unknown> = {}
  const fields = readFields(bytes, 0, bytes.length)
  assert.ok(fields !== undefined, `${path}: is no protobuf message`)
  for (const wire of fields) {
    const field = type.fieldsById[wire.number]
    assert.ok(field !== undefined, `${path}: ${type.name} has no field ${wire.number}`)
    const at = `${path}.${field.name}`
    const values = valuesOf(field, bytes, wire, at)
    if (field.repeated) read[field.name] = [...((read[field.name] as unknown[] | undefined) ?? []), ...values]
    else {
      assert.ok(!(field.name in read), `${at}: is there twice`)
      read[field.name] = values[0]
    }
  }
  checkOneofs(type, read, path)
  return read
}

function valuesOf(field: protobuf.Field, bytes: Uint8Array, wire: WireField, path: string): unknown[] {
  const { type, resolvedType, repeated } = field
  const part = bytes.subarray(wire.start, wire.end)
  if (resolvedType instanceof protobuf.Type) {
    assert.equal(wire.wire, 2, path)
    return [messageIn(resolvedType, part, path)]
  }
  if (repeated && (type === 'fixed64' || type === 'double')) {
    assert.equal(wire.wire, 2, `${path}: is not packed`)
    assert.equal(part.length % 8, 0, path)
    return Array.from({ length: part.length / 8 }, (_, at) => scalarOf(type, part, at * 8))
  }
  assert.equal(wire.wire, WIRE_TYPES[resolvedType === null ? type : 'enum'], `${path}: type on the wire`)
  return [
    scalarOf(
      resolvedType === null ? type : 'enum',
      wire.wire === 2 ? part : bytes,
      wire.wire === 2 ? 0 : wire.start,
      field,
    ),
  ]
}

const WIRE_TYPES: Readonly<Record<string, number>> = {
  ...{ enum: 0, int64: 0, int32: 0, uint32: 0, bool: 0 },
  ...{ fixed64: 1, sfixed64: 1, double: 1, string: 2, bytes: 2, fixed32: 5 },
}

function scalarOf(type: string, bytes: Uint8Array, at: number, field?: protobuf.Field): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'string':
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    case 'bytes':
      return field !== undefined && IDS.has(field.name) ? Buffer.from(bytes).toString('hex') : bytes
    case 'double':
      return view.getFloat64(at, true)
    case 'fixed32':
      return view.getUint32(at, true)
    case 'fixed64':
      return u64le(bytes, at)
    case 'sfixed64':
      return BigInt.asIntN(64, u64le(bytes, at))
    case 'int64':
      return BigInt.asIntN(64, BigInt(varintAt(bytes, at)))
    case 'bool':
      return varintAt(bytes, at) !== 0
    default:
      return Number(varintAt(bytes, at))
  }
}

const IDS = new Set(['traceId', 'spanId', 'parentSpanId'])

function jsonIn(type: protobuf.Type, value: unknown, path: string): Fields {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), `${path}: is no object`)
  const read: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(value)) {
    const field = type.fields[name]
    const at = `${path}.${name}`
    assert.ok(field !== undefined, `${at}: ${type.name} has no such field`)
    if (field.repeated) assert.ok(Array.isArray(each), `${at}: is no list`)
    const values = [each].flat(field.repeated ? 1 : 0).map((one) => jsonValue(field, one, at))
    read[name] = field.repeated ? values : values[0]
  }
  checkOneofs(type, read, path)
  return read
}

function jsonValue({ type, resolvedType, name }: protobuf.Field, value: unknown, path: string): unknown {
  if (resolvedType instanceof protobuf.Type) return jsonIn(resolvedType, value, path)
  switch (resolvedType === null ? type : 'enum') {
    case 'string':
      assert.equal(typeof value, 'string', path)
      return value
    case 'bytes':
      assert.ok(IDS.has(name) && /^([0-9a-f]{2})*$/.test(String(value)), `${path}: hexadecimal in lower case`)
      return value
    case 'bool':
      assert.equal(typeof value, 'boolean', path)
      return value
    case 'int64':
    case 'fixed64':
    case 'sfixed64':
      assert.match(String(value), /^-?\d+$/, path)
      assert.equal(typeof value, 'string', `${path}: 64-bit numbers are text`)
      return BigInt(String(value))
    case 'double':
      return typeof value === 'string' && /^(NaN|-?Infinity)$/.test(value)
        ? Number(value)
        : numberIn(value, path)
    default: // enums are numbers in OTLP/JSON, too
      return numberIn(value, path)
  }
}

function numberIn(value: unknown, path: string): number {
  assert.equal(typeof value, 'number', path)
  return value as number
}

function checkOneofs(type: protobuf.Type, read: Fields, path: string): void {
  for (const { name, oneof } of type.oneofsArray)
    assert.ok(oneof.filter((each) => each in read).length < 2, `${path}: more than one ${name}`)
}

/** What holds beyond the types. */
function validate(signal: Signal, request: Fields): void {
  for (const group of listIn(request, NAMES[signal].resources)) {
    const resource = attributesIn(group.resource as Fields)
    assert.equal(typeof resource['service.name'], 'string', 'service.name')
    for (const scoped of listIn(group, NAMES[signal].scopes)) {
      assert.equal((scoped.scope as Fields).name, 'remora')
      const items = listIn(scoped, NAMES[signal].items)
      assert.ok(items.length > 0, 'nothing in a scope')
      for (const item of items) VALIDATE[signal](item)
    }
  }
}

const NAMES = {
  traces: { resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans' },
  metrics: { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics' },
  logs: { resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' },
} as const

function listIn(message: Fields, name: string): readonly Fields[] {
  return (message[name] ?? []) as readonly Fields[]
}

const VALIDATE: Readonly<Record<Signal, (item: Fields) => void>> = {
  traces: validateSpan,
  metrics: validateMetric,
  logs: validateLog,
}

function validateSpan(span: Fields): void {
  const what = `span ${span.name}`
  checkId(span.traceId, 32, what)
  checkId(span.spanId, 16, what)
  if (span.parentSpanId !== undefined) checkId(span.parentSpanId, 16, what)
  assert.notEqual(span.parentSpanId, span.spanId, what)
  assert.ok(typeof span.name === 'string' && span.name !== '', what)
  assert.ok([1, 2, 3, 4, 5].includes(span.kind as number), `${what}: kind`)
  assert.ok((span.startTimeUnixNano as bigint) > 0n, `${what}: start`)
  assert.ok(
    (span.endTimeUnixNano as bigint) >= (span.startTimeUnixNano as bigint),
    `${what}: ends before it starts`,
  )
  assert.equal((span.flags as number) & ~0x3ff, 0, `${what}: flags`)
  const status = (span.status ?? {}) as Fields
  assert.ok([undefined, 0, 1, 2].includes(status.code as number | undefined), `${what}: status`)
  if (status.message !== undefined) assert.equal(status.code, 2, `${what}: a message is for errors only`)
  attributesIn(span)
  for (const event of listIn(span, 'events')) {
    assert.ok((event.timeUnixNano as bigint) > 0n && event.name !== '', `${what}: event`)
    attributesIn(event)
  }
  for (const link of listIn(span, 'links')) {
    checkId(link.traceId, 32, `${what}: link`)
    checkId(link.spanId, 16, `${what}: link`)
    attributesIn(link)
  }
}

function validateLog(record: Fields): void {
  assert.ok((record.observedTimeUnixNano as bigint) > 0n, 'observed time')
  const severity = record.severityNumber as number
  assert.ok(severity >= 1 && severity <= 24, 'severity')
  if (record.traceId !== undefined) checkId(record.traceId, 32, 'log')
  if (record.spanId !== undefined) {
    checkId(record.spanId, 16, 'log')
    assert.ok(record.traceId !== undefined, 'a span without its trace')
  }
  attributesIn(record)
}

function validateMetric(metric: Fields): void {
  const what = `metric ${metric.name}`
  assert.ok(typeof metric.name === 'string' && metric.name !== '', what)
  const kind = ['gauge', 'sum', 'histogram'].find((each) => each in metric)
  assert.ok(kind !== undefined, `${what}: no data`)
  const data = metric[kind] as Fields
  if (kind !== 'gauge')
    assert.ok([1, 2].includes(data.aggregationTemporality as number), `${what}: temporality`)
  const points = listIn(data, 'dataPoints')
  assert.ok(points.length > 0, `${what}: no points`)
  const series = points.map((point) =>
    JSON.stringify(Object.entries(attributesIn(point)).sort(), withBigints),
  )
  assert.equal(new Set(series).size, series.length, `${what}: two points of one series`)
  for (const point of points) {
    assert.ok((point.timeUnixNano as bigint) > 0n, `${what}: time`)
    if (kind !== 'gauge')
      assert.ok(
        (point.startTimeUnixNano as bigint) > 0n &&
          (point.startTimeUnixNano as bigint) < (point.timeUnixNano as bigint),
        `${what}: start`,
      )
    if (kind === 'histogram') validateHistogram(point, what)
    else assert.ok('asDouble' in point || 'asInt' in point, `${what}: no value`)
  }
}

function validateHistogram(point: Fields, what: string): void {
  const counts = point.bucketCounts as readonly bigint[]
  const bounds = point.explicitBounds as readonly number[]
  assert.equal(counts.length, bounds.length + 1, `${what}: buckets`)
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0n),
    point.count,
    `${what}: count`,
  )
  assert.deepEqual(
    bounds,
    [...new Set(bounds)].sort((a, b) => a - b),
    `${what}: bounds`,
  )
}

function checkId(id: unknown, digits: number, what: string): void {
  assert.match(String(id), new RegExp(`^[0-9a-f]{${digits}}$`), `${what}: id`)
  assert.notEqual(id, '0'.repeat(digits), `${what}: id`)
}

/** Values of attributes as plain ones. Throws when a name is empty or there twice. */
export function attributesIn(message: Fields | undefined): { readonly [name: string]: unknown } {
  const pairs = listIn(message ?? {}, 'attributes')
  const names = pairs.map(({ key }) => String(key))
  assert.ok(!names.includes(''), 'an attribute without a name')
  assert.equal(new Set(names).size, names.length, `an attribute is there twice: ${names}`)
  return Object.fromEntries(pairs.map(({ key, value }) => [String(key), plain(value as Fields)]))
}

/** An AnyValue. */
export function plain(value: Fields): unknown {
  const [kind, inner] = Object.entries(value)[0] ?? []
  if (kind === 'arrayValue') return listIn(inner as Fields, 'values').map(plain)
  if (kind === 'kvlistValue')
    return Object.fromEntries(
      listIn(inner as Fields, 'values').map((pair) => [pair.key, plain(pair.value as Fields)]),
    )
  return kind === undefined ? null : inner
}

function withBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
