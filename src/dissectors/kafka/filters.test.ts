import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileFilter } from '../../filter/index.ts'
import { readCapture } from '../../testing/read-capture.ts'

/** Filters of both languages, and how many entries of a capture of kcat they select. */
const folder = fileURLToPath(new URL('../../../test/captures', import.meta.url))

test('filters select requests of Kafka', async () => {
  assert.ok(readdirSync(folder).includes('kafka-kcat.pcap'))
  const { entries } = await readCapture(`${folder}/kafka-kcat.pcap`)
  const count = (text: string, prefer: 'kfl1' | 'kfl2') => {
    const filter = compileFilter(text, { prefer, now: 0 })
    return entries.filter((entry) => filter.matches(entry as never)).length
  }
  const all = entries.length
  const of = (name: string) =>
    entries.filter(({ base, request }) => request !== null && base.method === name).length
  assert.ok(all > 50 && of('Produce') === 7 && of('Fetch') > 10)

  assert.equal(count('kafka', 'kfl1'), all)
  assert.equal(count('redis', 'kfl1'), 0)
  assert.equal(count('kafka and request.apiKeyName == "Produce"', 'kfl1'), of('Produce'))
  assert.equal(count('kafka and request.apiKey == 0 and request.clientID == "p-zstd"', 'kfl1'), 1)
  assert.equal(count('request.payload.topicData[0].topic == "orders"', 'kfl1'), of('Produce'))
  assert.equal(
    count(
      'request.payload.topicData[0].partitions.partitionData.records.recordBatch.record[0].value == "one lz4"',
      'kfl1',
    ),
    1,
  )
  assert.equal(count('response.errorName == "UNSUPPORTED_VERSION"', 'kfl1'), of('ApiVersions') / 2)

  assert.equal(count('kafka', 'kfl2'), all)
  assert.equal(count('kafka && kafka_api_key == 1', 'kfl2'), of('Fetch'))
  assert.equal(count('kafka_api_key_name == "Produce" && kafka_client_id == "p-gzip"', 'kfl2'), 1)
  assert.equal(count('kafka_size > 0 && kafka_request_size == kafka_size + 4', 'kfl2'), all - 1)
  assert.equal(
    count('kafka_request_summary == "orders" && "orders" in kafka_topics', 'kfl2'),
    count('request.subject == "orders"', 'kfl1'),
  )
  assert.equal(count('kafka_error_code == 35 && kafka_response_size > 0', 'kfl2'), of('ApiVersions') / 2)
  assert.equal(
    count('kafka_request.payload.groupId == "grp"', 'kfl2'),
    count('request.payload.groupId == "grp"', 'kfl1'),
  )

  for (const { base } of entries)
    for (const query of [base.methodQuery, base.summaryQuery, base.statusQuery].filter((each) => each !== ''))
      assert.ok(count(query, 'kfl1') > 0, query)
})
