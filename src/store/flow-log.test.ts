import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempFolder } from '../testing/temp-folder.ts'
import { FlowLog, type Sighting } from './flow-log.ts'

const HOUR = 3_600_000
const START = 1_700_000_040_000

test('connections are summed over the time that is asked for, also after a restart', async (t) => {
  const folder = await tempFolder(t)
  let now = START
  const open = () => new FlowLog({ folder, mostBytes: 10 << 20, keepMs: HOUR, now: () => now })
  const log = open()
  for (let minute = 0; minute < 5; minute++) {
    log.add(sighting('10.0.0.1', { at: START + minute * 60_000 }))
    log.add(sighting('10.0.0.1', { at: START + minute * 60_000 + 5 }))
    log.add(sighting('10.0.0.1', { at: START + minute * 60_000 + 7, requests: 0 }))
  }
  log.add(sighting('10.0.0.2', { at: START }))
  now += 5 * 60_000
  const all = log.page(START)
  assert.deepEqual(
    all.flows.map(({ from, count, firstAt, lastAt }) => [
      from.address,
      count,
      firstAt - START,
      lastAt - START,
    ]),
    [
      ['10.0.0.1', 10, 0, 240_007],
      ['10.0.0.2', 1, 0, 0],
    ],
  )
  assert.equal(all.isComplete, true)
  assert.deepEqual(
    log.page(START + 180_000).flows.map(({ count }) => count),
    [4],
  )
  assert.equal(log.page(START - 1000).isComplete, false)
  log.close()
  const later = open()
  t.after(() => later.close())
  const { flows, isComplete, from } = later.page(START)
  assert.equal(flows.length, 2)
  assert.equal(isComplete, false, 'it was away for a while')
  assert.equal(from, START)
})

test('what is too old goes, and what is too much, and both is told', (t) => {
  let now = START
  const log = new FlowLog({ folder: null, mostBytes: 100_000, keepMs: HOUR, now: () => now })
  t.after(() => log.close())
  for (let minute = 0; minute < 120; minute++) {
    now = START + minute * 60_000
    for (let host = 0; host < 100; host++) log.add(sighting(`10.0.${minute % 3}.${host}`, { at: now }))
    log.flush()
  }
  const { crowdedOut, rows } = log.counters
  assert.ok(crowdedOut > 0)
  assert.ok(rows > 0)
  const { isComplete, from, flows } = log.page(now - HOUR / 2)
  assert.equal(isComplete, false)
  assert.ok(from > now - HOUR / 2 && from <= now)
  assert.equal(
    flows.reduce((sum, { count }) => sum + count, 0),
    rows,
  )
})

test('all pages together are all there is', (t) => {
  const log = new FlowLog({ folder: null, mostBytes: 10 << 20, keepMs: HOUR, now: () => START })
  t.after(() => log.close())
  for (let minute = 0; minute < 3; minute++)
    for (let host = 0; host < 2500; host++)
      log.add(sighting(`10.0.${host >> 8}.${host & 255}`, { at: START + minute * 60_000 }))
  const seen = new Map<string, number>()
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { flows, next } = log.page(START, after)
    for (const { from, count } of flows) seen.set(from.address, (seen.get(from.address) ?? 0) + count)
    after = next
  }
  assert.equal(seen.size, 2500)
  assert.deepEqual(new Set(seen.values()), new Set([3]))
  assert.equal(log.page(START, 'no cursor').flows.length, 1000)
})

test('what was missed makes the time incomplete in which it was', (t) => {
  let now = START
  const log = new FlowLog({ folder: null, mostBytes: 10 << 20, keepMs: HOUR, now: () => now })
  t.after(() => log.close())
  now += 60_000
  log.miss(3)
  now += 60_000
  assert.equal(log.page(START).isComplete, false)
  assert.equal(log.page(now - 1000).isComplete, true)
  assert.equal(log.counters.lost, 3)
})

function sighting(address: string, { at, requests = 1 }: { at: number; requests?: number }): Sighting {
  const ends = { from: { address }, to: { address: '10.1.0.1' } }
  return { ...ends, protocol: 'TCP', port: 80, requests, firstAt: at, lastAt: at }
}
