import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import { openBucketStore } from '../store/bucket-shelf.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import { decode, encode } from '../wire/codec.ts'
import { codeKey, DEPLOYMENT, deployment } from '../wire/deployment.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { Deployer } from './deployer.ts'

describe('a deployer', () => {
  it('puts right what lies under the hash of its code, and counts on from a forged generation', async (t) => {
    const { state, store, start } = await parts(t)
    const { hash } = await store.create({ title: 'A', code: 'var n = 1', active: true }, 'ann')
    await state.put(codeKey(hash), new TextEncoder().encode('forged'))
    await state.put(DEPLOYMENT, encode({ generation: Number.MAX_SAFE_INTEGER, agents: [] }))
    start()
    const deployed = async () => decode(deployment, (await state.get(DEPLOYMENT))?.value ?? new Uint8Array())
    await until(async () => (await deployed())?.agents.length === 1)
    assert.equal((await deployed())?.generation, 1)
    assert.equal(new TextDecoder().decode((await state.get(codeKey(hash)))?.value), 'var n = 1')
  })

  it('puts right what is written over its deployment, also while nobody saves anything', async (t) => {
    const { state, store, start } = await parts(t)
    const { hash } = await store.create({ title: 'A', code: 'var n = 1', active: true }, 'ann')
    start()
    const hashes = async () =>
      decode(deployment, (await state.get(DEPLOYMENT))?.value ?? new Uint8Array())?.agents.map(
        (each) => each.hash,
      )
    const isRight = async () => (await hashes())?.join() === hash
    await until(isRight)
    const forged = { id: 'x', index: 0, title: 'X', version: 1, hash: 'a'.repeat(64) }
    await state.put(DEPLOYMENT, encode({ generation: 7, agents: [forged] }))
    await until(isRight)
    await state.put(DEPLOYMENT, new Uint8Array([1, 2, 3]))
    await until(isRight)
    await state.delete(DEPLOYMENT)
    await until(isRight)
  })

  it('looks at so many failures at a time, counts those beyond, and keeps no endless reasons', async (t) => {
    const { bus, state, store, start } = await parts(t)
    const { id } = await store.create({ title: 'A', code: 'var n = 1', active: true }, 'ann')
    const deployer = start()
    await until(async () => (await state.get(DEPLOYMENT)) !== undefined)
    const failures = Array.from({ length: 3000 }, () => ({ id, version: 1, reason: 'x'.repeat(200) }))
    failures[0] = { id, version: 1, reason: 'y'.repeat(100_000) }
    bus.publish(SUBJECTS.deployed, encode({ node: 'n', boot: 'b', generation: 1, failures }))
    await until(() => deployer.refused > 0)
    await until(async () => (await store.get(id)).failure !== undefined)
    const { active, failure } = await store.get(id)
    assert.deepEqual([active, failure?.reason.length], [false, 4096])
  })
})

async function parts(t: TestContext) {
  const bus = openLocalBus({ folder: await tempFolder(t) })
  const deployers: Deployer[] = []
  t.after(async () => {
    for (const deployer of deployers) await deployer.close()
    await store.close()
    await bus.close()
  })
  const state = await bus.bucket({ name: 'state' })
  const store = openBucketStore(await bus.bucket({ name: 'agents' }), {
    description: 'a bucket',
    titleOf: () => 'A',
    keep: 5,
    now: () => new Date(),
    warn: () => {},
  })
  const start = () => {
    const deployer = new Deployer({
      store,
      state,
      bus,
      now: Date.now,
      retired: async () => {},
      deleted: async () => {},
      note: () => {},
    })
    deployers.push(deployer)
    return deployer
  }
  return { bus, state, store, start }
}
