import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import { decode, encode } from '../wire/codec.ts'
import { codeKey, DEPLOYMENT } from '../wire/deployment.ts'
import { type DeployReport, deployReport } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { DeploymentFollower } from './deployment-follower.ts'

describe('a follower of deployments', () => {
  it('runs no code but that which has the hash that is deployed', async (t) => {
    const { state, loaded, reports } = await follower(t)
    const good = '// Good\nvar n = 1'
    const other = '// Good\nvar n = 2'
    await state.put(codeKey(hashOf(good)), new TextEncoder().encode(good))
    await state.put(codeKey(hashOf(other)), new TextEncoder().encode('// Forged'))
    await state.put(DEPLOYMENT, encode({ generation: 1, agents: [agent('a', good), agent('b', other)] }))
    await until(() => reports.length === 1)
    assert.deepEqual(loaded, ['Good'])
    assert.deepEqual(
      reports[0]?.failures.map(({ id }) => id),
      ['b'],
    )
    assert.match(reports[0]?.failures[0]?.reason ?? '', /not the one with the hash/)
  })

  it('counts a deployment that is none, and goes on with the next one', async (t) => {
    const { state, loaded, reports, follows, applied } = await follower(t)
    const good = '\ufeff// Good\r\nvar n = 1'
    await state.put(codeKey(hashOf(good)), new TextEncoder().encode(good))
    await state.put(DEPLOYMENT, new Uint8Array([0, 255, 1]))
    await state.put(
      DEPLOYMENT,
      encode({ generation: 2, agents: [{ ...agent('a', good), hash: '../../x y' }] }),
    )
    await state.put(DEPLOYMENT, encode({ generation: 3, agents: [agent('a', good)] }))
    await until(() => reports.length === 1)
    assert.deepEqual(loaded, ['Good'])
    assert.deepEqual(reports[0]?.failures, [])
    assert.equal(follows.malformed, 2)
    await until(() => applied.length > 0)
    assert.deepEqual(applied, [3], 'as soon as it is in force')
  })
})

async function follower(t: TestContext) {
  const bus = openLocalBus({ folder: await tempFolder(t) })
  const state = await bus.bucket({ name: 'state' })
  const loaded: string[] = []
  const reports: DeployReport[] = []
  bus.subscribe(SUBJECTS.deployed, (payload) => {
    const report = decode(deployReport, payload)
    if (report !== undefined) reports.push(report)
  })
  const applied: number[] = []
  const follows: DeploymentFollower = new DeploymentFollower(
    {
      reload: async ({ title }) => {
        loaded.push(title)
        return undefined
      },
      relabel: () => {},
      remove: async () => {},
    },
    {
      bus,
      state,
      node: 'node-1',
      boot: 'boot-1',
      applied: () => applied.push(follows.generation),
      agents: { language: 'es5', protocols: knownProtocols },
      note: () => {},
    },
  )
  t.after(async () => {
    await follows.close()
    await bus.close()
  })
  return { state, loaded, reports, follows, applied }
}

function agent(id: string, code: string) {
  return { id, index: id === 'a' ? 0 : 1, title: 'Good', version: 1, hash: hashOf(code) }
}

function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}
