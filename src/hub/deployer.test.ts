import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import type { Agent } from '../agent/agents.ts'
import { agentTitle } from '../agent/source/title.ts'
import type { Bucket } from '../bus/bus.ts'
import { type LocalBus, openLocalBus } from '../bus/local.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { Mistake } from '../mistake/mistake.ts'
import { type AgentRunner, DeploymentFollower } from '../node/deployment-follower.ts'
import type { AgentStore } from '../store/agent-store.ts'
import { openBucketStore } from '../store/bucket-shelf.ts'
import { eventually } from '../testing/eventually.ts'
import { encode } from '../wire/codec.ts'
import { CODE, codeKey, DEPLOYMENT } from '../wire/deployment.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { Deployer } from './deployer.ts'

describe('what is stored', () => {
  test('runs on all nodes, in order of index, whatever the order of changes', async (t) => {
    const { store, nodes } = await system(t, 3)
    const first = await store.create({ title: 'a', code: 'var a = 1', active: true }, 'ann')
    await store.create({ title: 'b', code: 'var b = 1', active: true }, 'ann')
    await store.create({ title: 'off', code: 'var c = 1', active: false }, 'ann')
    await store.update(first.id, { code: 'var a = 2' }, 'ann')
    for (const node of nodes) {
      await eventually('both', () => node.text === '0 a v2 var a = 2|1 b v1 var b = 1')
      assert.deepEqual(node.indexesOfFirstLoads(), [0, 1])
    }
  })

  test('comes in generations of which no node goes back to an earlier one', async (t) => {
    const { store, nodes } = await system(t, 3)
    const { id } = await store.create({ title: 'a', code: 'var n = 0', active: true }, 'ann')
    for (let n = 1; n <= 30; n++) await store.update(id, { code: `var n = ${n}` }, 'ann')
    for (const node of nodes) {
      await eventually('the last one', () => node.text === '0 a v31 var n = 30')
      const versions = node.loads.map(({ version = 0 }) => version)
      assert.deepEqual(
        versions,
        versions.toSorted((a, b) => a - b),
      )
    }
  })

  test('goes, comes back and stops with its switch, and goes when it is deleted', async (t) => {
    const { store, nodes, node } = await system(t, 2)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    const all = (text: string) => eventually(text, () => nodes.every((each) => each.text === text))
    await all('0 a v1 var a')
    await store.update(id, { active: false }, 'ann')
    await all('')
    await store.update(id, { active: true }, 'ann')
    await all('0 a v1 var a')
    await store.delete(id, 'ann')
    await all('')
    await store.create({ title: 'b', code: 'var b', active: true }, 'ann')
    await eventually('the next one', () => node.text.endsWith('b v1 var b'))
  })

  test('keeps its state when only its title changes, or an earlier version is the same code', async (t) => {
    const { store, node } = await system(t, 1)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => node.text === '0 a v1 var a')
    await store.update(id, { title: 'other' }, 'ann')
    await eventually('the title', () => node.text === '0 other v2 var a')
    assert.equal(node.loads.length, 1)
  })

  test('reaches a node that joins later, and is not blamed for what that one alone cannot', async (t) => {
    const { store, node, join, clock } = await system(t, 1)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => node.text === '0 a v1 var a')
    clock.offMs = 120_000
    const late = join('late', ({ source }) => (source.includes('var a') ? 'no memory' : undefined))
    await eventually('its failure', () => late.follower.known()[0]?.reason === 'no memory')
    const other = join('other')
    await eventually('the other', () => other.text === '0 a v1 var a')
    assert.equal((await store.get(id)).active, true)
    assert.equal((await store.get(id)).failure, undefined)
  })

  test('is deployed, too, when it is nothing: a node knows that it has all', async (t) => {
    const { node } = await system(t, 1)
    await eventually('a first generation', () => node.follower.generation === 1)
  })
})

describe('a version that does not load', () => {
  test('is taken back everywhere, with the reason, and the state of the one before is kept', async (t) => {
    const { store, nodes, join } = await system(t, 2)
    const picky = join('picky', ({ source }) => (source.includes('bad') ? 'it is bad' : undefined))
    const { id } = await store.create({ title: 'a', code: 'var good', active: true }, 'ann')
    await eventually('the first', () => picky.text === '0 a v1 var good')
    await store.update(id, { code: 'var bad' }, 'ann')
    for (const node of [...nodes, picky])
      await eventually(`rollback on ${node.name}`, () => node.text === '0 a v3 var good')
    assert.equal(picky.loads.filter(({ source }) => source.includes('good')).length, 1, 'it ran on')
    const { failure, updatedBy } = await store.get(id)
    assert.partialDeepStrictEqual(failure, { version: 2, node: 'picky', reason: 'it is bad' })
    assert.equal(updatedBy, 'remora')
    const [newest] = await store.history(id)
    assert.match(newest?.note ?? '', /^rolled back to 1: version 2 does not load on picky: it is bad$/)
  })

  test('leads back to none that failed: bad, bad, good', async (t) => {
    const { store, node, join } = await system(t, 1)
    const picky = join('picky', ({ source }) => (source.includes('bad') ? 'it is bad' : undefined))
    const { id } = await store.create({ title: 'a', code: 'var good = 1', active: true }, 'ann')
    await eventually('the first', () => picky.text !== '')
    await store.update(id, { code: 'var bad = 1' }, 'ann')
    await store.update(id, { code: 'var bad = 2' }, 'ann')
    await store.update(id, { code: 'var good = 2' }, 'ann')
    await eventually('the good one', () => [node, picky].every(({ text }) => text.endsWith('var good = 2')))
    assert.equal((await store.get(id)).code, 'var good = 2')
    await store.update(id, { code: 'var bad = 3' }, 'ann')
    await store.update(id, { code: 'var bad = 4' }, 'ann')
    await eventually('back', async () => (await store.get(id)).code === 'var good = 2')
    assert.equal((await store.get(id)).failure?.reason, 'it is bad')
  })

  test('is switched off when there is none before it', async (t) => {
    const { store, join } = await system(t, 1)
    join('picky', () => 'never')
    const { id } = await store.create({ title: 'a', code: 'var bad', active: true }, 'ann')
    await eventually('off', async () => !(await store.get(id)).active)
    const { failure, version } = await store.get(id)
    assert.deepEqual([failure?.reason, version], ['never', 1])
  })

  test('that is not in the language fails on every node alike', async (t) => {
    const { store, node } = await system(t, 2)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => node.text !== '')
    await store.update(id, { code: 'var =' }, 'ann')
    await eventually('back', async () => (await store.get(id)).code === 'var a')
    assert.match((await store.get(id)).failure?.reason ?? '', /[Uu]nexpected/)
  })

  test('is taken back, too, when its report came while no hub led', async (t) => {
    const { store, deployer, join, lead } = await system(t, 0)
    const picky = join('picky', ({ source }) => (source.includes('bad') ? 'it is bad' : undefined))
    const { id } = await store.create({ title: 'a', code: 'var good', active: true }, 'ann')
    await eventually('the first', () => picky.text !== '')
    picky.gate = Promise.withResolvers<void>()
    await store.update(id, { code: 'var bad' }, 'ann')
    await eventually('it begins to load', () => picky.isLoading)
    await deployer.close()
    picky.gate.resolve()
    await eventually('it failed', () => picky.follower.known()[0]?.reason === 'it is bad')
    lead()
    await eventually('back', async () => (await store.get(id)).code === 'var good')
  })

  test('is not put over what somebody saves in that moment', async (t) => {
    const { store, bus, node } = await system(t, 1)
    const { id } = await store.create({ title: 'a', code: 'var one', active: true }, 'ann')
    await store.update(id, { code: 'var two' }, 'ann')
    await eventually('both', () => node.text.endsWith('two'))
    const failures = [{ id, version: 2, reason: 'slow' }]
    bus.publish(SUBJECTS.deployed, encode({ node: 'n', boot: 'b', generation: 2, failures }))
    await store.update(id, { code: 'var three' }, 'bob', { note: 'mine' })
    await eventually('the saved one', () => node.text.endsWith('three'))
    assert.equal((await store.get(id)).code, 'var three')
  })
})

describe('a node that is behind', () => {
  test('whose code has gone blames no version', async (t) => {
    const { store, state, node, join } = await system(t, 1)
    const slow = join('slow')
    const { id } = await store.create({ title: 'a', code: 'var a = 0', active: true }, 'ann')
    const other = await store.create({ title: 'b', code: 'var b = 0', active: true }, 'ann')
    await eventually('both', () => slow.text.endsWith('var b = 0'))
    slow.gate = Promise.withResolvers<void>()
    await store.update(id, { code: 'var a = 1' }, 'ann')
    await eventually('it loads', () => slow.isLoading)
    await store.update(other.id, { code: 'var b = 1' }, 'ann')
    for (const n of [2, 3, 4]) {
      await store.update(other.id, { code: `var b = ${n}` }, 'ann')
      await eventually('on the other', () => node.text.endsWith(`var b = ${n}`))
    }
    await eventually('old code goes', async () => (await state.keys(CODE)).length <= 3)
    slow.gate.resolve()
    await eventually('all', () => slow.text === '0 a v2 var a = 1|1 b v5 var b = 4')
    assert.deepEqual(
      (await store.list()).map(({ failure }) => failure),
      [undefined, undefined],
    )
  })

  test('waits for a bus that cannot be reached, and blames no version for that', async (t) => {
    const { store, state, node, join } = await system(t, 1)
    const outage = failing(state)
    const cut = join('cut', () => undefined, outage.bucket)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => cut.text !== '')
    outage.isOn = true
    await store.update(id, { code: 'var b' }, 'ann')
    await eventually('on the other', () => node.text.endsWith('var b'))
    await eventually('it tried', () => outage.refused > 0)
    outage.isOn = false
    await eventually('it goes on', () => cut.text === '0 a v2 var b')
    assert.equal((await store.get(id)).version, 2)
  })

  test('finds code again that was lost', async (t) => {
    const { store, state, node, deployer, lead, join } = await system(t, 1)
    const { id, hash } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => node.text !== '')
    await deployer.close()
    await state.delete(codeKey(hash))
    const late = join('late')
    await eventually('it says so', () => late.follower.known()[0]?.reason?.includes('is not there') === true)
    lead()
    await eventually('it has it', () => late.text === '0 a v1 var a')
    assert.equal((await store.get(id)).failure, undefined)
  })
})

describe('two hubs that both think they lead', () => {
  test('end with what the store has', async (t) => {
    const { store, nodes, lead } = await system(t, 2)
    lead()
    lead()
    const { id } = await store.create({ title: 'a', code: 'var n = 0', active: true }, 'ann')
    for (let n = 1; n <= 20; n++) await store.update(id, { code: `var n = ${n}` }, 'ann')
    for (const node of nodes) await eventually('the last', () => node.text === '0 a v21 var n = 20')
  })
})

describe('two people', () => {
  test('who save the same version: one gets a conflict, and nothing is lost', async (t) => {
    const { store, node } = await system(t, 1)
    const { id } = await store.create({ title: 'a', code: 'var n = 0', active: true }, 'ann')
    const saves = await Promise.allSettled(
      ['ann', 'bob'].map((by) => store.update(id, { code: `var by = "${by}"`, ifVersion: 1 }, by)),
    )
    const refused = saves.filter((save) => save.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => (reason as Mistake).code),
      ['E_CONFLICT'],
    )
    const { code, version } = await store.get(id)
    assert.equal(version, 2)
    await eventually('the one that was saved', () => node.text === `0 a v2 ${code}`)
  })
})

describe('nonsense', () => {
  test('in the deployment, in reports and as code is counted, and nobody falls over it', async (t) => {
    const { store, state, bus, node, deployer } = await system(t, 1)
    await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await eventually('the first', () => node.text !== '')
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"generation":-1,"agents":[]}',
      '{"generation":1e99,"agents":[{}]}',
    ]) {
      bus.publish(SUBJECTS.deployed, new TextEncoder().encode(text))
      await state.put(DEPLOYMENT, new TextEncoder().encode(text))
      await eventually('counted', () => node.follower.malformed > 0)
    }
    await state.put(codeKey('0'.repeat(64)), new Uint8Array([0xff, 0xfe]))
    await eventually('reports are counted', () => deployer.malformed >= 5)
    await store.create({ title: 'b', code: 'var b', active: true }, 'ann')
    await eventually('it goes on', () => node.text === '0 a v1 var a|1 b v1 var b')
  })
})

/** A store, who deploys from it, and nodes that load what they like. */
async function system(t: TestContext, count: number) {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const state = await bus.bucket({ name: 'state' })
  const store = openBucketStore(await bus.bucket({ name: 'agents' }), {
    description: 'test',
    titleOf: agentTitle,
    keep: 20,
    now: () => new Date(),
    warn: () => {},
  })
  t.after(() => store.close())
  const clock = { offMs: 0 }
  const lead = () => deploys(t, { bus, store, state, clock })
  const deployer = lead()
  const join = (name: string, refuse: Refuse = () => undefined, bucket: Bucket = state) => {
    const node = new TestNode(name, refuse, bus, bucket)
    t.after(() => node.follower.close())
    return node
  }
  const nodes = Array.from({ length: count }, (_, at) => join(`n${at}`))
  const [node = join('n')] = nodes
  return { bus, state, store, clock, deployer, lead, join, nodes, node }
}

function deploys(
  t: TestContext,
  { clock, ...rest }: { bus: LocalBus; store: AgentStore; state: Bucket; clock: { offMs: number } },
): Deployer {
  const now = () => Date.now() + clock.offMs
  const retired = async () => {}
  const deployer = new Deployer({ ...rest, now, retired, deleted: retired, note: () => {} })
  t.after(() => deployer.close())
  return deployer
}

type Refuse = (agent: Agent) => string | undefined

class TestNode implements AgentRunner {
  readonly name: string
  readonly follower: DeploymentFollower
  readonly loads: Agent[] = []
  gate: PromiseWithResolvers<void> | undefined
  isLoading = false
  readonly #refuse: Refuse
  readonly #running = new Map<number, Agent>()

  constructor(name: string, refuse: Refuse, bus: LocalBus, state: Bucket) {
    this.name = name
    this.#refuse = refuse
    this.follower = new DeploymentFollower(this, {
      bus,
      state,
      node: name,
      boot: randomUUID(),
      agents: { language: 'es5', protocols: knownProtocols },
      note: () => {},
    })
  }

  get text(): string {
    return [...this.#running.values()]
      .sort((a, b) => a.index - b.index)
      .map(({ index, title, version, source }) => `${index} ${title} v${version} ${source.trim()}`)
      .join('|')
  }

  indexesOfFirstLoads(): number[] {
    return [...new Set(this.loads.map(({ index }) => index))]
  }

  async reload(agent: Agent): Promise<string | undefined> {
    this.isLoading = true
    await this.gate?.promise
    this.isLoading = false
    this.loads.push(agent)
    const reason = agent.problem ?? this.#refuse(agent)
    if (reason === undefined) this.#running.set(agent.index, agent)
    return reason
  }

  relabel(agent: Agent): void {
    this.#running.set(agent.index, agent)
  }

  async remove(index: number): Promise<void> {
    this.#running.delete(index)
  }
}

/** A bucket that cannot be reached while it is told so; who watches it learns of changes all the same. */
function failing(bucket: Bucket) {
  const outage = { isOn: false, refused: 0, bucket }
  const get: Bucket['get'] = (key) => {
    if (!outage.isOn) return bucket.get(key)
    outage.refused++
    return Promise.reject(new Mistake('E_BUS', 'away'))
  }
  outage.bucket = {
    get,
    put: (...put) => bucket.put(...put),
    create: (...create) => bucket.create(...create),
    update: (...update) => bucket.update(...update),
    delete: (...given) => bucket.delete(...given),
    keys: (...keys) => bucket.keys(...keys),
    watch: (options) => bucket.watch(options),
  }
  return outage
}
