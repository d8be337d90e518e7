import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BATCH_FIXED, HEADER } from '../agent/host/protocol.ts'
import { configSchema } from '../config/schema.ts'
import { protocolsNamed } from '../dissectors/index.ts'
import type { EntryProtocol, Exchange } from '../entry/entry.ts'
import { object, text } from '../entry/shape.ts'
import { Batcher, bodyPaths } from './batcher.ts'

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

describe('a frame', () => {
  test('is cut by how long its rows are, not by how long their messages were on the wire', () => {
    const frames = framesOf([CONTROLS, CONTROLS, 'short', 'short'].map((text) => exchange(text)))
    assert.deepEqual(
      frames.map((rows) => rows.map((row) => row.text)),
      [[CONTROLS], [CONTROLS], ['short', 'short']],
    )
  })

  test('has an entry without its content where no row can be made of that', () => {
    const nested = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    const deep = { toJSON: () => nested }
    const long = '\u0001'.repeat(11 << 20)
    const rows = framesOf([deep, 'a', long, 'b'].map((text) => exchange(text))).flat()
    const emptied = {
      text: undefined,
      size: 400,
      error: ['dissection', 'its content is nested too deeply, or too long'],
    }
    assert.deepEqual(rows, [
      emptied,
      { text: 'a', size: 400, error: null },
      emptied,
      { text: 'b', size: 400, error: null },
    ])
  })
})

const CONTROLS = '\u0001'.repeat(50_000)

const PROTOCOL = {
  name: 'said',
  protocols: [{}],
  request: object('', { text: text('') }),
  response: object('', {}),
} as unknown as EntryProtocol

/** It had 400 bytes on the wire, as what is compressed well has. */
function exchange(said: unknown): Exchange {
  const end = { ip: '192.0.2.1', port: '1' }
  return {
    dissector: PROTOCOL,
    variant: 0,
    stream: { name: 'a.pcap', client: end, server: end, vlan: -1, interfaceName: '' },
    index: 0,
    request: { text: said },
    response: null,
    data: null,
    requestSize: 400,
    responseSize: 0,
    seconds: 0,
    nanos: 0,
    elapsedTime: 0,
    error: null,
    matcherKey: '',
  }
}

/** The rows of each frame that is made of these. */
function framesOf(exchanges: readonly Exchange[]) {
  const frames: { text: unknown; size: unknown; error: unknown }[][] = []
  const origin = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => undefined }
  const batcher = new Batcher([PROTOCOL], [PROTOCOL], origin, (frame) => {
    frames.push(
      rowsIn(frame).map((row) => {
        const [, request, size, error] = row as [number, unknown[] | null, unknown, unknown]
        return { text: request?.[0], size, error }
      }),
    )
  })
  const items = new Set(['request.text', 'size', 'error'])
  batcher.setDemand({ version: 0, items, packets: new Set(), relays: false })
  for (const each of exchanges) batcher.item(each)
  batcher.flush()
  return frames
}

function rowsIn(frame: Uint8Array): unknown[][] {
  const bytes = Buffer.from(frame.buffer)
  const at = HEADER + BATCH_FIXED + bytes.readUInt32LE(HEADER + 4) * 12
  return JSON.parse(bytes.toString('utf8', at, at + bytes.readUInt32LE(HEADER + 12)))
}
