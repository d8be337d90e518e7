import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { ChaosBucket, CutBucket } from '../testing/chaos-bucket.ts'
import { SharedState, type SharedStateOptions } from './shared-state.ts'

const AGENT = { id: 'id-1', title: 'Shop' }
const count = (name: string, value: number) => ({ kind: 'counter', name, value })
const keys = (name: string, ...pairs: (string | number)[]) => ({
  kind: 'topk',
  name,
  value: { missed: 0, keys: pairs },
})

function open(t: TestContext, options: Partial<SharedStateOptions>): SharedState {
  const state = new SharedState({ node: 'a', boot: 'b1', flushMs: 1, ...options })
  t.after(() => state.close())
  return state
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

describe('shared state', () => {
  test('is read the same on all nodes, of all kinds', async (t) => {
    const bucket = new ChaosBucket()
    const [a, b] = [open(t, { bucket }), open(t, { bucket, node: 'b' })]
    await Promise.all([a.start(), b.start()])
    a.apply(AGENT, [count('calls', 2), keys('paths', '/cart', 3, '/pay', 1)])
    b.apply(AGENT, [
      count('calls', 0.5),
      keys('paths', '/pay', 4),
      { kind: 'unique', name: 'users', value: { few: [5, 1] } },
    ])
    b.apply(AGENT, [
      {
        kind: 'quantile',
        name: 'ms',
        value: { positive: [0, 2], negative: [], zeros: 0, count: 2, sum: 2, min: 1, max: 1 },
      },
    ])
    await Promise.all([a.flush(), b.flush()])
    await until(() => a.of(AGENT).counter('calls') === 2.5 && b.of(AGENT).counter('calls') === 2.5)
    await until(() => a.values().length === 4 && b.of(AGENT).top('paths', 2).length === 2)
    for (const state of [a, b]) {
      const shares = state.of(AGENT)
      assert.deepEqual(shares.top('paths', 1), [{ key: '/pay', count: 5, error: 0 }])
      assert.equal(shares.unique('users'), 1)
      assert.equal(shares.quantile('ms', 0.5), 1)
      assert.equal(shares.summary('ms')?.count, 2)
    }
    assert.deepEqual(a.values(), b.values())
    assert.deepEqual(
      a.values().map(({ title, kind, name }) => `${title} ${kind} ${name}`),
      ['Shop counter calls', 'Shop quantile ms', 'Shop topk paths', 'Shop unique users'],
    )
  })

  test('reads names that nobody has added to as nothing, and those of others by their title', (t) => {
    const state = open(t, {})
    state.apply(AGENT, [count('calls', 7)])
    const other = state.of({ id: 'id-2', title: 'Other' })
    assert.deepEqual(
      [
        other.counter('calls'),
        other.top('t', 5),
        other.unique('u'),
        other.quantile('q', 0.5),
        other.summary('q'),
      ],
      [0, [], 0, null, null],
    )
    assert.equal(other.counter('calls', 'Shop'), 7)
    assert.equal(other.counter('calls', 'Nobody'), 0)
    assert.equal(state.of(AGENT).counter('calls', 'Shop'), 7)
  })

  test('goes on where it was when a node starts again', async (t) => {
    const bucket = new ChaosBucket()
    const first = open(t, { bucket })
    first.apply(AGENT, [count('calls', 2)])
    await first.close()
    const second = open(t, { bucket, boot: 'b2' })
    second.apply(AGENT, [count('calls', 3)])
    // Before it knows what it had written.
    await second.flush()
    await second.start()
    assert.equal(second.of(AGENT).counter('calls'), 5)
    const third = open(t, { bucket, boot: 'b3' })
    await third.start()
    assert.equal(third.of(AGENT).counter('calls'), 5)
    assert.equal((await bucket.keys()).length, 1)
  })

  test('adds up what two runs of one node write at the same time', async (t) => {
    const bucket = new ChaosBucket(turn)
    const [old, young] = [open(t, { bucket }), open(t, { bucket, boot: 'b2' })]
    await Promise.all([old.start(), young.start()])
    for (let n = 0; n < 50; n++) {
      old.apply(AGENT, [count('calls', 1)])
      young.apply(AGENT, [count('calls', 1)])
      await turn()
    }
    await until(() => old.unwritten + young.unwritten === 0)
    await until(() => old.of(AGENT).counter('calls') === 100 && young.of(AGENT).counter('calls') === 100)
  })

  test('writes what was added in an outage when it is over', async (t) => {
    const bucket = new ChaosBucket()
    const [a, b] = [open(t, { bucket }), open(t, { bucket, node: 'b' })]
    await Promise.all([a.start(), b.start()])
    bucket.fails = () => 'before'
    for (let n = 0; n < 1000; n++) a.apply(AGENT, [count('calls', 1)])
    await assert.rejects(a.flush(), { code: 'E_BUS' })
    assert.equal(a.of(AGENT).counter('calls'), 1000)
    assert.equal(a.unwritten, 1)
    bucket.fails = () => 'no'
    await until(() => b.of(AGENT).counter('calls') === 1000)
    assert.ok(bucket.writes < 10, `${bucket.writes} writes`)
  })

  test('writes again what it knows when the bucket has lost its disk', async (t) => {
    const bucket = new ChaosBucket()
    const [a, b] = [open(t, { bucket }), open(t, { bucket, node: 'b' })]
    await Promise.all([a.start(), b.start()])
    for (let n = 0; n < 5; n++) {
      a.apply(AGENT, [count('calls', 1)])
      await a.flush()
    }
    await until(() => b.of(AGENT).counter('calls') === 5)
    bucket.loseAll()
    a.apply(AGENT, [count('calls', 1)])
    await a.flush()
    await until(() => b.of(AGENT).counter('calls') === 6)
    const late = open(t, { bucket, node: 'c' })
    await late.start()
    assert.equal(late.of(AGENT).counter('calls'), 6)
  })

  test('adds what a message brings once, whatever happens in between', async (t) => {
    const bucket = new ChaosBucket()
    const action = [count('orders', 1), count('orders', 1), keys('who', 'x', 1)]
    const first = open(t, { bucket, node: 'hub' })
    first.apply(AGENT, action, { id: 'n/1/7' })
    first.apply(AGENT, action, { id: 'n/1/7' })
    await first.flush()
    first.apply(AGENT, action, { id: 'n/1/7' })
    assert.equal(first.of(AGENT).counter('orders'), 2)
    first.apply(AGENT, action, { id: 'n/1/8' })
    // It dies: what is not written is lost, and its message comes again.
    const second = open(t, { bucket, node: 'hub', boot: 'b2' })
    await second.start()
    second.apply(AGENT, action, { id: 'n/1/7' })
    second.apply(AGENT, action, { id: 'n/1/8' })
    assert.equal(second.of(AGENT).counter('orders'), 4)
    assert.deepEqual(second.of(AGENT).top('who', 1), [{ key: 'x', count: 2, error: 0 }])
  })

  test('begins again everywhere when a name is reset', async (t) => {
    const bucket = new ChaosBucket()
    const [a, b] = [open(t, { bucket }), open(t, { bucket, node: 'b' })]
    await Promise.all([a.start(), b.start()])
    a.apply(AGENT, [count('calls', 5)])
    b.apply(AGENT, [count('calls', 6)])
    await Promise.all([a.flush(), b.flush()])
    await until(() => a.of(AGENT).counter('calls') === 11)
    a.of(AGENT).reset('counter', 'calls')
    assert.equal(a.of(AGENT).counter('calls'), 0)
    a.apply(AGENT, [count('calls', 1)])
    await until(() => b.of(AGENT).counter('calls') === 1)
    b.apply(AGENT, [count('calls', 2)])
    await until(() => a.of(AGENT).counter('calls') === 3 && b.of(AGENT).counter('calls') === 3)
    const late = open(t, { bucket, node: 'c' })
    await late.start()
    assert.equal(late.of(AGENT).counter('calls'), 3)
    a.of(AGENT).reset('counter', 'never added')
    assert.equal(a.values().length, 1)
  })

  test('removes what agents have shared that are gone', async (t) => {
    const bucket = new ChaosBucket()
    const [a, b] = [open(t, { bucket }), open(t, { bucket, node: 'b' })]
    await Promise.all([a.start(), b.start()])
    for (const state of [a, b])
      for (const id of ['kept', 'gone'])
        state.apply({ id, title: id }, [count('calls', 1), count('errors', 1)])
    await Promise.all([a.flush(), b.flush()])
    await until(() => a.of({ id: 'gone', title: '' }).counter('errors') === 2)
    await a.prune((agent) => agent === 'kept')
    assert.equal((await bucket.keys()).length, 4)
    await until(() => b.values().length === 2)
    assert.equal(b.of({ id: 'gone', title: 'gone' }).counter('calls'), 0)
  })

  test('refuses nonsense, and more names than an agent may have, and counts both', async (t) => {
    const bucket = new ChaosBucket()
    const state = open(t, { bucket })
    await state.start()
    state.apply(AGENT, [null, 5, {}, { kind: 'counter', name: 'x' }, count('', 1), count('x', Number.NaN)])
    assert.deepEqual(state.dropped, { invalid: 6 })
    for (let n = 0; n < 1010; n++) state.apply(AGENT, [count(`n${n}`, 1)])
    assert.deepEqual(state.dropped, { invalid: 6, 'too-many-names': 10 })
    for (const [key, text] of [
      ['x', 'x'],
      ['id-1.counter.x.b', '{}'],
      ['id-1.counter.x.b', JSON.stringify({ ...PART, node: 'c' })],
    ] as const)
      await bucket.put(key, new TextEncoder().encode(text))
    await until(() => state.dropped.invalid === 9)
    await bucket.put('id-1.counter.x.b', new TextEncoder().encode(JSON.stringify(PART)))
    await until(() => state.of(AGENT).counter('x') === 4)
  })

  test('writes over bytes under its own key that are none of its making', async (t) => {
    const bucket = new ChaosBucket()
    await bucket.put('id-1.counter.x.a', new TextEncoder().encode('garbage'))
    const state = open(t, { bucket })
    await state.start()
    state.apply(AGENT, [count('x', 3)])
    await state.flush()
    const other = open(t, { bucket, node: 'b' })
    await other.start()
    assert.equal(other.of(AGENT).counter('x'), 3)
    assert.equal(state.dropped.invalid, 2)
  })
})

const PART = {
  agent: 'id-1',
  title: 'Shop',
  kind: 'counter',
  name: 'x',
  node: 'b',
  version: 1,
  epoch: 0,
  value: 4,
  seen: {},
}

describe('five nodes', () => {
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ kind: fc.constant('add' as const), node: fc.nat(4), by: fc.nat(100) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('message' as const),
        node: fc.nat(4),
        number: fc.nat(5),
        crashes: fc.array(fc.boolean(), { maxLength: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), node: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), node: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('trouble' as const), on: fc.boolean() }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), turns: fc.nat(8) }) },
  )

  test('agree on the exact sum of what was added and written, through delays, outages, crashes and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.infiniteStream(fc.nat(5)),
        async (steps, random) => {
          const next = () => random.next().value as number
          const bucket = new ChaosBucket(async () => {
            for (let turns = next() % 3; turns > 0; turns--) await turn()
          })
          const nodes = Array.from({ length: 5 }, (_, at) => newNode(bucket, at))
          for (const each of steps) {
            if (each.kind === 'trouble')
              bucket.fails = each.on
                ? () => (['no', 'before', 'after'] as const)[next() % 3] ?? 'no'
                : () => 'no'
            else if (each.kind === 'wait') for (let turns = each.turns; turns > 0; turns--) await turn()
            else await play(each, nodes)
          }
          bucket.fails = () => 'no'
          for (const node of nodes) assert.ok(await flush(node))
          const messages = nodes.map(({ messages }) => messages.size)
          const least = nodes.reduce((sum, { sure }) => sum + sure, 0)
          const most = nodes.reduce((sum, { sure, lost }) => sum + sure + lost, 0)
          const read = nodes.map(({ state }) => [
            state.of(AGENT).counter('sum'),
            state.of(AGENT).counter('messages'),
            state.of(AGENT).top('nodes', 9),
          ])
          // What was written is seen everywhere as soon as the changes have come.
          for (
            let tries = 0;
            tries < 5000 && new Set(read.map((each) => JSON.stringify(each))).size > 1;
            tries++
          ) {
            await turn()
            for (const [at, { state }] of nodes.entries())
              read[at] = [
                state.of(AGENT).counter('sum'),
                state.of(AGENT).counter('messages'),
                state.of(AGENT).top('nodes', 9),
              ]
          }
          for (const each of read) assert.deepEqual(each, read[0])
          const [sum, counted] = read[0] as [number, number, unknown]
          assert.ok(sum >= least && sum <= most, `${sum}, not ${least} to ${most}`)
          assert.equal(
            counted,
            messages.reduce((a, b) => a + b, 0),
          )
          await Promise.all(nodes.map(({ state }) => state.close()))
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** A node, what it has surely written, and what it may have lost in a crash. */
interface Node {
  readonly at: number
  readonly bucket: ChaosBucket
  way: CutBucket
  state: SharedState
  boots: number
  sure: number
  unsure: number
  lost: number
  /** Messages that were acknowledged. */
  readonly messages: Set<number>
}

function newNode(bucket: ChaosBucket, at: number): Node {
  const started = start(bucket, at, 0)
  return { at, bucket, ...started, boots: 0, sure: 0, unsure: 0, lost: 0, messages: new Set() }
}

function start(bucket: ChaosBucket, at: number, boots: number) {
  const way = new CutBucket(bucket)
  const state = new SharedState({ node: `node ${at}`, boot: `b${boots}`, flushMs: 1, bucket: way })
  void state.start()
  return { way, state }
}

/** Another run takes its place; what a write under way does is not known. */
function crash(node: Node): void {
  node.lost += node.unsure
  node.unsure = 0
  node.way.cut()
  void node.state.close()
  Object.assign(node, start(node.bucket, node.at, ++node.boots))
}

type Played =
  | { readonly kind: 'add'; readonly node: number; readonly by: number }
  | {
      readonly kind: 'message'
      readonly node: number
      readonly number: number
      readonly crashes: readonly boolean[]
    }
  | { readonly kind: 'crash' | 'flush'; readonly node: number }

async function play(step: Played, nodes: readonly Node[]): Promise<void> {
  const node = nodes[step.node] as Node
  switch (step.kind) {
    case 'add':
      node.state.apply(AGENT, [count('sum', step.by), keys('nodes', `node ${node.at}`, step.by + 1)])
      node.unsure += step.by
      return
    case 'message':
      await takeMessage(node, step.number, [...step.crashes])
      return
    case 'flush':
      await flush(node)
      return
    case 'crash':
      crash(node)
  }
}

async function flush(node: Node): Promise<boolean> {
  const added = node.unsure
  try {
    await node.state.flush()
  } catch {
    return false
  }
  node.sure += added
  node.unsure -= added
  return true
}

/** As who consumes a stream does: acknowledged when it is written, or else it comes again, to whoever is there then. */
async function takeMessage(node: Node, number: number, crashes: boolean[]): Promise<void> {
  for (;;) {
    node.state.apply(AGENT, [count('messages', 1)], { id: `sender/${node.at}/${number}` })
    const dies = crashes.pop() === true
    if (dies) {
      const flushing = node.state.flush().catch(() => {})
      await turn()
      crash(node)
      await flushing
    } else if (await flush(node)) {
      node.messages.add(number)
      return
    }
  }
}
