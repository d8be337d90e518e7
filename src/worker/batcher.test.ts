import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../config/schema.ts'
import { protocolsNamed } from '../dissectors/index.ts'
import { bodyPaths } from './batcher.ts'

test('bodies are kept for who reads them, or what holds them, and for nobody else', () => {
  const { enabledDissectors } = configSchema.parse({}).tap
  const paths = bodyPaths(protocolsNamed(enabledDissectors))
  for (const path of [
    ...['*', 'request', 'response', 'request.postData', 'response.content.text', 'response.errors'],
    ...['request.payload', 'response.rows', 'response.resultSets', 'response.documents', 'response.entries'],
    ...['request.body', 'response.values', 'request.payloadData', 'base.summary'],
  ])
    assert.ok(paths.has(path), path)
  for (const path of [
    ...['request.path', 'response.status', 'request.query', 'response.rowCount', 'data.state', 'data'],
    ...['response.content.mimeType', 'request.postData.mimeType', 'base.method', 'request.topic', 'protocol'],
  ])
    assert.ok(!paths.has(path), path)
  const more = bodyPaths(protocolsNamed([...enabledDissectors, 'tcp']))
  for (const path of ['data', 'data.payload', 'data.truncated']) assert.ok(more.has(path), path)
})
