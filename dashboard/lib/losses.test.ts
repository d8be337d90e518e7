import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SKIP_REASONS } from '../../src/dissect/engine.ts'
import { IGNORED, MALFORMED } from '../../src/packet/reasons.ts'
import { nodeStatusOf } from '../../src/testing/node-status.ts'
import { lossesOf, meaningOf } from './losses.ts'
import { NodeHistory } from './node-history.ts'

function nodes(now: number, counters: Readonly<Record<string, number>>) {
  return [{ ...nodeStatusOf({ node: 'n1', now, counters }), skewMs: 0, silentMs: 0 }]
}

test('losses are told with what they mean, the worst first', () => {
  const history = new NodeHistory()
  history.note(nodes(1000, { 'dropped.capture.kernel': 3, 'dropped.store.expired': 900 }))
  const now = nodes(2000, {
    packets: 1000,
    'queue.entries': 3,
    'dropped.store.expired': 1000,
    'dropped.capture.kernel': 10,
    'dropped.stream-bytes.unrecognised': 40,
    'dropped.spool.failed': 0,
  })
  history.note(now)
  const losses = lossesOf(now, history)
  assert.deepEqual(
    losses.map(({ counter, kind, total, lastMinute }) => [counter, kind, total, lastMinute]),
    [
      ['dropped.capture.kernel', 'lost', 10, 7],
      ['dropped.stream-bytes.unrecognised', 'unread', 40, 40],
      ['dropped.store.expired', 'aged', 1000, 100],
      ['dropped.spool.failed', 'lost', 0, 0],
    ],
  )
  assert.match(losses[0]?.why ?? '', /kernel was full/)
})

test('every reason of packets and bytes that are not read has words for it', () => {
  for (const [group, reasons] of Object.entries({ malformed: MALFORMED, ignored: IGNORED }))
    for (const reason of Object.keys(reasons)) {
      const meaning = meaningOf(`dropped.packets.${group}: ${reason}`)
      assert.equal(meaning?.kind, 'unread')
      assert.notEqual(meaning.why, reason, reason)
    }
  for (const reason of Object.keys(SKIP_REASONS))
    assert.match(meaningOf(`dropped.stream-bytes.${reason}`)?.why ?? '', / .*\.$/, reason)
})

test('what nobody has words for is told as it is, and what is no loss is not told', () => {
  assert.deepEqual(meaningOf('dropped.moon.too-far'), {
    ...{ what: 'Dropped: moon', why: 'too far', kind: 'lost' },
  })
  for (const counter of ['packets', 'queue.entries', 'protocol.HTTP', 'dropped'])
    assert.equal(meaningOf(counter), undefined)
})
