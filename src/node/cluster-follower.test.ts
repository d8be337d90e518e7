import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import type { Bus } from '../bus/bus.ts'
import type { KnownChange, Pod } from '../cluster/objects.ts'
import { ClusterFeed } from '../hub/cluster/feed.ts'
import { PackedObject } from '../hub/cluster/packed-object.ts'
import { Mistake } from '../mistake/mistake.ts'
import { until } from '../testing/until.ts'
import { ClusterFollower } from './cluster-follower.ts'

describe('what is known of the cluster', () => {
  it('is what the hub tells, and who listens later hears all of it first', async (t) => {
    const { feed, follower, told } = setUp(t)
    assert.equal(follower.state, 'waiting')
    feed.all('pod', [pod('cart', 1), pod('pay', 1)], 5)
    await until(() => follower.objects('pod').length === 2)
    assert.equal(follower.state, 'following')
    feed.put('pod', pod('cart', 2), 6)
    feed.delete(pod('pay', 1), 7)
    await until(() => told.length === 4)
    assert.deepEqual(told.map(short), ['ADDED cart 1', 'ADDED pay 1', 'MODIFIED cart 2', 'DELETED pay 1'])
    assert.deepEqual(
      told.map(({ at }) => at),
      [5, 5, 6, 7],
    )
    const late: KnownChange[] = []
    follower.onChanges((changes) => late.push(...changes))
    assert.deepEqual(late.map(short), ['ADDED cart 2'])
  })

  it('stays known when nobody tells anything, and of a new leader only differences are told', async (t) => {
    const { feed, follower, told, network } = setUp(t)
    feed.all('pod', [pod('cart', 1), pod('pay', 1), pod('web', 1)], 1)
    await until(() => told.length === 3)
    feed.close()
    told.length = 0
    const next = new ClusterFeed({ ...FAST, bus: network.hub, term: 2 })
    t.after(() => next.close())
    await until(() => network.answered(next.id) > 0 && follower.state === 'following')
    // It has not read anything yet: nothing is gone.
    assert.equal(follower.objects('pod').length, 3)
    next.all('pod', [pod('cart', 1), pod('pay', 2), pod('new', 1)], 2)
    await until(() => told.length >= 3)
    assert.deepEqual(told.map(short).sort(), ['ADDED new 1', 'DELETED web 1', 'MODIFIED pay 2'])
  })

  it('is not told again by a new leader, but for what somebody lacks, and that once to all', async (t) => {
    const { feed, told, network } = setUp(t)
    const many = Array.from({ length: 500 }, (_, at) => pod(`pod-${at}`, 1))
    feed.all('pod', many, 1)
    await until(() => told.length === 500)
    const others = Array.from({ length: 3 }, () => new ClusterFollower({ ...QUICK, bus: network.program }))
    t.after(() => Promise.all(others.map((each) => each.close())))
    await until(() => others.every((each) => each.objects('pod').length === 500))
    feed.close()
    told.length = 0
    const before = network.published
    const next = new ClusterFeed({ ...FAST, bus: network.hub, term: 2 })
    t.after(() => next.close())
    await until(() => network.answered(next.id) === 4)
    // Read anew, with a version of its own each: what is told of them is the same.
    const there = [...many.slice(3), pod('pod-0', 2), pod('pod-1', 1, 'other'), pod('new', 1)]
    next.all('pod', there, 2)
    await until(() => told.length === 5)
    assert.deepEqual(told.map(short).sort(), [
      ...['ADDED new 1', 'ADDED pod-1 1', 'DELETED pod-1 1', 'DELETED pod-2 1'],
      'MODIFIED pod-0 2',
    ])
    await until(() => others.every((each) => each.state === 'following'))
    for (const each of others)
      assert.deepEqual(
        each.objects('pod').map(unversioned).sort(),
        there.map(({ content }) => content).sort(),
      )
    const { kept, sent, pages } = next.counters
    assert.deepEqual([kept, sent, pages], [500, 503, 4], 'each has read one page, which was empty')
    assert.ok(network.published - before < 500 * 150, `${network.published - before} bytes`)
  })

  it('is told to be gone, when what has come in its place went before it was told', async (t) => {
    const { feed, told, network } = setUp(t)
    const many = Array.from({ length: 2000 }, (_, at) => pod(`pod-${at}`, 1))
    feed.all('pod', [pod('web-0', 1, 'one'), ...many], 1)
    await until(() => told.length === 2001)
    feed.close()
    told.length = 0
    const next = new ClusterFeed({ ...FAST, burst: 1, batchMs: 20, bus: network.hub, term: 2 })
    t.after(() => next.close())
    await until(() => network.answered(next.id) === 1)
    next.all('pod', [pod('web-0', 2, 'two'), ...many], 2)
    next.delete(pod('web-0', 3, 'two'), 3)
    await until(() => told.length > 0)
    assert.deepEqual(
      told.map(({ type, at, object }) => [type, at, object.metadata.uid]),
      [['DELETED', 3, 'web-0-one']],
    )
  })

  it('is told when it comes in place of what was asked for, whenever the answer comes', async (t) => {
    const { feed, follower, told, network } = setUp(t)
    const many = Array.from({ length: 2000 }, (_, at) => pod(`pod-${at}`, 1))
    feed.all('pod', [pod('web-0', 1, 'one'), ...many], 1)
    await until(() => told.length === 2001)
    feed.close()
    const next = new ClusterFeed({ ...FAST, burst: 1, batchMs: 20, bus: network.hub, term: 2 })
    t.after(() => next.close())
    await until(() => network.answered(next.id) === 1)
    network.delays = () => 100
    next.all('pod', [pod('web-0', 2, 'two'), ...many], 2)
    await until(() => network.answered(next.id) === 2)
    next.all('pod', [pod('web-0', 3, 'three'), ...many], 3)
    network.delays = () => 0
    await until(() => follower.state === 'following')
    const [web] = follower.objects('pod').filter(({ metadata }) => metadata.name === 'web-0')
    assert.equal(web?.metadata.uid, 'web-0-three')
  })

  it('is told to have come in the place of another, with what that means, also by a new leader', async (t) => {
    const { feed, told, network } = setUp(t)
    const running = { phase: 'Running' }
    feed.all('pod', [pod('cart', 1)], 1)
    await until(() => told.length === 1)
    feed.close()
    const next = new ClusterFeed({ ...FAST, bus: network.hub, term: 2 })
    t.after(() => next.close())
    await until(() => network.answered(next.id) === 1)
    next.all('pod', [pod('cart', 1, 'other', running)], 2)
    await until(() => told.length === 3)
    assert.deepEqual(told.map(short), ['ADDED cart 1', 'DELETED cart 1', 'ADDED cart 1'])
    assert.equal(told[2]?.reason?.reason, 'started')
  })

  it('is told in full to who comes while a new leader begins', async (t) => {
    const { feed, told, network } = setUp(t)
    feed.all('pod', [pod('cart', 1), pod('pay', 1)], 1)
    await until(() => told.length === 2)
    feed.close()
    const next = new ClusterFeed({ ...FAST, bus: network.hub, term: 2 })
    t.after(() => next.close())
    next.all('pod', [pod('cart', 1), pod('pay', 2)], 2)
    const late = new ClusterFollower({ ...QUICK, bus: network.program })
    t.after(() => late.close())
    await until(() => late.state === 'following' && told.length === 3)
    assert.deepEqual(
      late.objects('pod').map(unversioned).sort(),
      [pod('cart', 1).content, pod('pay', 2).content].sort(),
    )
  })

  it('takes a pod that has the name of another one for a new one', async (t) => {
    const { feed, told } = setUp(t)
    feed.all('pod', [pod('cart', 1)], 1)
    await until(() => told.length === 1)
    feed.put('pod', pod('cart', 2, 'other'), 2)
    // What comes late of the one before is not about this one.
    feed.delete(pod('cart', 3), 3)
    feed.put('pod', pod('end', 1), 4)
    await until(() => told.some((change) => short(change) === 'ADDED end 1'))
    assert.deepEqual(told.map(short), ['ADDED cart 1', 'DELETED cart 1', 'ADDED cart 2', 'ADDED end 1'])
  })

  it('knows what a change of a pod means, also after some were missed', async (t) => {
    const { feed, told, network } = setUp(t)
    feed.all('pod', [pod('cart', 1, 'one', { containerStatuses: [{ name: 'main', restartCount: 0 }] })], 1)
    await until(() => told.length === 1)
    network.loses = () => true
    const state = { running: { startedAt: '2026-01-01T00:00:00Z' } }
    const lastState = { terminated: { exitCode: 137, reason: 'OOMKilled', containerID: 'containerd://1' } }
    const containerStatuses = [{ name: 'main', restartCount: 1, state, lastState }]
    feed.put('pod', pod('cart', 2, 'one', { containerStatuses }), 2)
    await setTimeout(20)
    network.loses = () => false
    await until(() => told.length === 2)
    assert.deepEqual(told[1]?.reason, { reason: 'oom', container: 'main' })
  })

  it('follows the later of two hubs that lead for a moment', async (t) => {
    const { feed, follower, told, network } = setUp(t)
    feed.all('pod', [pod('cart', 1)], 1)
    await until(() => told.length === 1)
    const next = new ClusterFeed({ ...FAST, bus: network.hub, term: 2 })
    t.after(() => next.close())
    next.all('pod', [pod('cart', 2)], 2)
    await until(() => told.length === 2)
    const asked = network.answered(feed.id)
    feed.put('pod', pod('cart', 1), 3)
    feed.put('pod', pod('old', 1), 3)
    next.put('pod', pod('new', 1), 4)
    await until(() => follower.objects('pod').length === 2)
    await setTimeout(50)
    assert.deepEqual(told.map(short), ['ADDED cart 1', 'MODIFIED cart 2', 'ADDED new 1'])
    assert.equal(network.answered(feed.id), asked)
  })

  it('is read page by page where it is much', async (t) => {
    const { feed, follower, network } = setUp(t)
    const many = Array.from({ length: 3000 }, (_, at) => pod(`pod-${at}`, 1))
    network.loses = () => true
    feed.all('pod', many, 1)
    await setTimeout(10)
    network.loses = () => false
    await until(() => follower.objects('pod').length === 3000)
    assert.ok(network.answered(feed.id) > 3)
    assert.ok(network.longest <= network.hub.mostBytes)
  })

  it('counts what makes no sense, and takes the rest', async (t) => {
    const { feed, follower, network } = setUp(t)
    feed.all('pod', [pod('cart', 1)], 1)
    await until(() => follower.objects('pod').length === 1)
    const say = (text: string) => network.hub.publish('cluster-news', Buffer.from(text))
    for (const text of ['', '{', '{}', '[]', '{"feed":1}', '\0']) say(text)
    const { term, complete } = { term: 9, complete: ['pod'] }
    // It says that it leads, and nobody answers for it.
    say(JSON.stringify({ feed: 'forged', term, seq: 3, complete, changes: [{ kind: 'pod' }, 7, null] }))
    await setTimeout(50)
    assert.equal(follower.counters['dropped.cluster.malformed'], 6)
    assert.equal(follower.objects('pod').length, 1)
  })

  it('goes on when a listener fails', async (t) => {
    const { feed, follower, told } = setUp(t)
    const stop = follower.onChanges(() => assert.fail('no'))
    const heard: KnownChange[] = []
    follower.onChanges((changes) => heard.push(...changes))
    feed.all('pod', [pod('cart', 1)], 1)
    await until(() => heard.length === 1 && told.length === 1)
    assert.equal(follower.counters['cluster.failures'], 1)
    stop()
    feed.put('pod', pod('cart', 2), 2)
    await until(() => heard.length === 2)
    assert.equal(follower.counters['cluster.failures'], 1)
  })

  it('is off where nobody wants it', (t) => {
    const { follower } = setUp(t, false)
    assert.equal(follower.state, 'off')
    assert.deepEqual(follower.counters, {})
    assert.deepEqual(follower.health, {})
  })

  it('comes to what the hub knows, whatever is lost, doubled and late, and however often the leader changes', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { maxLength: 60 }),
        // In the smaller messages there is one change, so that a list goes out bit by bit.
        fc.constantFrom(100_000, 17_000),
        fc.infiniteStream(fc.nat(99)),
        async (all, mostBytes, dice) => {
          const network = new Network(mostBytes)
          const roll = () => Number(dice.next().value)
          network.loses = () => roll() < 25
          network.doubles = () => roll() < 10
          network.delays = () => (roll() < 25 ? roll() % 7 : 0)
          network.refuses = () => roll() < 20
          const follower = new ClusterFollower({ bus: network.program, isOn: true, note() {}, againMs: 1 })
          const told: KnownChange[] = []
          follower.onChanges((changes) => told.push(...changes))
          const cluster = new Map<string, PackedObject>()
          const feeds: ClusterFeed[] = []
          const lead = () => {
            const feed = new ClusterFeed({ ...FAST, burst: 1, bus: network.hub, term: feeds.length + 1 })
            feeds.push(feed)
            return feed
          }
          let feed = lead()
          feed.all('pod', [], 0)
          let version = 0
          for (const step of all) {
            if (step.kind === 'wait') await setTimeout(step.ms)
            if (step.kind === 'put') cluster.set(step.name, pod(step.name, ++version, step.uid))
            if (step.kind === 'delete') cluster.delete(step.name)
            if (step.kind === 'put') feed.put('pod', cluster.get(step.name) as PackedObject, version)
            if (step.kind === 'delete') feed.delete(pod(step.name, ++version, step.uid), version)
            if (step.kind === 'relist') feed.all('pod', [...cluster.values()], ++version)
            if (step.kind !== 'lead') continue
            // The one before may not know yet.
            if (step.closes) feed.close()
            feed = lead()
            if (step.waits) await setTimeout(2)
            feed.all('pod', [...cluster.values()], ++version)
          }
          // A delete that named another uid was none. What comes last says that all has come.
          cluster.set('last', pod('last', ++version))
          feed.all('pod', [...cluster.values()], version)
          network.reliable()
          const wanted = () => [...cluster.values()].map(({ content }) => content).sort()
          const known = () => follower.objects('pod').map(unversioned).sort()
          try {
            await until(
              () => follower.state === 'following' && JSON.stringify(known()) === JSON.stringify(wanted()),
              () => `${known().length} of ${wanted().length} pods: ${JSON.stringify(follower.counters)}`,
              20_000,
            )
            assert.deepEqual(replayed(told).sort(), wanted())
          } finally {
            for (const each of feeds) each.close()
            await follower.close()
          }
        },
      ),
      { numRuns: 60 },
    )
    t.diagnostic('60 runs')
  })
})

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const uids = fc.constantFrom('one', 'two')
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), name: names, uid: uids }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), name: names, uid: uids }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('relist' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('lead' as const), closes: fc.boolean(), waits: fc.boolean() }),
  },
)

/** What is there after these events, each of which must be possible and change something. */
function replayed(told: readonly KnownChange[]): string[] {
  const there = new Map<string, Pod>()
  for (const { type, object } of told) {
    const { name, uid } = object.metadata
    assert.equal(there.get(name)?.metadata.uid, type === 'ADDED' ? undefined : uid, `${type} of ${name}`)
    const before = there.get(name)
    if (type === 'DELETED') there.delete(name)
    else {
      const after = object as Pod
      if (before !== undefined)
        assert.notEqual(unversioned(before), unversioned(after), `${type} of ${name} that changes nothing`)
      there.set(name, after)
    }
  }
  return [...there.values()].map(unversioned)
}

function unversioned(object: Pod): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '' } })
}

function short({ type, object }: KnownChange): string {
  return `${type} ${object.metadata.name} ${object.metadata.labels.version}`
}

function pod(name: string, version: number, uid = 'one', status = {}): PackedObject {
  const labels = { version: String(version) }
  const metadata = {
    name,
    namespace: 'shop',
    uid: `${name}-${uid}`,
    resourceVersion: String(version),
    labels,
  }
  const packed = PackedObject.of('pod', { metadata, spec: {}, status }, () => {})
  assert.ok(packed)
  return packed
}

const FAST = { batchMs: 1, beatMs: 2 }
const QUICK = { isOn: true, note() {}, againMs: 1 }

function setUp(t: TestContext, isOn = true) {
  const network = new Network()
  const feed = new ClusterFeed({ ...FAST, bus: network.hub, term: 1 })
  const follower = new ClusterFollower({ bus: network.program, isOn, note() {}, againMs: 1 })
  const told: KnownChange[] = []
  follower.onChanges((changes) => told.push(...changes))
  t.after(async () => {
    feed.close()
    await follower.close()
  })
  return { network, feed, follower, told }
}

/** A bus that loses, doubles and delays messages, and does not answer, as it is told. */
class Network {
  loses = () => false
  doubles = () => false
  delays = () => 0
  refuses = () => false
  longest = 0
  /** Bytes. */
  published = 0
  readonly #handlers = new Set<(payload: Uint8Array, subject: string) => void>()
  readonly #answers = new Map<string, (payload: Uint8Array, subject: string) => Promise<Uint8Array>>()
  readonly #answered = new Map<string, number>()

  constructor(mostBytes = 100_000) {
    this.hub.mostBytes = mostBytes
  }

  readonly hub: Pick<Bus, 'publish' | 'respond'> & { mostBytes: number } = {
    mostBytes: 100_000,
    publish: (subject, payload) => {
      this.longest = Math.max(this.longest, payload.length)
      this.published += payload.length
      if (this.loses()) return
      this.#deliver(subject, payload)
      if (this.doubles()) this.#deliver(subject, payload)
    },
    respond: (subject, answer) => {
      this.#answers.set(subject, answer)
      return () => this.#answers.delete(subject)
    },
  }

  readonly program: Pick<Bus, 'subscribe' | 'request'> = {
    subscribe: (_, handler) => {
      this.#handlers.add(handler)
      return () => this.#handlers.delete(handler)
    },
    request: async (subject, payload) => {
      await setTimeout(this.delays())
      const answer = this.#answers.get(subject)
      if (answer === undefined || this.refuses()) throw new Mistake('E_BUS_NO_ANSWER', 'nobody answers')
      this.#answered.set(subject, (this.#answered.get(subject) ?? 0) + 1)
      const answered = await answer(payload, subject)
      this.longest = Math.max(this.longest, answered.length)
      await setTimeout(this.delays())
      return answered
    },
  }

  reliable(): void {
    this.loses = () => false
    this.doubles = () => false
    this.delays = () => 0
    this.refuses = () => false
  }

  answered(feed: string): number {
    return this.#answered.get(`cluster-feed.${feed}`) ?? 0
  }

  #deliver(subject: string, payload: Uint8Array): void {
    const copy = Uint8Array.from(payload)
    const ms = this.delays()
    const hand = () => {
      for (const handler of this.#handlers) handler(copy, subject)
    }
    if (ms === 0) queueMicrotask(hand)
    else void setTimeout(ms).then(hand)
  }
}
