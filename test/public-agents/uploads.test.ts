import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { load, type Outcome, said, sent, states, titleOf } from './outcome.ts'

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAPLANTED', AWS_SECRET_ACCESS_KEY: 'planted-secret' }
const ELASTIC = {
  ELASTIC_INDEX: 'calls',
  ELASTIC_CLOUD_ID: `shop:${Buffer.from('example.com$abc$def').toString('base64')}`,
  ELASTIC_API_KEY: 'planted-elastic',
}
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const GCS = {
  GCS_BUCKET: 'gcaps',
  GCS_SA_KEY_JSON: JSON.stringify({
    type: 'service_account',
    client_email: 'a@b.example',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }),
}

/** Where uploads go, without the node, the run, and what differs from run to run in names. */
function uploads({ effects }: Outcome, helper: string): string[] {
  return effects
    .filter((effect) => effect.helper === helper)
    .map(
      ({ target, error }) =>
        error ?? target.replace(/\/(w1|hub)_[\w.]+\//, '/$1/').replace(/\d{10}|rehearsed\d+/, 'N'),
    )
}

const S3 = (bucket: string, file: string, node = 'w1') =>
  `PUT https://${bucket}.s3.eu-west-1.amazonaws.com/${node}/${file}`

describe('API calls', { concurrency: 2 }, () => {
  test('apisec/apicalls.js: uploads by the rights of its machine', async () => {
    const outcome = await load('apisec/apicalls.js')
    assert.equal(titleOf(outcome), 'API Calls Recording')
    assert.deepEqual(uploads(outcome, 'vendor.s3.put'), [
      S3('calls', 'apicallsN.json'),
      S3('calls', 'apicallsN.json', 'hub'),
    ])
    const [first] = sent(outcome, 'file.write')
    assert.match(first?.content ?? '', /^"\{\\"at\\":\\"Thu Nov 26 2026 13:00:00 GMT\+0000/)
    assert.match(said(outcome, 'w1')[0] ?? '', /^w1: 2 calls are at https:\/\/calls\.s3\./)
    assert.equal(sent(outcome, 'file.delete').length, 2)
  })

  test('apisec/apicalls.js, with keys: names what was never there, and the file stays', async () => {
    const outcome = await load('apisec/apicalls.js', { env: KEYS })
    assert.deepEqual(said(outcome), [
      'w1 error: upload failed: ReferenceError: snapshot is not defined',
      'hub error: upload failed: ReferenceError: snapshot is not defined',
    ])
    assert.equal(sent(outcome, 'file.delete').length, 0)
  })

  test('apisec/apisec_s3/apicalls.js: the same title and tag, with keys', async () => {
    const outcome = await load('apisec/apisec_s3/apicalls.js', { env: KEYS })
    assert.equal(titleOf(outcome), 'API Calls Recording')
    assert.deepEqual(uploads(outcome, 'vendor.s3.put'), [
      S3('calls', 'apicallsN.json'),
      S3('calls', 'apicallsN.json', 'hub'),
    ])
    assert.equal(sent(outcome, 'file.delete').length, 2)
  })
})

describe('recordings', { concurrency: 2 }, () => {
  const archive = 'kubeshark_N.tar.gz'

  test('dfir/forensics.js: folders, archives and names, and where env says', async () => {
    for (const [env, helper, target] of [
      [KEYS, 'vendor.s3.put', S3('caps', archive)],
      [{}, 'vendor.s3.put', S3('caps', archive)],
      [GCS, 'vendor.gcs.put', /gcaps/],
    ] as const) {
      const outcome = await load('dfir/forensics.js', { env })
      assert.equal(titleOf(outcome), 'Traffic Recording')
      const places = uploads(outcome, helper)
      assert.equal(places.length, 1)
      if (typeof target === 'string') assert.equal(places[0], target)
      else assert.match(places[0] ?? '', target)
      assert.match(said(outcome)[0] ?? '', /^w1: at https:\/\//)
      assert.equal(said(outcome).length, 1)
      const copies = sent(outcome, 'file.copy').map(({ dstPath }) => dstPath)
      assert.ok(copies.includes('"dfir_tmp/name_resolution_history.json"'), copies.join())
      assert.ok(copies.some((path) => /^"dfir\/\d{12}\.pcap"$/.test(path ?? '')))
    }
  })

  test('dfir/forensics_s3.js and forensics_irsa.js: every five minutes, with keys and without, and the names that nobody has written', async () => {
    for (const [path, env] of [
      ['dfir/forensics_s3.js', KEYS],
      ['dfir/forensics_irsa.js', {}],
    ] as const) {
      const outcome = await load(path, { env })
      assert.deepEqual(
        uploads(outcome, 'vendor.s3.put'),
        [S3('caps', 'N.pcap'), S3('caps', 'name_resolution_history.json')],
        path,
      )
      assert.deepEqual(states(outcome), ['ok', 'ok'])
    }
  })

  test("dfir/forensics_gcs.js: 'use strict' after comments holds", async () => {
    const outcome = await load('dfir/forensics_gcs.js', { env: GCS })
    const places = uploads(outcome, 'vendor.gcs.put')
    assert.equal(places.length, 2, places.join())
    assert.match(places[1] ?? '', /name_resolution_history\.json/)
    assert.match(said(outcome)[0] ?? '', /^w1: at \S+ strict$/)
    assert.equal(said(outcome).length, 1)
  })

  test('drafts/recording.js: & in a condition keeps S3 from ever being used, and Google is', async () => {
    const outcome = await load('drafts/recording.js', { env: { ...KEYS, ...GCS } })
    assert.equal(titleOf(outcome), 'recording')
    assert.deepEqual(uploads(outcome, 'vendor.s3.put'), [])
    assert.equal(uploads(outcome, 'vendor.gcs.put').length, 1)
    assert.match(uploads(outcome, 'vendor.gcs.put')[0] ?? '', /night_kubeshark_N\.tar\.gz/)
    assert.deepEqual(said(outcome, 'hub'), [])
    const written = sent(outcome, 'file.write').map(({ path }) => path)
    assert.ok(
      written.some((path) => /^"recordings\/night\/pcaps\/\d{12}_pcap-0_entry\.json"$/.test(path ?? '')),
    )
    assert.equal(outcome.agents[0]?.jobRuns, 2)
  })
})

describe('snapshots', { concurrency: 2 }, () => {
  const archive = 'kubeshark_N.tar.gz'
  const titles: Readonly<Record<string, string>> = {
    'examples/s3_pcap_snapshot.js': 'Upload a PCAP Snapshot to an AWS S3 Bucket If HTTP Status Code is 500',
    'examples/s3_pcap_snapshot_selective.js': 'Selective PCAP Snapshotting',
    'examples/s3_pcap_snapshot_selective_fs.js': 'Selective, File-system Based PCAP Snapshotting',
    'examples/s3_pcap_stream.js':
      'Upload PCAP File of a Stream to an AWS S3 Bucket If HTTP Status Code is 500',
    'history/pcap_snapshot_selective.js': 'Selective PCAP Snapshotting',
    'history/pcap_snapshot_selective_fs.js': 'Selective, File-system Based PCAP Snapshotting',
  }
  for (const [path, title] of Object.entries(titles))
    test(`${path}: uploads with the region first`, async () => {
      const outcome = await load(path, { env: KEYS })
      assert.equal(titleOf(outcome), title)
      assert.deepEqual(uploads(outcome, 'vendor.s3.put'), [S3('caps', archive), S3('caps', archive)])
      // Their jobs run there as well, and fail each time: no error, and told once.
      const told = said(outcome, 'hub').map((line) => line.replace(/"[\w-]+"/, '"…"'))
      const notice = 'hub info: job "…" is for workers: pcap helpers are available on workers only'
      assert.deepEqual(told, path.includes('selective') ? [notice] : [])
      assert.deepEqual(states(outcome), ['ok', 'ok'])
      assert.deepEqual(
        outcome.agents.map(({ errors }) => errors),
        [0, 0],
      )
    })

  test('pcap_snapshot_short.js: one call does it all', async () => {
    const outcome = await load('history/pcap_snapshot_short.js', { env: KEYS })
    assert.equal(titleOf(outcome), 'Upload a PCAP Snapshot')
    assert.deepEqual(uploads(outcome, 'wrapper.pcapSnapshot'), [S3('caps', archive)])
    assert.match(said(outcome)[0] ?? '', /^w1: uploaded https:\/\/caps\.s3\.eu-west-1\.amazonaws\.com\/w1_/)
  })

  test('s3_pcap_snapshot_selective.js, where nothing was selected: says that this means all', async () => {
    const outcome = await load('examples/s3_pcap_snapshot_selective.js', {
      env: KEYS,
      edit: (code) => code.replace('=== 500', '=== 599').replace('== 500', '== 599'),
    })
    assert.deepEqual(
      said(outcome).filter((line) => line.includes(' warn: ')),
      ['w1 warn: pcap.snapshot: an empty list means all streams'],
    )
    assert.equal(uploads(outcome, 'vendor.s3.put').length, 2)
  })

  test('s3_pcap_snapshot_selective_fs.js: what it sets without var is nobody else’s', async () => {
    const outcome = await load('examples/s3_pcap_snapshot_selective_fs.js', {
      env: KEYS,
      edit: (code) =>
        `${code}\njobs.schedule("look", "30 * * * * *", function () { console.log("path" in this, typeof path); });`,
    })
    assert.equal(said(outcome, 'w1').filter((line) => line === 'w1: false string').length, 3)
  })
})

describe('Kinesis, Elasticsearch and Prometheus', { concurrency: 2 }, () => {
  test('kinesis.js: batches as archives, and the answer is text', async () => {
    const env = { ...KEYS, KINESIS_STREAM_NAME: 'calls', KINESIS_MIN_BATCH_SIZE: '3' }
    const outcome = await load('kinesis/kinesis.js', { env })
    const puts = sent(outcome, 'vendor.kinesis.put')
    assert.equal(puts.length, 3)
    assert.match(puts[0]?.payload ?? '', /^"\{\\"log\\":\{\\"version\\":\\"1\.2\\"/)
    assert.match(
      said(outcome)[0] ?? '',
      /^w1: 3 entries: \{"success":true,"sequenceNumber":"\d+","shardId":"shardId-\d+"\}$/,
    )
  })

  test('kinesis.js, without the least size: nothing keeps it from sending empty archives', async () => {
    const outcome = await load('kinesis/kinesis.js', { env: { ...KEYS, KINESIS_STREAM_NAME: 'calls' } })
    assert.equal(sent(outcome, 'vendor.kinesis.put').length, 149)
  })

  test('examples/elastic.js: a document each minute', async () => {
    const outcome = await load('examples/elastic.js', { env: ELASTIC })
    assert.equal(
      titleOf(outcome),
      'Aggregate the HTTP Status Codes and Push Them to Elastic Cloud Every Minute',
    )
    assert.deepEqual(
      sent(outcome, 'vendor.elastic').map(({ index, data }) => [index, data]),
      [
        ['"calls"', '{"200":3,"404":1,"500":1}'],
        ['"calls"', '{"200":1,"500":1}'],
      ],
    )
    assert.equal(uploads(outcome, 'vendor.elastic')[0], 'POST https://abc.example.com/calls/_doc')
    assert.equal(
      said(outcome).filter((line) => line.includes("(reading 'status') (elastic.js:7:30)")).length,
      2,
    )
  })

  test('elastic_traffic_logs.js: never sends, off or on', async () => {
    assert.deepEqual((await load('telemetry/elastic_traffic_logs.js', { env: ELASTIC })).effects, [])
    const on = await load('telemetry/elastic_traffic_logs.js', {
      env: ELASTIC,
      edit: (code) => code.replace('ACTIVE = false', 'ACTIVE = true'),
    })
    assert.deepEqual([on.effects, said(on)], [[], []])
  })

  test('perf2.js: throws and catches on the hub, and goes on there; paths are labels', async () => {
    const outcome = await load('perf/perf2.js')
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    assert.deepEqual(said(outcome, 'hub'), ['hub error: Error: no traffic here'])
    const answers = said(outcome, 'w1')
    assert.equal(answers.length, 9)
    assert.match(answers[0] ?? '', /^w1: \/health: \S+/)
    assert.equal(outcome.agents[1]?.jobRuns, 2)
  })

  test('dns.js: totals that grow', async () => {
    const outcome = await load('top5/dns.js')
    assert.equal(titleOf(outcome), 'dns')
    const lines = said(outcome)
    assert.equal(lines.at(-1), 'hub: \x1b[31m10.0.0.3\x1b[0m: 4')
    assert.equal(lines.filter((line) => line === 'hub clear: ').length, 7)
    assert.ok(!lines.some((line) => line.includes('prometheus')), 'totals never fall')
  })

  test('dns2.js: sends totals again and again, and adds them', async () => {
    const lines = said(await load('top5/dns2.js'))
    assert.deepEqual(
      lines.map((line) => Number(/asked (\d+) times/.exec(line)?.[1])),
      [2, 4, 7, 10, 14, 18],
    )
  })

  test('dns3.js: octal escapes, maps in maps, and counters that turn out to be differences', async () => {
    const lines = said(await load('top5/dns3.js'))
    assert.deepEqual(lines.slice(-2), [
      'hub: \x1b[34m10.0.0.53\x1b[0m cart.shop.test: 3',
      'hub: \x1b[34m10.0.0.53\x1b[0m price.shop.test: 1',
    ])
    assert.equal(
      lines.filter((line) => line.startsWith('w1 warn: prometheus: dns_endpoints fell from 2 to 1')).length,
      1,
    )
  })
})
