import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EmptyCircumstances, emptyReason } from './empty-reason.ts'
import { csvOf, jsonOf } from './export.ts'
import { RateMeter } from './rate-meter.ts'
import { timeIn } from './time-range.ts'
import { entryPath, isLive, placeIn, searchOf } from './traffic-place.ts'

const at = (text: string) => Date.parse(text)

test('times are read as people write them', () => {
  const now = new Date(2026, 10, 27, 12, 0, 0).getTime()
  assert.equal(timeIn('5m', now), now - 300_000)
  assert.equal(timeIn('1.5 hours ago', now), now - 5_400_000)
  assert.equal(timeIn('10:30', now), new Date(2026, 10, 27, 10, 30).getTime())
  assert.equal(timeIn('23:00:01.5', now), new Date(2026, 10, 26, 23, 0, 1, 500).getTime())
  assert.equal(timeIn('2026-11-27T10:30:00Z', now), at('2026-11-27T10:30:00Z'))
  assert.equal(timeIn('2026-11-27 10:30', now), new Date(2026, 10, 27, 10, 30).getTime())
  assert.equal(timeIn('1795711384096', now), 1795711384096)
  for (const none of ['', 'soon', '25:00', '10:61', '2026-13-45', '5 x'])
    assert.equal(timeIn(none, now), undefined, none)
})

test('a place comes back from the address that it was put into', () => {
  const place = { filter: 'a == "&=#+ é"', entry: 'w:1/1.pcap-0', source: 'capture:a', from: 1, to: 2 }
  const search = searchOf(place, new URLSearchParams('token=x&entry=old'))
  assert.deepEqual(placeIn(new URLSearchParams(search.toString())), place)
  assert.equal(search.get('token'), 'x')
  const nothing = placeIn(new URLSearchParams('from=abc&entry='))
  assert.ok(isLive(nothing))
  assert.equal(searchOf(nothing, search).toString(), 'token=x')
  assert.ok(!isLive(place))
})

test('an identity says where the API has the entry', () => {
  assert.equal(entryPath('10.0.0.1:48999/1.pcap-0', undefined), '/entries/10.0.0.1%3A48999/1.pcap-0')
  assert.equal(entryPath('a/b', 'capture:x y'), '/entries/a/b?source=capture%3Ax%20y')
  for (const none of ['', 'a', '/a', 'a/']) assert.equal(entryPath(none, undefined), undefined)
})

test('the rate is that of whole seconds', () => {
  const meter = new RateMeter(4)
  meter.add(5, 10_000)
  meter.add(5, 10_900)
  meter.add(7, 11_000)
  assert.deepEqual(meter.history(11_500), [0, 0, 10])
  assert.deepEqual(meter.history(12_000), [0, 10, 7])
  assert.deepEqual(meter.history(60_000), [0, 0, 0])
})

test('an empty list says what is in the way, from the capture to the page', () => {
  const worker = (counters: Record<string, number>) => ({
    node: 'w',
    component: 'worker' as const,
    counters,
    health: {},
    silentMs: 0,
  })
  const calm: EmptyCircumstances = {
    filter: '',
    isLive: true,
    isPaused: false,
    source: undefined,
    nodes: [worker({ packets: 10, items: 5 })],
    itemsBefore: 5,
    missing: [],
    scanned: 0,
  }
  const title = (change: Partial<EmptyCircumstances>) => emptyReason({ ...calm, ...change }).title
  assert.match(title({ nodes: undefined }), /Waiting for the hub/)
  assert.match(title({ nodes: [] }), /No worker/)
  assert.match(title({ isPaused: true }), /Paused/)
  assert.match(title({ nodes: [worker({})] }), /no packet has come/)
  assert.match(title({ nodes: [worker({ packets: 9 })] }), /9 packets, and no entry/)
  assert.match(title({ filter: 'dns' }), /matches nothing/)
  assert.match(
    emptyReason({ ...calm, filter: 'dns', itemsBefore: 3 }).hint,
    /^2 entries came .* did not match/,
  )
  assert.match(title({ itemsBefore: 2 }), /3 entries came, and none is shown/)
  assert.match(title({}), /Nothing new/)
  assert.match(title({ isLive: false }), /Nothing is kept/)
  assert.match(title({ isLive: false, source: 'capture:a' }), /source/)
  assert.match(title({ isLive: false, filter: 'dns', scanned: 4 }), /matches nothing/)
  assert.match(title({ isLive: false, missing: ['w'] }), /Not all workers/)
})

test('what is exported is what was shown, and no spreadsheet runs it', () => {
  const text = JSON.stringify({
    id: 'a',
    timestamp: 0,
    protocol: { abbr: 'HTTP' },
    base: { method: '=1+1', summary: 'a,"b"' },
    dst: { ip: '1.2.3.4', port: '80' },
  })
  const lines = [{ id: 'a', at: 0, text }]
  assert.equal(
    csvOf(lines).split('\r\n')[1],
    `1970-01-01T00:00:00.000Z,HTTP,'=1+1,,"a,""b""",,,1.2.3.4:80,1.2.3.4:80,0,,,,a`,
  )
  assert.deepEqual(JSON.parse(jsonOf([...lines, ...lines])), [JSON.parse(text), JSON.parse(text)])
  assert.deepEqual(JSON.parse(jsonOf([])), [])
})
