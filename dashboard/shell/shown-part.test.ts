import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeStatusOf } from '../../src/testing/node-status.ts'
import { Delivery } from '../lib/delivery.ts'
import { NodeHistory } from '../lib/node-history.ts'
import { shownPart } from './shown-part.ts'

function worker(now: number, counters: Readonly<Record<string, number>>, silentMs = 0) {
  return { ...nodeStatusOf({ node: 'n1', now, counters }), skewMs: 0, silentMs }
}

test('all is shown where nothing was lost lately, whatever was before', () => {
  const history = new NodeHistory()
  const counters = { 'dropped.capture.kernel': 500, 'dropped.store.expired': 4 }
  for (const now of [0, 30_000, 61_000]) history.note([worker(now, counters)])
  const nodes = [worker(62_000, { ...counters, 'dropped.store.expired': 90 })]
  history.note(nodes)
  const delivery = new Delivery()
  delivery.note(10, 0, 60_000)
  assert.partialDeepStrictEqual(shownPart(nodes, history, delivery, 62_000), {
    state: 'all',
    word: 'All traffic shown',
  })
})

test('what the capture lost comes first, then what this browser did not get', () => {
  const history = new NodeHistory()
  history.note([worker(1000, { 'dropped.capture.kernel': 0, 'dropped.live.too-many': 0 })])
  const nodes = [worker(2000, { 'dropped.capture.kernel': 1203, 'dropped.live.too-many': 17 }, 4000)]
  history.note(nodes)
  const delivery = new Delivery()
  delivery.note(83, 17, 60_000)
  const shown = shownPart(nodes, history, delivery, 62_000)
  assert.equal(shown?.word, 'Capture lost 1,203 packets')
  assert.equal(shown.sentences.length, 3)
  assert.match(shown.sentences[1] ?? '', /^17 % of the entries of the last minute \(17\) were not sent/)
  assert.match(shown.sentences[2] ?? '', /n1 for some seconds/)
  const later = shownPart([worker(2000, {})], new NodeHistory(), delivery, 62_000)
  assert.equal(later?.word, 'Shows 83 %')
})

test('a share that is lost is never rounded away', () => {
  const delivery = new Delivery()
  delivery.note(1_000_000, 1, 0)
  assert.equal(shownPart([worker(0, {})], new NodeHistory(), delivery, 0)?.word, 'Shows 99 %')
})

test('without workers it says that nothing captures, and before nodes are known nothing', () => {
  const [history, delivery] = [new NodeHistory(), new Delivery()]
  assert.equal(shownPart(undefined, history, delivery, 0), undefined)
  assert.equal(shownPart([], history, delivery, 0)?.state, 'none')
})
