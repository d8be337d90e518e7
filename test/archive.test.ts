import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { clickHouseServer, hasClickHouse } from '../src/testing/clickhouse-server.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { entriesQuery } from '../src/wire/entries.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const REDACTS = `// Redacts
function onItemQueried(data) {
  if (data.request && data.request.path) data.request.path = '[redacted]'
  return data
}`

test('entries go to ClickHouse as agents leave them, and filters are answered from there', async (t) => {
  if (!hasClickHouse(t)) return
  const server = await clickHouseServer(t, await tempFolder(t))
  const folder = await tempFolder(t)
  await writeFile(join(folder, 'redacts.js'), REDACTS)
  const archive = ['--set', 'entries.store=clickhouse', '--set', `entries.clickhouse.url=${server.url}`]
  // What the worker itself keeps is gone at once.
  const keep = ['--set', 'tap.misc.jsonTTL=1s']
  const tap = new Running(t, folder, ['tap', '.', '--pcap', SAMPLE], [...archive, ...keep])
  const hub = await tap.client(t)
  const ask = async (filter: string) =>
    (await hub.entries(entriesQuery.parse({ filter, limit: 1000 }))).entries.map(
      (text) => JSON.parse(text) as { request: { path?: string } | null; response?: { status?: number } },
    )
  await until(
    async () => (await ask('')).length === 349,
    () => tap.stderr,
  )
  const failed = await ask('http and response.status >= 400')
  assert.ok(failed.length > 0)
  for (const { request, response } of failed) {
    assert.ok((response?.status ?? 0) >= 400)
    if (request) assert.equal(request.path, '[redacted]')
  }
  assert.equal(await tap.stop('SIGTERM'), 0, tap.stderr)
})
