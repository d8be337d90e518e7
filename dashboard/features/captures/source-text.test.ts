import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaptureView } from '../../../src/wire/captures.ts'
import { captureText, lossText, sourceName } from './source-text.ts'

const CAPTURE: CaptureView = {
  ...{
    id: 'a1',
    name: 'shop.pcap',
    bytes: 2048,
    uploadedAt: '',
    uploadedBy: 'local',
    state: 'ready',
    progress: 1,
  },
  ...{ packets: 20, entries: 3, lost: {}, firstMs: null, lastMs: null, problems: [] },
}

test('sources and captures are told of in words', () => {
  assert.equal(sourceName(undefined, []), 'Live traffic')
  assert.equal(sourceName('capture:a1', [CAPTURE]), 'shop.pcap')
  assert.equal(sourceName('capture:gone', [CAPTURE]), 'A capture')
  assert.equal(sourceName('recording:a:b', []), 'Recording a:b')
  assert.match(captureText(CAPTURE), /20 packets, 3 entries$/)
  assert.equal(captureText({ ...CAPTURE, state: 'reading', progress: 0.505 }), '50 % read, 3 entries')
  const failure = { code: 'E_CAPTURE_FORMAT', message: 'it is no capture' }
  assert.equal(captureText({ ...CAPTURE, state: 'failed', failure }), 'it is no capture')
  const lossy = { ...CAPTURE, lost: { 'file.truncated': 1 }, problems: ['the file ends'] }
  assert.match(captureText(lossy), /not all could be read/)
  assert.equal(lossText(lossy), 'the file ends\nfile: truncated 1')
})
