import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { checkAgent } from '../../agent/source/check.ts'
import { httpServer } from '../../testing/http-server.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { type CapturedConnection, tcpCapture } from '../../testing/tcp-capture.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { testRun } from '../../testing/test-run.ts'
import type { AgentTemplate } from '../../wire/authoring.ts'
import type { Effect } from '../../wire/trials.ts'
import { readTemplates, TEMPLATES } from './gallery.ts'

/** What each template prints on a capture, in order: all of its lines that are not about jobs being scheduled. */
const ON_THE_SAMPLE: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  empty: [],
  'bootstrap-script': ['This script is active.', 'hub: This script is active.'],
  'packets-and-kb': [
    'Captured packets in the last minute: 228',
    'Captured KB in the last minute: 130.1',
    'Captured packets in the last minute: 0',
    'Captured KB in the last minute: 0.0',
    'Captured packets in the last minute: 372',
    'Captured KB in the last minute: 224.4',
    'Captured packets in the last minute: 0',
    'Captured KB in the last minute: 0.0',
    'Captured packets in the last minute: 419',
    'Captured KB in the last minute: 119.6',
  ],
  'pass-http-fail-others': [
    /^In the last minute 1\d passed, \d+ failed$/,
    /^In the last minute \d+ passed, \d+ failed$/,
    /^In the last minute 0 passed, \d+ failed$/,
  ],
  'print-environment': [
    /^\d keys in scripting\.env:$/,
    '  LIMIT = … (number)',
    '  SHORT = … (text, 6 characters)',
    /^ {2}SLACK_WEBHOOK = ht… \(text, \d\d characters\)$/,
    /^ {2}WEBHOOK_URL = ht… \(text, \d\d characters\)$/,
  ],
  'top-dns-names': [
    'hub: DNS server 127.0.0.1:',
    /^hub: {3}\S+: \d+(, \d+ not found)?(\n {2}\S+: \d+(, \d+ not found)?){4}$/,
  ],
  'inactive-pods': [
    'hub: 2 of 2 pods had no traffic in the last 4 minutes:',
    'hub:   shop/cart-0',
    'hub:   shop/pay-0',
  ],
  'logs-and-pod-events': [/^Log: \d+ info$/],
  'monitor-resources': [/^CPU \d+ %, memory \d+ MB, sandbox \d+ % and \d+ MB, packets \d+, lost \d+$/],
  'selective-pcap-snapshot': [
    /^\d connections kept in snapshots\/\d+\.pcap$/,
    /^\d connections kept in snapshots\/\d+\.pcap$/,
  ],
  'slowest-endpoints': [
    /^\d+ calls of \d+ endpoints, median \d+\.\d ms, 99 % within \d+\.\d ms$/,
    /^ {2}1\. \w+ \S+: \d+\.\d s in \d+ calls, \d+\.\d ms each$/,
  ],
  'error-handling': Array(3).fill('Delivered after 1 attempt'),
}

const ENV = { SHORT: 'secret', LIMIT: 7 }
const PODS = {
  targets: ['cart-0', 'pay-0'].map((name) => ({ metadata: { name, namespace: 'shop' } })),
  excluded: [],
}

let templates: readonly AgentTemplate[] = []
before(async () => {
  templates = await readTemplates(TEMPLATES)
})

describe('templates', () => {
  test('are all tested', () => {
    const tested = new Set([...Object.keys(ON_THE_SAMPLE), ...ELSEWHERE])
    assert.deepEqual(templates.map(({ name }) => name).toSorted(), [...tested].toSorted())
  })

  test('are ES5 without anything to remark', () => {
    for (const { name, code, env } of templates) {
      const options = { language: 'es5', file: `${name}.js`, env: env.map(({ name }) => name) } as const
      assert.deepEqual(checkAgent(code, options), [])
    }
  })

  test('say which env keys and rights they need: those that their code uses, and no others', () => {
    for (const { name, code, env, rights } of templates) {
      const body = code.replace(/^(\/\/.*\n)+/, '')
      const used = new Set([...body.matchAll(/\benv\.([A-Z][A-Z0-9_]*)/g)].map(([, key]) => key))
      assert.deepEqual(env.map(({ name }) => name).toSorted(), [...used].toSorted(), name)
      assert.equal(
        rights.hosts.length > 0,
        /\b(vendor|otel|llm)\.|\bwrapper\.(pcapSnapshot|kflPcapS3)/.test(body),
        name,
      )
      assert.equal(
        rights.files.length > 0,
        /\b(file|pcap)\.\w+\(|\bwrapper\.(pcapSnapshot|kflPcapS3)/.test(body),
        name,
      )
      for (const host of rights.hosts)
        if (host.startsWith('env.')) assert.ok(used.has(host.slice(4)), `${name}: ${host}`)
    }
  })

  test('show a sample of what they print', () => {
    for (const { name, code, sample } of templates)
      assert.equal(sample !== '', /(console|prometheus)\.\w+\(/.test(code), name)
  })
})

describe('templates on the sample', () => {
  let printed: ReadonlyMap<string, readonly string[]> = new Map()
  const closing: (() => unknown)[] = []
  const posted: unknown[] = []
  const scope = { after: (close: () => unknown) => void closing.push(close) }

  before(async () => {
    const { url, seen } = await httpServer(scope, (_seen, response) => response.end('ok'))
    const env = { ...ENV, WEBHOOK_URL: `${url}/hook`, SLACK_WEBHOOK: `${url}/slack` }
    const names = templates.map(({ name }) => name).filter((name) => name in ON_THE_SAMPLE)
    printed = await run(scope, join(REPOSITORY, 'samples/sample.pcap'), names, { env })
    posted.push(...seen.map(({ path, body }) => ({ path, body: JSON.parse(body) })))
  })
  after(async () => {
    for (const close of closing) await close()
  })

  for (const [name, expected] of Object.entries(ON_THE_SAMPLE))
    test(name, () => {
      const lines = printed.get(name) ?? []
      const shown = JSON.stringify(lines.slice(0, 20), null, 2)
      assert.ok(lines.length >= expected.length, shown)
      if (expected.every((each) => typeof each === 'string')) assert.deepEqual(lines, expected)
      else for (const [at, each] of expected.entries()) matches(lines[at] ?? '', each, shown)
    })

  test('error-handling posts what it has counted', () => {
    const errors = posted.flatMap((each) => /"errors":(\d+)/.exec(JSON.stringify(each))?.[1] ?? [])
    assert.deepEqual(errors, ['4', '2', '4'])
  })
})

describe('templates elsewhere', () => {
  test('top-dns-consumers', async (t) => {
    // The sample ends with its queries; a minute later the hub has all of them.
    const later = {
      ...call('10.0.0.1:4000', '10.0.0.2:80', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', ok('')),
      at: Date.UTC(2026, 10, 23, 6, 58),
    }
    const sample = readFileSync(join(REPOSITORY, 'samples/sample.pcap'))
    const path = join(await tempFolder(t), 'longer.pcap')
    writeFileSync(path, Buffer.concat([sample, tcpCapture([later]).subarray(CAPTURE_HEAD)]))
    const printed = await run(t, path, ['top-dns-consumers'], {})
    assert.deepEqual(printed.get('top-dns-consumers'), [
      'hub: Top 5 DNS consumers of 78 queries:',
      'hub:   1. 127.0.0.1: 78',
    ])
  })

  test('error-handling, when nobody answers', async (t) => {
    const path = join(REPOSITORY, 'samples/sample.pcap')
    const printed = await run(t, path, ['error-handling'], { env: { WEBHOOK_URL: 'http://127.0.0.1:1/' } })
    const lines = printed.get('error-handling') ?? []
    assert.match(lines[0] ?? '', /^error: Attempt 1 failed, again in 2 s: /)
    assert.match(lines[1] ?? '', /^error: Attempt 2 failed, again in 4 s: /)
    assert.match(lines[4] ?? '', /^error: Attempt 5 failed, again in 32 s: /)
    const unset = await run(t, path, ['error-handling'], {})
    assert.match(unset.get('error-handling')?.[0] ?? '', /^error: job "error-report": Error: set WEBHOOK_URL/)
    assert.match(unset.get('error-handling')?.[1] ?? '', /^error: The job error-report has failed: /)
  })

  test('redact-sensitive-data', async (t) => {
    const login = '{"user":"ann","nested":[{"Password":"hunter2"}],"pin":1234}'
    const cut = '{"token":"hunter2","a":1'
    const path = await written(t, [
      call(
        '10.0.0.1:4000',
        '10.0.0.2:80',
        post('/login?token=hunter2&page=3', login, 'Authorization: Basic hunter2\r\nCookie: sid=hunter2\r\n'),
        ok('{"access_token":"hunter2"}'),
      ),
      call('10.0.0.1:4001', '10.0.0.2:80', post('/cut', cut), ok('{"pin":3}')),
      call(
        '10.0.0.1:4002',
        '10.0.0.2:80',
        post('/form', 'a=1&password=hunter2', '', 'application/x-www-form-urlencoded'),
        ok('{}'),
      ),
      call(
        '10.0.0.1:4003',
        '10.0.0.2:80',
        post(
          '/parts',
          PARTS,
          'Referer: http://shop/login?token=hunter2\r\n',
          'multipart/form-data; boundary=b',
        ),
        ok('{}').replace('\r\n', '\r\nLocation: /in?page=1&access_token=hunter2\r\n'),
      ),
      call('10.0.0.1:4004', '10.0.0.2:80', post('/graphql', GRAPHQL), ok('{"data":null}')),
    ])
    const entries: string[] = []
    const printed = await run(t, path, ['redact-sensitive-data'], { entries })
    const http = entries.filter((text) => JSON.parse(text).protocol.name === 'http')
    assert.equal(http.length, 5)
    assert.ok(
      entries.every((text) => !text.includes('hunter2') && !text.includes('1234')),
      http.join('\n'),
    )
    const { request, response } = JSON.parse(http[0] ?? '')
    assert.equal(
      request.postData.text,
      '{"user":"ann","nested":[{"Password":"[redacted]"}],"pin":"[redacted]"}',
    )
    assert.equal(request.url, '/login?token=[redacted]&page=3')
    assert.equal(response.content.text, '{"access_token":"[redacted]"}')
    assert.ok(printed.get('redact-sensitive-data')?.includes('Redacted authorization 1 times'))
  })

  test('api-latency-anomalies', async (t) => {
    const get = 'GET /users/17 HTTP/1.1\r\nHost: shop\r\n\r\n'
    const usual = Array.from(
      { length: 40 },
      () =>
        [
          ['client', get],
          ['server', ok('')],
        ] as const,
    ).flat()
    const slow = [
      ['client', get.replace('17', '23')],
      ['server', ok(''), 800],
    ] as const
    const path = await written(t, [
      { ...{ from: '10.0.0.1:4000', to: '10.0.0.2:80', at: AT }, sent: [...usual, ...slow] },
    ])
    const lines = (await run(t, path, ['api-latency-anomalies'], {})).get('api-latency-anomalies') ?? []
    assert.equal(lines[0], '1 latency anomalies:')
    assert.match(
      lines[1] ?? '',
      /^ {2}GET shop\/users\/:id took 800\.0 ms, usually 1\.0 ± 0\.0 ms \(z = \d+\.\d\), stream \d+\.pcap$/,
    )
  })

  test('slowest-endpoints and top-dns-names, where names and paths are long', async (t) => {
    const path = await written(t, [
      call('10.0.0.1:4000', '10.0.0.2:80', `GET /${'long/'.repeat(60)} HTTP/1.1\r\n\r\n`, ok('{}')),
      ...[1, 2].map((n) => lookup(`10.0.0.1:410${n}`, [...Array(3).fill('x'.repeat(60)), 'test'])),
    ])
    const printed = await run(t, path, ['slowest-endpoints', 'top-dns-names'], {})
    assert.match(
      printed.get('slowest-endpoints')?.[1] ?? '',
      /^ {2}1\. GET 10\.0\.0\.2\/(long\/)+[long]*: 0\.0 s in 1/,
    )
    assert.match(printed.get('top-dns-names')?.[1] ?? '', /^hub: {3}…x+\.x{60}\.test: 2, 2 not found$/)
  })

  test('external-communication', async (t) => {
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const path = await written(t, [
      call('10.0.0.1:4000', '203.0.113.9:80', get, ok('hello')),
      call('10.0.0.1:4001', '203.0.113.9:80', get, ok('hello')),
      call('10.0.0.1:4002', '172.20.3.4:80', get, ok('hello')),
      call('203.0.113.9:4003', '10.0.0.1:80', get, ok('hello')),
    ])
    const lines = (await run(t, path, ['external-communication'], {})).get('external-communication') ?? []
    assert.equal(lines[0], '1 talks to the outside:')
    assert.match(lines[1] ?? '', /^ {2}10\.0\.0\.1 -> \S+:80: 2 connections, 0\.\d KB$/)
    assert.equal(lines.length, 2)
  })

  test('block-a-scanner', async (t) => {
    const missing = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
    const path = await written(t, [
      ...Array.from({ length: 45 }, (_, n) =>
        call(`203.0.113.9:${4000 + n}`, '10.0.0.2:80', `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`, missing),
      ),
      // The same path again and again is somebody's broken link.
      ...Array.from({ length: 45 }, (_, n) =>
        call(`10.0.0.1:${4000 + n}`, '10.0.0.2:80', 'GET /old HTTP/1.1\r\nHost: a\r\n\r\n', missing),
      ),
    ])
    const who = '203.0.113.9 asked for 40 paths that are not there'
    assert.deepEqual((await run(t, path, ['block-a-scanner'], {})).get('block-a-scanner'), [
      `${who}: would be cut, with 0 of 0 requests of the last hour`,
    ])
    const effects: Effect[] = []
    const printed = await run(t, path, ['block-a-scanner'], { effects })
    assert.deepEqual(printed.get('block-a-scanner'), [
      `${who}: block from 203.0.113.9 to anywhere: rehearsed`,
    ])
    assert.deepEqual(
      effects.map(({ helper, kind }) => `${helper} ${kind}`),
      ['policy.apply hub'],
    )
  })

  test('own-protocol', async (t) => {
    const path = join(REPOSITORY, 'samples/beanstalk.pcap')
    const lines = (await run(t, path, ['own-protocol'], {})).get('own-protocol') ?? []
    const puts = lines.map((line) => Number(/^put: (\d+) calls, \d+\.\d ms each$/.exec(line)?.[1] ?? 0))
    assert.ok(
      puts.some((count) => count > 0),
      lines.join('\n'),
    )
  })

  test('clear-text-passwords', async (t) => {
    const path = join(REPOSITORY, 'test/captures/ldap-openldap.pcap')
    const lines = (await run(t, path, ['clear-text-passwords'], {})).get('clear-text-passwords') ?? []
    assert.match(lines[0] ?? '', /^error: LDAP login in clear text: 127\.0\.0\.1 -> 127\.0\.0\.1:\d+$/)
    assert.match(lines.at(-1) ?? '', /^\d+ logins in clear text by \d+ pairs? this hour$/)
    const basic = await written(t, [
      call('10.0.0.1:4000', '10.0.0.2:80', post('/', '', 'Authorization: Basic hunter2\r\n'), ok('')),
      call('10.0.0.1:4001', '10.0.0.2:80', post('/', '', 'Authorization: Bearer x\r\n'), ok('')),
    ])
    const http = (await run(t, basic, ['clear-text-passwords'], {})).get('clear-text-passwords') ?? []
    assert.deepEqual(http, [
      'error: HTTP login in clear text: 10.0.0.1 -> shop:80',
      '1 logins in clear text by 1 pair this hour',
    ])
  })
})

/** Where effects go, without the names of uploads that differ each time. */
const places = (effects: readonly Effect[]) =>
  effects
    .filter(({ kind, helper }) => kind !== 'file' && !helper.startsWith('file.'))
    .map(
      ({ helper, target }) =>
        `${helper} ${target.replace(/_[\d.]+_[0-9a-f]+\//, '/').replace(/\d{10}/, 'N')}`,
    )

/** What an effect was called with, by the names of its arguments. */
const given = ({ arguments: all }: Effect) => Object.fromEntries(all.map(({ name, value }) => [name, value]))

const GET = 'GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n'
const FAILED = 'HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n'

/** Calls that pass, one that fails, one that nobody answers; and all is well a minute later. */
async function fiveCalls(t: Scope): Promise<string> {
  return await written(t, [
    call('10.0.0.1:4000', '10.0.0.2:80', GET, ok('{}')),
    call('10.0.0.1:4001', '10.0.0.2:80', post('/orders', '{}'), FAILED),
    { from: '10.0.0.1:4002', to: '10.0.0.2:80', at: AT, sent: [['client', GET]] },
    { ...call('10.0.0.1:4003', '10.0.0.2:80', GET, ok('{}')), at: AT + 65_000 },
    { ...call('10.0.0.1:4004', '10.0.0.2:80', GET, ok('{}')), at: AT + 130_000 },
  ])
}

describe('templates that send', () => {
  const S3_ENV = { S3_BUCKET: 'traffic', AWS_REGION: 'eu-west-1' }
  const rehearsed = async (t: Scope, name: string, env: object, path?: string) => {
    const effects: Effect[] = []
    const printed = await run(t, path ?? (await fiveCalls(t)), [name], { env: { ...env }, effects })
    return { lines: printed.get(name) ?? [], effects, sent: places(effects) }
  }

  /** Without their `env` they say what is missing, and send nothing. */
  const WANTING: Readonly<Record<string, RegExp>> = {
    'har-to-kinesis': /^error: Set KINESIS_STREAM_NAME and AWS_REGION/,
    'upload-pcap-to-s3': /^error: Set S3_BUCKET and AWS_REGION/,
    'upload-snapshot-to-s3': /^error: Set S3_BUCKET and AWS_REGION/,
    'kfl-pcaps-to-s3': /^error: Set S3_BUCKET and AWS_REGION/,
    'status-codes-to-influxdb': /^error: Set INFLUXDB_URL/,
    'status-codes-to-elastic': /^error: Set ELASTIC_INDEX/,
    'call-a-webhook': /^error: Set WEBHOOK_URL/,
    'health-check-webhook': /^error: Set WEBHOOK_URL/,
    'slack-on-500': /^error: Set SLACK_WEBHOOK/,
    'slack-bot-with-pcap': /^error: Set SLACK_AUTH_TOKEN and SLACK_CHANNEL_ID/,
    'ask-a-model': /^error: Set LLM_ENDPOINT and LLM_MODEL/,
    'traces-to-opentelemetry': /^error: Set OTEL_EXPORTER_OTLP_ENDPOINT/,
    'mail-on-errors': /^error: Set MAIL_SERVER/,
  }
  test('say what they lack, and send nothing', async (t) => {
    const names = Object.keys(WANTING)
    const effects: Effect[] = []
    const printed = await run(t, await fiveCalls(t), names, { effects })
    assert.deepEqual(places(effects), [])
    for (const name of names) assert.match(printed.get(name)?.[0] ?? '', WANTING[name] ?? /^$/, name)
  })

  test('custom-metrics', async (t) => {
    let text = ''
    await run(t, await fiveCalls(t), ['custom-metrics'], { onExported: (all) => (text = all) })
    assert.match(text, /^# HELP http_call_seconds How long calls take/m)
    assert.match(text, /^http_calls\{.*service="shop",status="2xx".*\} 3$/m)
    assert.match(text, /^http_calls\{.*service="shop",status="5xx".*\} 1$/m)
    assert.match(text, /^http_calls_unanswered\{.*service="shop".*\} 1$/m)
    assert.match(text, /^http_call_seconds_bucket\{.*service="shop".*le="0\.005".*\} 4$/m)
  })

  test('export-prometheus-metric', async (t) => {
    let text = ''
    const printed = await run(t, await fiveCalls(t), ['export-prometheus-metric'], {
      onExported: (all) => (text = all),
    })
    const [first] = printed.get('export-prometheus-metric') ?? []
    assert.equal(first, 'http_failed_share 0.67 (2 of 3 calls)')
    assert.match(text, /^# TYPE http_failed_share gauge$/m)
    assert.match(text, /^http_failed_share\{.*\} 0$/m)
  })

  test('har-to-kinesis', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'har-to-kinesis', {
      KINESIS_STREAM_NAME: 'calls',
      AWS_REGION: 'eu-west-1',
    })
    assert.deepEqual(sent, Array(3).fill('vendor.kinesis.put.queue kinesis://calls'))
    assert.equal(lines[0], '2 calls on their way to Kinesis')
    assert.match(
      effects[0] === undefined ? '' : (given(effects[0]).payload ?? ''),
      /^"\{\\"log\\":\{\\"version\\":\\"1\.2/,
    )
  })

  test('har-to-kinesis cuts batches that are too large for a record', async (t) => {
    const large = ok(`"${'x'.repeat(40_000)}"`)
    const path = await written(
      t,
      Array.from({ length: 30 }, (_, at) => call(`10.0.0.1:${4000 + at}`, '10.0.0.2:80', GET, large)),
    )
    const { lines } = await rehearsed(
      t,
      'har-to-kinesis',
      { KINESIS_STREAM_NAME: 'calls', AWS_REGION: 'eu-west-1' },
      path,
    )
    assert.deepEqual(lines, Array(2).fill('15 calls on their way to Kinesis'))
  })

  test('upload-pcap-to-s3', async (t) => {
    const { lines, sent, effects } = await rehearsed(t, 'upload-pcap-to-s3', S3_ENV)
    assert.deepEqual(sent, ['vendor.s3.put.queue s3://traffic'])
    assert.match(lines[0] ?? '', /^\d{12}\.pcap \(POST \/orders answered 500\) is on its way to S3$/)
    const tar = effects.find(({ helper }) => helper === 'file.tar')
    assert.match(tar?.answer ?? '', /^"kubeshark_\d+\.tar\.gz"$/)
    assert.deepEqual(
      effects.filter(({ error }) => error !== undefined),
      [],
    )
  })

  test('upload-snapshot-to-s3', async (t) => {
    const path = await written(
      t,
      Array.from({ length: 6 }, (_, at) =>
        call(`10.0.0.1:${4000 + at}`, '10.0.0.2:80', GET, at % 3 === 0 ? FAILED : ok('{}')),
      ),
    )
    const { lines, sent } = await rehearsed(t, 'upload-snapshot-to-s3', S3_ENV, path)
    const url = 'https://traffic.s3.eu-west-1.amazonaws.com/n/kubeshark_N.tar.gz'
    assert.deepEqual(sent, [`wrapper.pcapSnapshot PUT ${url}`])
    assert.match(lines[0] ?? '', /^2 of 6 calls failed in the last minute: snapshot at https:\/\//)
  })

  test('kfl-pcaps-to-s3', async (t) => {
    const path = await written(t, [
      call('10.0.0.1:4000', '10.0.0.2:80', GET, FAILED),
      { ...call('10.0.0.1:4001', '10.0.0.2:80', GET, FAILED), at: AT + 61 * 60_000 },
    ])
    const { lines, sent } = await rehearsed(t, 'kfl-pcaps-to-s3', S3_ENV, path)
    assert.match(
      sent[1] ?? '',
      /^wrapper\.kflPcapS3 PUT https:\/\/traffic\.s3\.eu-west-1\.amazonaws\.com\/n\/kfl/,
    )
    assert.match(
      lines[0] ?? '',
      /^wrapper\.kflPcapS3: kflArr\[0\]: uploaded https:\/\/.*\/kfl_0_kubeshark_\d+\.tar\.gz$/,
    )
  })

  test('status-codes-to-influxdb', async (t) => {
    const { lines, effects } = await rehearsed(t, 'status-codes-to-influxdb', {
      INFLUXDB_URL: 'http://127.0.0.1:9',
      INFLUXDB_TOKEN: 'token',
      INFLUXDB_ORGANIZATION: 'shop',
      INFLUXDB_BUCKET: 'calls',
    })
    assert.deepEqual(lines, ['200: 1, 500: 1, none: 1', '200: 1', '200: 1'])
    assert.deepEqual(
      effects.map((effect) => [effect.helper, given(effect).data, given(effect).tags]),
      ['{"200":1,"500":1,"none":1}', '{"200":1}', '{"200":1}'].map((data) => [
        'vendor.influxdb.queue',
        data,
        '{"node":"n"}',
      ]),
    )
  })

  test('status-codes-to-elastic', async (t) => {
    const { effects, sent } = await rehearsed(t, 'status-codes-to-elastic', {
      ELASTIC_INDEX: 'calls',
      ELASTIC_API_KEY: 'key',
      ELASTIC_URL: 'http://127.0.0.1:9',
    })
    assert.deepEqual(sent, Array(3).fill('vendor.elastic.queue elastic://127.0.0.1:9/calls'))
    assert.deepEqual(JSON.parse(effects[0] === undefined ? '' : (given(effects[0]).data ?? '')), {
      time: '2026-11-26T12:01:00.000Z',
      node: 'n',
      counts: { 200: 1, 500: 1, none: 1 },
    })
  })

  test('call-a-webhook', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'call-a-webhook', {
      WEBHOOK_URL: 'http://127.0.0.1:9/hook',
    })
    assert.deepEqual(sent, ['vendor.webhook.queue POST 127.0.0.1:9'])
    const { id, time, ...body } = JSON.parse(effects[0] === undefined ? '' : (given(effects[0]).body ?? ''))
    assert.match(id, /\.pcap-0$/)
    assert.match(time, /^2026-11-26T12:00:00\.\d+Z$/)
    assert.deepEqual(body, {
      ...{ protocol: 'http', from: '10.0.0.1', to: 'shop', method: 'POST' },
      ...{ path: '/orders', status: 500, elapsedMs: 1 },
    })
    assert.deepEqual(lines, ['1 calls of the webhook in the last minute'])
    const all = await rehearsed(t, 'call-a-webhook', {
      WEBHOOK_URL: 'http://127.0.0.1:9/',
      WEBHOOK_FILTER: '',
    })
    assert.equal(all.sent.length, 1, 'an empty filter is none')
    const wrong = await rehearsed(t, 'call-a-webhook', {
      WEBHOOK_URL: 'http://127.0.0.1:9/',
      WEBHOOK_FILTER: 'http and',
    })
    assert.match(wrong.lines[0] ?? '', /WEBHOOK_FILTER is no filter: /)
  })

  test('health-check-webhook', async (t) => {
    const path = await written(t, [
      call('10.0.0.1:4000', '10.0.0.2:80', GET.replace('/cart', '/healthz'), ok('')),
      call('10.0.0.1:4001', '10.0.0.2:80', GET, ok('')),
    ])
    const env = { WEBHOOK_URL: 'http://127.0.0.1:9/hook' }
    const { lines, effects, sent } = await rehearsed(t, 'health-check-webhook', env, path)
    assert.deepEqual([lines, sent], [[], ['vendor.webhook.queue POST 127.0.0.1:9']])
    const { time, ...body } = JSON.parse(effects[0] === undefined ? '' : (given(effects[0]).body ?? ''))
    assert.match(time, /^2026-/)
    assert.deepEqual(body, { from: '10.0.0.1', to: 'shop', path: '/healthz', status: 200, elapsedMs: 1 })
  })

  test('slack-on-500', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'slack-on-500', {
      SLACK_WEBHOOK: 'http://127.0.0.1:9/slack',
    })
    assert.equal(sent.length, 1)
    assert.partialDeepStrictEqual(effects[0] === undefined ? {} : given(effects[0]), {
      pretext: '":red_circle: 1 failed calls on n"',
      text: '"1 × 500 POST shop/orders"',
      color: '"#d92d20"',
    })
    assert.deepEqual(lines, ['1 failed calls reported to Slack'])
  })

  test('slack-bot-with-pcap', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'slack-bot-with-pcap', {
      SLACK_AUTH_TOKEN: 'xoxb-planted',
      SLACK_CHANNEL_ID: 'C0123456789',
    })
    assert.deepEqual(lines, ['Reported to Slack: POST shop/orders answered 500'])
    assert.equal(sent.length, 1)
    const post = effects.find(({ helper }) => helper === 'vendor.slackBot.queue')
    const { fields = '', files = '' } = post === undefined ? {} : given(post)
    assert.equal(fields, '{"Service":"shop","Node":"n","Took":"1 ms"}')
    assert.match(
      files,
      /^\{"connection\.pcap":"data\/pcaps\/\d{12}\.pcap","entry\.json":"data\/failed\w+\.json"\}$/,
    )
  })

  test('slack-on-500 tells less and less often of what goes on', async (t) => {
    const path = await written(
      t,
      Array.from({ length: 240 }, (_, n) => ({
        ...call(
          `10.0.0.1:${4000 + n}`,
          '10.0.0.2:80',
          `GET /users/${n} HTTP/1.1\r\nHost: shop\r\n\r\n`,
          FAILED,
        ),
        at: AT + n * 5000,
      })),
    )
    const env = { SLACK_WEBHOOK: 'http://127.0.0.1:9/slack' }
    const { lines, effects } = await rehearsed(t, 'slack-on-500', env, path)
    assert.ok(lines.length >= 6 && lines.length <= 9, lines.join('\n'))
    const told = lines.map((line) => Number(/^(\d+) failed calls/.exec(line)?.[1]))
    assert.ok(told.every((count, at) => at < 2 || at === told.length - 1 || count > (told[at - 1] ?? 0)))
    const [first] = effects
    assert.match(first === undefined ? '' : (given(first).text ?? ''), /^"\d+ × 500 GET shop\/users\/:id"$/)
  })

  test('slack-bot-with-pcap tells a kind of call once, and leaves no file when it may not tell it', async (t) => {
    const env = { SLACK_AUTH_TOKEN: 'xoxb-planted', SLACK_CHANNEL_ID: 'C0123456789' }
    const calls = (paths: readonly string[]) =>
      written(
        t,
        paths.map((path, n) =>
          call(`10.0.0.1:${4000 + n}`, '10.0.0.2:80', GET.replace('/cart', path), FAILED),
        ),
      )
    const same = await calls(['/users/1', '/users/2', '/users/3/x', '/users/4/x'])
    const { lines } = await rehearsed(t, 'slack-bot-with-pcap', env, same)
    assert.deepEqual(lines, [
      'Reported to Slack: GET shop/users/:id answered 500',
      'Reported to Slack: GET shop/users/:id/x answered 500',
    ])
    const many = await calls(Array.from({ length: 10 }, (_, n) => `/kind-${n}`))
    const { lines: more, effects } = await rehearsed(t, 'slack-bot-with-pcap', env, many)
    assert.equal(more.filter((line) => /is not reported: .*vendor\.slackBot/.test(line)).length, 4)
    const count = (helper: string) => effects.filter((effect) => effect.helper === helper).length
    assert.deepEqual([count('file.temp'), count('file.delete')], [10, 10])
  })

  test('har-to-kinesis says what has no name to be in an archive', async (t) => {
    const path = await written(t, [
      call('10.0.0.1:4000', '10.0.0.2:80', 'GET /bare HTTP/1.0\r\n\r\n', ok('{}')),
      call('10.0.0.1:4001', '10.0.0.3:80', GET, ok('{}')),
    ])
    const env = { KINESIS_STREAM_NAME: 'calls', AWS_REGION: 'eu-west-1' }
    const { lines } = await rehearsed(t, 'har-to-kinesis', env, path)
    assert.deepEqual(lines, [
      '1 calls were left out: their server has no name, and no Host header was sent',
      '1 call on their way to Kinesis',
    ])
  })

  test('ask-a-model', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'ask-a-model', {
      LLM_ENDPOINT: 'http://127.0.0.1:9/v1',
      LLM_MODEL: 'llama3.2',
    })
    assert.deepEqual(sent, ['llm.prompt POST http://127.0.0.1:9/v1/chat/completions'])
    const { messages } = JSON.parse(effects[0]?.sent?.body ?? '')
    assert.equal(messages[1].content, '1 times POST shop/orders: 500\n1 times GET shop/cart: no answer')
    assert.match(lines[0] ?? '', /^2 failed calls of 2 kinds\. The assistant says:\n/)
  })

  test('traces-to-opentelemetry', async (t) => {
    const { lines, sent } = await rehearsed(t, 'traces-to-opentelemetry', {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    })
    assert.deepEqual(sent, Array(5).fill('otel.spanFromEntry.queue OTLP http/protobuf 127.0.0.1:9'))
    assert.equal(lines[0], '3 spans in the last minute')
  })

  test('error-rate-alert', async (t) => {
    const calls = (atMs: number, all: number, failed: number) =>
      Array.from({ length: all }, (_, n) => ({
        ...call(`10.0.0.1:${4000 + n}`, '10.0.0.2:80', GET, n < failed ? FAILED : ok('{}')),
        at: AT + atMs + n * 1000,
      }))
    const path = await written(t, [...calls(0, 12, 3), ...calls(65_000, 12, 0), ...calls(125_000, 1, 0)])
    const { lines, effects, sent } = await rehearsed(t, 'error-rate-alert', {}, path)
    assert.deepEqual(lines, ['shop fails: 3 of 12 calls in the last minute', 'shop is well again'])
    // One that fails of a few says nothing.
    assert.deepEqual((await rehearsed(t, 'error-rate-alert', {})).sent, [])
    assert.deepEqual(
      sent.map((place) => place.split(' ')[0]),
      ['alert.raise', 'alert.close'],
    )
    const raised = effects[0] === undefined ? '' : (given(effects[0]).alert ?? '')
    assert.match(
      raised,
      /^\{"title":"shop fails","key":"error-rate shop","severity":"error","text":"3 of 12 calls/,
    )
  })

  test('mail-on-errors', async (t) => {
    const { lines, effects, sent } = await rehearsed(t, 'mail-on-errors', {
      ...{
        MAIL_SERVER: '127.0.0.1:9',
        MAIL_FROM: 'a@shop.example',
        MAIL_TO: 'b@shop.example,c@shop.example',
      },
    })
    assert.deepEqual(sent, ['vendor.mail.queue mail by 127.0.0.1:9'])
    assert.deepEqual(lines, ['2 failed calls of 2 kinds reported by mail'])
    const message = JSON.parse(effects[0] === undefined ? '' : (given(effects[0]).message ?? ''))
    assert.deepEqual(message.to, ['b@shop.example', 'c@shop.example'])
    assert.equal(message.subject, '2 failed calls on n')
    assert.equal(
      message.text,
      '1 x  500  POST shop/orders  (1.0 ms)\n1 x  no answer  GET shop/cart  (0.0 ms)\n',
    )
  })
})

const CAPTURE_HEAD = 24
const ELSEWHERE = [
  'top-dns-consumers',
  'slack-on-500',
  'health-check-webhook',
  'error-handling',
  'redact-sensitive-data',
  'api-latency-anomalies',
  'external-communication',
  'block-a-scanner',
  'own-protocol',
  'clear-text-passwords',
  ...['custom-metrics', 'export-prometheus-metric', 'har-to-kinesis', 'upload-pcap-to-s3'],
  ...['upload-snapshot-to-s3', 'kfl-pcaps-to-s3', 'status-codes-to-influxdb', 'status-codes-to-elastic'],
  ...['call-a-webhook', 'slack-bot-with-pcap', 'ask-a-model', 'traces-to-opentelemetry'],
  ...['error-rate-alert', 'mail-on-errors'],
  // In test/fixtures.
  'packets-before-a-crash',
]

interface RunOptions {
  readonly env?: Readonly<Record<string, unknown>>
  /** Entries as people would see them go here. */
  readonly entries?: string[]
  /** Takes effects, which are then only rehearsed. */
  readonly effects?: Effect[]
  readonly onExported?: (text: string) => void
}

type Scope = Parameters<typeof testRun>[0]

const ANSWERS = { 'hub.targeted': JSON.stringify(PODS) }

/** Lines of each template, with what they are about in front: `hub: `, `error: `. */
async function run(
  t: Scope,
  path: string,
  names: readonly string[],
  { env = {}, entries, effects, onExported }: RunOptions,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const sources = names.map((name) => templates.find((each) => each.name === name)?.code ?? assert.fail(name))
  const printed = new Map(names.map((name): [string, string[]] => [name, []]))
  const query = entries === undefined ? null : { filter: '' }
  const going = await testRun(
    t,
    {
      ...{ source: { path }, sources, host: { env }, query, hub: 'auto', answers: ANSWERS },
      ...(effects === undefined ? {} : { rehearse: (effect) => void effects.push(effect) }),
      ...(onExported === undefined ? {} : { onExported }),
    },
    {
      line: ({ node, agent, level, text }) => {
        if (text.startsWith('Scheduled the job: ')) return
        const before = [node === 'hub' ? 'hub: ' : '', level === 'error' ? 'error: ' : '']
        printed.get(names[agent.index] ?? '')?.push(before.join('') + text)
      },
      entry: (json) => void entries?.push(json),
    },
  )
  const { discrepancies } = await going.run()
  assert.deepEqual(discrepancies, [])
  return printed
}

function matches(line: string, expected: string | RegExp, shown: string): void {
  if (typeof expected === 'string') assert.equal(line, expected, shown)
  else assert.match(line, expected, shown)
}

async function written(t: Scope, connections: readonly CapturedConnection[]): Promise<string> {
  const path = join(await tempFolder(t), 'made.pcap')
  writeFileSync(path, tcpCapture(connections))
  return path
}

function call(from: string, to: string, request: string, response: string): CapturedConnection {
  return {
    from,
    to,
    at: AT,
    sent: [
      ['client', request],
      ['server', response],
    ],
  }
}

/** DNS over TCP, RFC 7766: a question that nothing is known about. */
function lookup(from: string, labels: readonly string[]): CapturedConnection {
  const name = labels.map((label) => String.fromCharCode(label.length) + label).join('')
  const message = (flags: string) => {
    const text = `\0\x07${flags}\0\x01\0\0\0\0\0\0${name}\0\0\x01\0\x01`
    return Buffer.from(`\0${String.fromCharCode(text.length)}${text}`, 'latin1').toString('latin1')
  }
  return call(from, '10.0.0.53:53', message('\x01\0'), message('\x81\x83'))
}

function post(path: string, body: string, headers = '', type = 'application/json'): string {
  return `POST ${path} HTTP/1.1\r\nHost: shop\r\nContent-Type: ${type}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`
}

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const PARTS =
  '--b\r\nContent-Disposition: form-data; name="user"\r\n\r\nann\r\n--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--b--\r\n'

const GRAPHQL = JSON.stringify({
  query: 'mutation ($pin: Int) { login(user: "ann", password: "hunter2", pin: $pin) { token } }',
  variables: { pin: 1234, login: { password: 'hunter2' } },
})

const AT = Date.UTC(2026, 10, 26, 12)
