import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import fc from 'fast-check'
import { attributesIn, type Fields, readJson, readProtobuf } from '../../testing/otlp-messages.ts'
import { attributed, keyValues } from './attributes.ts'
import { type Exported, exportRequest, type Items, type Signal, toJson } from './messages.ts'
import { encodeRequest, readPartialSuccess } from './protobuf.ts'

/** The same content, written by us and by the serializers of OpenTelemetry's SDK for JavaScript. */
const SCOPE = { name: 'remora', version: '1.2.3' }
const ATTRIBUTES = {
  ...{ text: 'größe 🎉', empty: '', yes: true, no: false, zero: 0, int: -7, large: 2 ** 40, half: 0.5 },
  ...{ texts: ['a', 'b'], numbers: [1, 2.5], bytes: 'x'.repeat(300) },
}
const RESOURCE = { 'service.name': 'shop', 'host.name': 'node-a' }
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const PARENT = '00f067aa0ba902b7'
const START: [number, number] = [1_767_225_600, 123_456_789]
const END: [number, number] = [1_767_225_601, 1]
const nanos = ([seconds, rest]: [number, number]) => BigInt(seconds) * 1_000_000_000n + BigInt(rest)

const resource = { attributes: RESOURCE, schemaUrl: undefined }

describe('requests are what the serializers of OpenTelemetry make of the same content', () => {
  test('spans', () => {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 1, traceState: { serialize: () => 'a=1' } }
    const theirs = [
      {
        spanContext: () => context,
        parentSpanContext: { traceId: TRACE, spanId: PARENT, traceFlags: 1, isRemote: true },
        ...{ name: 'checkout', kind: 1, startTime: START, endTime: END, attributes: ATTRIBUTES },
        ...{ status: { code: 2, message: 'sold out' }, resource, instrumentationScope: SCOPE },
        events: [{ name: 'retry', time: END, attributes: { nth: 1 }, droppedAttributesCount: 0 }],
        links: [
          {
            context: { ...context, isRemote: true },
            attributes: { why: 'batch' },
            droppedAttributesCount: 0,
          },
        ],
        ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
      },
    ]
    const item: Items['traces'] = {
      ...{ traceId: TRACE, spanId: SPAN, traceState: 'a=1', parentSpanId: PARENT, flags: 0x301 },
      ...{ name: 'checkout', kind: 2, startTimeUnixNano: nanos(START), endTimeUnixNano: nanos(END) },
      ...attributed(ATTRIBUTES),
      events: [{ name: 'retry', timeUnixNano: nanos(END), ...attributed({ nth: 1 }) }],
      links: [
        { traceId: TRACE, spanId: SPAN, traceState: 'a=1', flags: 0x301, ...attributed({ why: 'batch' }) },
      ],
      status: { code: 2, message: 'sold out' },
    }
    compare('traces', item, {
      protobuf: ProtobufTraceSerializer.serializeRequest(theirs as never),
      json: JsonTraceSerializer.serializeRequest(theirs as never),
    })
  })

  test('logs', () => {
    const theirs = [
      {
        ...{ hrTime: START, hrTimeObserved: END, severityNumber: 17, severityText: 'ERROR', body: 'failing' },
        ...{ attributes: ATTRIBUTES, eventName: 'shop.down', droppedAttributesCount: 0 },
        spanContext: { traceId: TRACE, spanId: SPAN, traceFlags: 1 },
        ...{ resource, instrumentationScope: SCOPE },
      },
    ]
    const item: Items['logs'] = {
      ...{
        timeUnixNano: nanos(START),
        observedTimeUnixNano: nanos(END),
        severityNumber: 17,
        severityText: 'ERROR',
      },
      ...{ body: { stringValue: 'failing' }, ...attributed(ATTRIBUTES), eventName: 'shop.down' },
      ...{ flags: 1, traceId: TRACE, spanId: SPAN },
    }
    compare('logs', item, {
      protobuf: ProtobufLogsSerializer.serializeRequest(theirs as never),
      json: JsonLogsSerializer.serializeRequest(theirs as never),
    })
  })

  test('counters, gauges and histograms', () => {
    const descriptor = { name: 'orders', description: 'of the shop', unit: '{order}', valueType: 1 }
    const point = { startTime: START, endTime: END, attributes: ATTRIBUTES }
    const ours = {
      attributes: keyValues(ATTRIBUTES),
      startTimeUnixNano: nanos(START),
      timeUnixNano: nanos(END),
    }
    const head = { name: 'orders', description: 'of the shop', unit: '{order}' }
    const cases: [object, Items['metrics']][] = [
      [
        {
          descriptor,
          aggregationTemporality: 1,
          dataPointType: 3,
          isMonotonic: true,
          dataPoints: [{ ...point, value: 7.5 }],
        },
        {
          ...head,
          sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...ours, asDouble: 7.5 }] },
        },
      ],
      [
        {
          descriptor,
          aggregationTemporality: 0,
          dataPointType: 3,
          isMonotonic: false,
          dataPoints: [{ ...point, value: -7 }],
        },
        {
          ...head,
          sum: { aggregationTemporality: 1, isMonotonic: false, dataPoints: [{ ...ours, asDouble: -7 }] },
        },
      ],
      [
        { descriptor, aggregationTemporality: 1, dataPointType: 2, dataPoints: [{ ...point, value: 0.25 }] },
        { ...head, gauge: { dataPoints: [{ ...ours, asDouble: 0.25 }] } },
      ],
      [
        {
          ...{ descriptor, aggregationTemporality: 1, dataPointType: 0 },
          dataPoints: [
            {
              ...point,
              value: {
                buckets: { boundaries: [5, 10], counts: [1, 0, 300] },
                sum: 9.5,
                count: 301,
                min: 1,
                max: 11,
              },
            },
          ],
        },
        {
          ...head,
          histogram: {
            aggregationTemporality: 2,
            dataPoints: [
              {
                ...ours,
                ...{
                  count: 301n,
                  sum: 9.5,
                  bucketCounts: [1n, 0n, 300n],
                  explicitBounds: [5, 10],
                  min: 1,
                  max: 11,
                },
              },
            ],
          },
        },
      ],
    ]
    for (const [metric, item] of cases) {
      const theirs = { resource, scopeMetrics: [{ scope: SCOPE, metrics: [metric] }] }
      compare('metrics', item, {
        protobuf: ProtobufMetricsSerializer.serializeRequest(theirs as never),
        json: JsonMetricsSerializer.serializeRequest(theirs as never),
      })
    }
  })

  test('and partial successes are read like theirs', () => {
    // ExportTracePartialSuccess: 300 rejected, "too old".
    const bytes = Buffer.from('0a0c08ac021207746f6f206f6c64', 'hex')
    assert.deepEqual(ProtobufTraceSerializer.deserializeResponse(bytes), {
      partialSuccess: { rejectedSpans: 300, errorMessage: 'too old' },
    })
    assert.deepEqual(readPartialSuccess(bytes), { rejected: 300, message: 'too old' })
    assert.equal(readPartialSuccess(Buffer.of()), undefined)
    assert.equal(readPartialSuccess(Buffer.from('no protobuf')), undefined)
  })
})

describe('any value that scripts have', () => {
  test('arrives as it is, as protobuf and as JSON', () => {
    const values = fc.dictionary(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.jsonValue({ maxDepth: 5 }),
      { maxKeys: 20 },
    )
    fc.assert(
      fc.property(values, (given) => {
        const item = { ...LOG, ...attributed(given) }
        const request = exportRequest('logs', [{ resource: keyValues(RESOURCE), item }], SCOPE)
        for (const read of [
          readProtobuf('logs', encodeRequest('logs', request)),
          readJson('logs', toJson(request)),
        ])
          assert.deepEqual(
            attributesOf(read),
            Object.fromEntries(Object.entries(given).map(([name, each]) => [name, asRead(each)])),
          )
      }),
    )
  })
})

const LOG = {
  ...{ timeUnixNano: 1n, observedTimeUnixNano: 1n, severityNumber: 9, severityText: 'INFO', body: {} },
}

function attributesOf(request: Fields): unknown {
  const [group] = request.resourceLogs as readonly {
    scopeLogs: readonly { logRecords: readonly Fields[] }[]
  }[]
  return attributesIn(group?.scopeLogs[0]?.logRecords[0])
}

/** Whole numbers are ints, which are bigints for who reads them. */
function asRead(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(asRead)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asRead(each)]))
}

function compare<S extends Signal>(
  signal: S,
  item: Items[S],
  theirs: { readonly protobuf: Uint8Array | undefined; readonly json: Uint8Array | undefined },
): void {
  const exported: Exported<Items[S]> = { resource: keyValues(RESOURCE), item }
  const request = exportRequest(signal, [exported], SCOPE)
  const read = simplified(readProtobuf(signal, encodeRequest(signal, request)))
  assert.deepEqual(read, simplified(readProtobuf(signal, theirs.protobuf ?? Buffer.of())))
  assert.deepEqual(read, simplified(readJson(signal, toJson(request))))
  assert.deepEqual(read, simplified(readJson(signal, numbersAsText(theirs.json))))
}

/** Their JSON has counts and ints as numbers, which protobuf's JSON allows, too. */
function numbersAsText(json: Uint8Array | undefined): string {
  return JSON.stringify(JSON.parse(Buffer.from(json ?? Buffer.of()).toString()), (name, value) => {
    if (name === 'intValue' || name === 'count') return String(value)
    return name === 'bucketCounts' ? value.map(String) : value
  })
}

/** Zeros, `false` and empty lists that may be written or left out are left out, as is the schema, which we say. */
function simplified(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplified)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(
    ([name, each]) =>
      name !== 'schemaUrl' &&
      !(name === 'isMonotonic' && each === false) &&
      !(/^dropped/.test(name) && each === 0) &&
      !(Array.isArray(each) && each.length === 0),
  )
  return Object.fromEntries(kept.map(([name, each]) => [name, simplified(each)]).sort())
}
