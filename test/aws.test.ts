import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { kinesisServer, S3RVER, s3Server } from '../src/testing/aws-servers.ts'
import { withoutEmulator } from '../src/testing/emulator.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const skip = withoutEmulator('s3rver') || withoutEmulator('kinesalite')

/** As the public example: the packets and the names of a call that failed, in the older order of arguments. */
const FAILED_CALL = `// Upload PCAP File of a Stream
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || data.response.status !== 500) return
  var folder = file.mkdirTemp('stream')
  file.copy(pcap.path(data.stream), folder + '/' + data.stream)
  file.write(folder + '/names.json', JSON.stringify(pcap.nameResolutionHistory()))
  var archive = file.tar(folder)
  var url = vendor.s3.put(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET, archive)
  console.log('uploaded ' + url)
  file.delete(folder)
  file.delete(archive)
  try {
    vendor.s3.put(env.S3_BUCKET, archive, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)
  } catch (error) {
    console.log(String(error))
  }
}`

const TO_KINESIS = `// kinesis
var entries = []
function onItemCaptured(data) { if (data.protocol.name === 'http') entries.push(data) }
jobs.schedule('kinesis', '0 0 0 1 1 *', function () {
  var answer = vendor.kinesis.put('traffic', wrapper.buildHAR(entries), env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)
  console.log('sent: ' + answer)
  console.log(answer, JSON.stringify(answer) === String(answer), answer.success)
})`

const LATER = `// later
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || data.response.status !== 500) return
  file.write('call.json', JSON.stringify(data))
  vendor.kinesis.put.queue('traffic', { path: data.request.path }, env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)
  vendor.kinesis.put.queue('traffic', 'second', env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)
  vendor.s3.put.queue(env.S3_BUCKET, 'call.json', env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)
  file.delete('call.json')
}`

const KFL = `// kfl
function onItemCaptured(data) {
  var url = wrapper.kflPcapS3(data, {
    kflArr: ['http and response.status == 500', 'htt ??? a : p', 'http and response.status == 400', 'ldap'],
    maxL4Streams: 2, maxMinutes: 0.005, verbose: true
  })
  if (url) console.log('url ' + url)
}`

describe('agents that send to AWS', { skip }, () => {
  test('upload the packets of a failed call, and put an archive of calls into a stream', async (t) => {
    const { run, objects, records } = await open(t)
    const lines = await run({ 'a.js': FAILED_CALL, 'b.js': TO_KINESIS })
    const uploaded = String(lines.find((line) => line.startsWith('uploaded ')))
    const missing = 'Error: vendor.s3.put: there is no file kubeshark_'
    assert.ok(
      lines.some((line) => line.startsWith(missing)),
      lines.join('\n'),
    )
    const stored = await objects()
    assert.deepEqual(
      [...stored.keys()].map((key) => key.replace(/_[\d.]+_[0-9a-f]+\//, '/…/').replace(/\d+/, 'N')),
      ['n/…/kubeshark_N.tar.gz'],
    )
    assert.ok(uploaded.endsWith([...stored.keys()].join()), uploaded)
    const [names = '', stream = ''] = listed([...stored.values()][0] ?? Buffer.alloc(0))
    assert.equal(names, 'names.json')
    assert.match(stream, /^\d{12}\.pcap$/)

    const [record] = await records()
    const { log } = JSON.parse(record?.data ?? '') as { log: { entries: { response: { status: number } }[] } }
    assert.ok(log.entries.some(({ response }) => response.status === 500))
    const answer = JSON.stringify({
      success: true,
      sequenceNumber: record?.sequenceNumber,
      shardId: 'shardId-000000000000',
    })
    assert.ok(lines.includes(`sent: ${answer}`), lines.join('\n'))
    assert.ok(lines.includes(`${answer} true true`), lines.join('\n'))
  })

  test('send by way of the outbox, also a file that is deleted at once', async (t) => {
    const { run, objects, records } = await open(t)
    await run({ 'a.js': LATER }, (folder) => {
      assert.deepEqual(readdirSync(join(folder, '.remora/data/.queued')), [])
    })
    const [[key, body] = []] = await objects()
    assert.match(String(key), /^n_[\d.]+_[0-9a-f]+\/call\.json$/)
    assert.equal(JSON.parse(String(body)).response.status, 500)
    const [first, second, ...more] = await records()
    assert.match(String(first?.data), /^\{"path":"\//)
    assert.equal(second?.data, 'second')
    assert.deepEqual(more, [])
  })

  test('upload the packets of streams that pass a filter, when there are enough and when it is time', async (t) => {
    const { run, objects } = await open(t)
    const lines = await run({ 'a.js': KFL })
    const stored = await objects()
    const archives = [...stored.keys()].filter((key) => key.endsWith('.tar.gz'))
    assert.deepEqual(
      [...new Set(archives.map((key) => /kfl_\d/.exec(key)?.[0]))].sort(),
      ['kfl_0', 'kfl_2'],
      lines.join('\n'),
    )
    for (const key of archives) {
      const archive = stored.get(key)
      const content = JSON.parse(extracted(archive, 'content.json').toString())
      const index = Number(/kfl_(\d)/.exec(key)?.[1])
      assert.equal(content.kfl_index, index)
      assert.ok(content.l4_streams.length > 0 && content.l4_streams.length <= 2)
      assert.match(content.time, /^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/)
      const capture = extracted(archive, content.pcap_file_name)
      assert.ok(capture.includes(`HTTP/1.1 ${index === 0 ? 500 : 400} `), key)
    }
    const [log] = [...stored.keys()].filter((key) => /\/kflPcapS3_log_[0-9a-f]{16}\.json$/.test(key))
    const listedIn = JSON.parse(String(stored.get(String(log)))) as { file: string }[]
    assert.deepEqual(
      listedIn.map(({ file }) => file).sort(),
      archives.map((key) => key.replace(/.*\//, '')).sort(),
    )
    assert.equal(lines.filter((line) => line.includes('kflArr[1] cannot be read: Error: 1:5')).length, 1)
    assert.ok(lines.some((line) => line.startsWith('url http')) || archives.length === 2, lines.join('\n'))
  })
})

/** A store, a stream, and the program that sends to them. */
async function open(t: TestContext) {
  const endpoint = await s3Server(t, 'traffic')
  const stream = await kinesisServer(t, 'traffic')
  const env = {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_KINESIS: stream.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: S3RVER,
    AWS_SECRET_ACCESS_KEY: S3RVER,
    S3_BUCKET: 'traffic',
  }
  const client = new S3Client({
    endpoint,
    region: 'eu-west-1',
    forcePathStyle: true,
    credentials: { accessKeyId: S3RVER, secretAccessKey: S3RVER },
  })
  t.after(() => client.destroy())
  return {
    /** What the agents say, without who says it. */
    async run(
      agents: Readonly<Record<string, string>>,
      look: (folder: string) => void = () => {},
    ): Promise<string[]> {
      const config = JSON.stringify({ scripting: { env } })
      return await withFiles({ ...agents, 'remora.yaml': config }, async (folder) => {
        const { code, stdout, stderr } = await remora(
          ['run', ...Object.keys(agents), '--pcap', SAMPLE, '--node-name', 'n', '--hub', 'never'],
          { cwd: folder },
        )
        assert.equal(code, 0, stdout + stderr)
        look(folder)
        return (stdout + stderr)
          .split('\n')
          .flatMap((line) => /^\[n-\d+(?::\w+)?\] (.*)/.exec(line)?.[1] ?? [])
      })
    },
    async objects(): Promise<Map<string, Buffer>> {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'traffic' }))
      const found = new Map<string, Buffer>()
      for (const { Key = '' } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: 'traffic', Key }))
        found.set(Key, Buffer.from((await Body?.transformToByteArray()) ?? []))
      }
      return found
    },
    records: () => stream.records('traffic'),
  }
}

function listed(archive: Buffer): string[] {
  return execFileSync('tar', ['-tz'], { input: archive, encoding: 'utf8' })
    .trim()
    .split('\n')
    .sort()
    .reverse()
}

function extracted(archive: Buffer | undefined, name: string): Buffer {
  assert.ok(archive !== undefined)
  return execFileSync('tar', ['-xzO', name], { input: archive })
}
