import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { AZURITE_ACCOUNT, AZURITE_KEY, azurite } from '../src/testing/azurite.ts'
import { elasticServer } from '../src/testing/elastic-server.ts'
import { withoutEmulator } from '../src/testing/emulator.ts'
import { gcsServer } from '../src/testing/gcs-server.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

const REPORTER = `// Report statuses
var statuses = {}
var uploaded = false

function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.response) return
  statuses[data.response.status] = (statuses[data.response.status] || 0) + 1
  if (uploaded) return
  uploaded = true
  file.copy(pcap.path(data.stream), 'first.pcap')
  console.log('azure', vendor.azure.put('traffic', 'first.pcap', '', '', env.AZURE))
  console.log('gcs', vendor.gcs.put('traffic', 'first.pcap', env.GCS_KEY))
  vendor.azure.put.queue('queued', 'first.pcap', '', '', env.AZURE)
  file.delete('first.pcap')
}

jobs.schedule('report', '0 0 0 * * *', function () {
  vendor.elastic(env.ELASTIC_URL, 'statuses', { statuses: statuses }, '', '', '', env.ELASTIC_API_KEY)
  for (var status in statuses)
    vendor.elastic.queue(env.ELASTIC_URL, 'each', { status: Number(status) }, '', '', '', env.ELASTIC_API_KEY)
})
`

describe('an agent with integrations', { skip: withoutEmulator('azurite') }, () => {
  test('sends counts to Elasticsearch, and packets to Azure and Google, at once and by way of the outbox', async (t) => {
    const endpoint = await azurite(t)
    const elastic = await elasticServer(t, { authorization: 'ApiKey bXkta2V5LWlk' })
    const gcs = await gcsServer(t)
    const credential = new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY)
    const service = new BlobServiceClient(endpoint, credential)
    for (const name of ['traffic', 'queued']) await service.getContainerClient(name).create()
    const env = {
      AZURE: `BlobEndpoint=${endpoint};AccountName=${AZURITE_ACCOUNT};AccountKey=${AZURITE_KEY}`,
      ELASTIC_URL: elastic.url,
      ELASTIC_API_KEY: 'bXkta2V5LWlk',
      GCS_KEY: gcs.key,
      STORAGE_EMULATOR_HOST: gcs.url,
    }
    const settings = JSON.stringify({ scripting: { env } })
    await withFiles({ 'agents/report.js': REPORTER, 'remora.yaml': settings }, async (folder) => {
      const args = ['--pcap', SAMPLE, '--node-name', 'n']
      const { code, stdout, stderr } = await remora(['run', 'agents', ...args], { cwd: folder })
      assert.equal(code, 0, stderr)
      assert.doesNotMatch(stdout + stderr, /Error|Eby8vdM02|BEGIN PRIVATE/)

      const url = /azure (\S+)/.exec(stdout)?.[1] ?? ''
      const name = /\/traffic\/(n_[^/]+\/first\.pcap)$/.exec(url)?.[1] ?? ''
      const [put, queued] = await Promise.all(
        ['traffic', 'queued'].map((each) =>
          service.getContainerClient(each).getBlobClient(name).downloadToBuffer(),
        ),
      )
      assert.ok(put !== undefined && put.length > 100, 'no packets')
      assert.match(put.subarray(0, 4).toString('hex'), /^(4d3cb2a1|d4c3b2a1)$/)
      assert.deepEqual(queued, put)

      const [[object = '', stored] = []] = gcs.objects
      assert.match(stdout, new RegExp(`gcs ${gcs.url}/traffic/${object}`))
      assert.equal(stored?.bytes, put.length)

      const reports = Object.values(elastic.documents('statuses')) as { statuses: Record<string, number> }[]
      const counted = Object.values(reports.at(-1)?.statuses ?? {}).reduce((sum, each) => sum + each, 0)
      assert.ok(counted > 0 && counted <= 45, String(counted))
      const each = Object.values(elastic.documents('each')).map(({ status }) => String(status))
      assert.deepEqual(each.sort(), Object.keys(reports.at(-1)?.statuses ?? {}).sort())
    })
  })
})
