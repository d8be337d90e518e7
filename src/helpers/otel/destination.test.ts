import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { destinationOf } from './destination.ts'
import type { Signal } from './messages.ts'

const of = (signal: Signal, options: object, env: object = {}, otel: object = {}) => {
  const { url, headers, protocol, gzip } = destinationOf('otel.x', signal, options, {
    env: env as Readonly<Record<string, unknown>>,
    otel,
  })
  return { url: url.href, headers, protocol, gzip }
}

describe('where telemetry goes', () => {
  test('the path of the signal is put behind an address, unless that is whole', () => {
    const cases = [
      ['http://c:4318', 'http://c:4318/v1/traces'],
      ['http://c:4318/', 'http://c:4318/v1/traces'],
      ['https://c/otlp/?key=1', 'https://c/otlp/v1/traces?key=1'],
      ['https://c/v1/traces', 'https://c/v1/traces'],
    ] as const
    for (const [endpoint, url] of cases) assert.equal(of('traces', { endpoint }).url, url)
    assert.equal(
      of('logs', {}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).url,
      'http://c:4318/v1/logs',
    )
    assert.equal(of('logs', {}, { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://c/x' }).url, 'http://c/x')
    assert.equal(of('logs', { endpoint: 'http://c:4317', protocol: 'grpc' }).url, 'http://c:4317/')
  })

  test('the call goes before env, env before the configuration, and one signal before all', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://metrics/x',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
    }
    const otel = { endpoint: 'http://config:4318', protocol: 'grpc' }
    assert.deepEqual(of('traces', { endpoint: 'http://call:4318', protocol: 'grpc' }, env, otel), {
      ...{ url: 'http://call:4318/', headers: {}, protocol: 'grpc', gzip: false },
    })
    assert.deepEqual(of('traces', {}, env, otel), {
      ...{ url: 'http://env:4318/v1/traces', headers: {}, protocol: 'http/json', gzip: false },
    })
    assert.deepEqual(of('metrics', {}, env, otel).url, 'http://metrics/x')
    assert.deepEqual(of('metrics', {}, env, otel).protocol, 'http/protobuf')
    assert.deepEqual(of('traces', {}, {}, otel), {
      ...{ url: 'http://config:4318/', headers: {}, protocol: 'grpc', gzip: true },
    })
  })

  test('headers go only to where they were meant for', () => {
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS: 'a=env,Api-Key=k%201',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'a=logs',
    }
    const otel = { endpoint: 'http://config', headers: { Team: 'x', A: 'config' } }
    assert.deepEqual(of('traces', { headers: { B: '1' } }, env, otel).headers, {
      ...{ team: 'x', a: 'env', 'api-key': 'k 1', b: '1' },
    })
    assert.deepEqual(of('logs', {}, { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env' }, otel).headers, {
      ...{ a: 'logs', 'api-key': 'k 1' },
    })
    assert.deepEqual(of('logs', { endpoint: 'http://call' }, env, otel).headers, {})
    assert.deepEqual(of('traces', { endpoint: 'http://config' }, env, otel).headers, {
      ...{ team: 'x', a: 'env', 'api-key': 'k 1' },
    })
  })

  test('gRPC takes addresses without a scheme, as secure unless it is said that they are not', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
    assert.equal(of('logs', {}, env).url, 'https://c:4317/')
    assert.equal(of('logs', {}, { ...env, OTEL_EXPORTER_OTLP_INSECURE: true }).url, 'http://c:4317/')
  })

  test('what is no address and no protocol is named', () => {
    assert.throws(() => of('logs', {}), {
      code: 'E_HELPER_ARGUMENT',
      message: 'otel.x: nobody says where to send to',
    })
    assert.throws(() => of('logs', {}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' }), /no http or https address/)
    assert.throws(
      () => of('logs', { endpoint: 'http://u:p@c', protocol: 'grpc' }),
      /the endpoint has a user in it/,
    )
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_PROTOCOL: 'udp' }
    assert.throws(
      () => of('logs', {}, env),
      /there is no protocol udp of OTLP: grpc, http\/protobuf, http\/json/,
    )
  })
})
