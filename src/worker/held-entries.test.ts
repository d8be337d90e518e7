import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Identities } from '../cluster/identities.ts'
import { aNode, aPod, change, START, seconds } from '../cluster/test-objects.ts'
import { redis } from '../dissectors/redis/dissector.ts'
import type { EntryProtocol, Exchange } from '../entry/entry.ts'
import { HeldEntries } from './held-entries.ts'

const NOW = START + 60_000

describe('entries whose ends are not known yet', () => {
  test('wait until they are, and others for as long as news takes', () => {
    const held = start()
    held.item('10.1.0.2', '10.1.0.3', 'a')
    held.item('10.1.0.2', '10.1.0.9', 'b')
    held.item('10.1.0.2', '10.1.0.3', 'c')
    assert.deepEqual(held.passed, [])
    held.pass(300)
    assert.deepEqual(held.passed, ['a', 'c'])
    assert.deepEqual(held.counters(), { waiting: 1, waited: 1, inVain: 0, hurried: 0, ofOtherNode: 0 })
    held.hear(aPod('new', '10.1.0.9'))
    held.pass(25)
    assert.deepEqual(held.passed, ['a', 'c', 'b'])
  })

  test('go without a name when their time is over, in the order in which they came', () => {
    const held = start()
    for (const name of ['a', 'b', 'c']) held.item('10.1.0.2', '10.1.0.9', name)
    held.pass(1999)
    assert.deepEqual(held.passed, [])
    held.pass(1)
    assert.deepEqual(held.passed, ['a', 'b', 'c'])
    assert.equal(held.counters().inVain, 3)
    assert.equal(held.counters().waiting, 0)
  })

  test('wait once a minute for what is a pod only by guess, such as a database beside pods', () => {
    const held = start()
    held.hear(aPod('beside', '172.30.5.1'))
    const passedAfter = (ms: number) => {
      held.item('10.1.0.2', '172.30.5.9', 'a')
      held.pass(ms)
      return held.passed.splice(0).length
    }
    assert.equal(passedAfter(300), 0)
    held.pass(1700)
    assert.equal(held.passed.splice(0).length, 1)
    assert.equal(passedAfter(300), 1)
    assert.equal(held.counters().inVain, 1)
    held.pass(60_000)
    assert.equal(passedAfter(300), 0)
    held.hear(aPod('late', '172.30.5.9'))
    held.pass(25)
    assert.equal(held.passed.splice(0).length, 1)
    held.item('10.1.0.2', '10.1.0.9', 'b')
    held.pass(2000)
    held.item('10.1.0.2', '10.1.0.9', 'c')
    held.pass(300)
    assert.deepEqual(held.passed, ['b'], 'a node says that this is an address of pods')
  })

  test('do not wait outside of the networks of pods', () => {
    const held = start()
    held.item('8.8.8.8', '192.168.0.1', 'a')
    assert.deepEqual(held.passed, ['a'])
  })

  test('wait also where a pod is about to give its address up', () => {
    const held = start()
    const going = (more = {}) =>
      aPod('going', '10.1.0.4', { metadata: { deletionTimestamp: seconds(NOW + 30_000) }, ...more })
    held.hear(going())
    held.item('10.1.0.2', '10.1.0.4', 'a')
    held.pass(300)
    assert.deepEqual(held.passed, [])
    held.hear(going({ status: { containerStatuses: [{ name: 'main', state: FINISHED }] } }))
    held.pass(25)
    assert.deepEqual(held.passed, [], 'it may be of another one by now')
    held.pass(2000)
    assert.deepEqual(held.passed, ['a'])
  })

  test('do not wait when there are too many, or too much of them', () => {
    const held = start()
    for (let at = 0; at < 20_005; at++) held.item('10.1.0.2', '10.1.0.9', `${at}`)
    assert.equal(held.passed.length, 5)
    assert.equal(held.counters().hurried, 5)
    const large = start()
    for (let at = 0; at < 5; at++) large.item('10.1.0.2', '10.1.0.9', `${at}`, 20 << 20)
    assert.deepEqual(large.passed, ['3', '4'])
  })

  test('are left out when it turns out that another worker has them', () => {
    const held = start()
    held.item('10.1.0.2', '10.1.0.3', 'a')
    held.item('10.1.0.2', '10.1.0.3', 'b')
    held.elsewhere.add('a')
    held.pass(300)
    assert.deepEqual(held.passed, ['b'])
    assert.equal(held.counters().ofOtherNode, 1)
  })

  test('are all passed on at the end', () => {
    const held = start()
    held.item('10.1.0.2', '10.1.0.9', 'a')
    held.pass(300)
    held.item('10.1.0.2', '10.1.0.3', 'b')
    held.finish()
    assert.deepEqual(held.passed, ['a', 'b'])
    assert.equal(held.counters().waiting, 0)
  })
})

const FINISHED = { terminated: { startedAt: seconds(START), finishedAt: seconds(NOW) } }

/** A cluster with two pods, and a clock. */
function start() {
  let now = 0
  const identities = new Identities({ keepMs: 600_000, mostPast: 1000 })
  identities.apply(
    change('node', 'ADDED', START, aNode('node-1', '192.168.0.1', { podCIDRs: ['10.1.0.0/16'] })),
  )
  const passed: string[] = []
  const next = {
    bodies: false,
    packetsOnly: false,
    packet: () => {},
    relayed: () => {},
    item: ({ matcherKey }: Exchange) => passed.push(matcherKey),
  }
  const elsewhere = new Set<string>()
  const held = new HeldEntries(next, identities, {
    waitMs: 2000,
    now: () => now,
    isOfOtherNode: ({ matcherKey }) => elsewhere.has(matcherKey),
  })
  const hear = (pod: ReturnType<typeof aPod>) => {
    identities.apply(change('pod', 'MODIFIED', NOW + now, pod))
    held.hear()
  }
  hear(aPod('one', '10.1.0.2'))
  hear(aPod('two', '10.1.0.3'))
  return {
    passed,
    elsewhere,
    hear,
    counters: () => held.counters,
    finish: () => held.finish(),
    pass: (ms: number) => {
      now += ms
      held.advance()
    },
    /** An entry that begins now. */
    item: (client: string, server: string, matcherKey: string, requestSize = 1) =>
      held.item({
        stream: { client: { ip: client, port: '50000' }, server: { ip: server, port: '80' } },
        ...{
          matcherKey,
          requestSize,
          responseSize: 0,
          dissector: redis as unknown as EntryProtocol,
          variant: 0,
        },
        ...{ seconds: (NOW + now) / 1000, nanos: 0 },
      } as Exchange),
  }
}
