import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { hasTools, succeeds } from '../../src/testing/loopback.ts'
import { natsServer } from '../../src/testing/nats-server.ts'
import { until } from '../../src/testing/until.ts'
import { actionsOf, printed, runsOf } from './books.ts'
import { Remoras } from './remoras.ts'
import { flawsOf, type TrialOptions, trial } from './trial.ts'

/** More of it, and with other seeds: `test/chaos/run.ts`. */
describe('hubs and workers under load', () => {
  test('lose and double nothing when one after another is killed', async (t) => {
    if (!mayCapture(t)) return
    const report = await trial(t, { ...OPTIONS, kills: 8 })
    if (report !== undefined) assert.deepEqual(flawsOf(report), [], JSON.stringify(report))
  })

  test('end in order when they are told to, and lose nothing', async (t) => {
    if (!mayCapture(t)) return
    const report = await trial(t, { ...OPTIONS, kills: 4, inOrder: true })
    if (report !== undefined) assert.deepEqual(flawsOf(report), [], JSON.stringify(report))
  })

  test('workers begin before all others, and go on while nobody else is there', async (t) => {
    if (!mayCapture(t)) return
    const nats = await natsServer(t, { isAbsent: true })
    if (nats === undefined) return
    const remoras = await Remoras.start(t, nats, { hubs: 2, workers: 2, callsPerSecond: 20 })
    const { hubs, workers } = remoras
    await until(async () => (await Promise.all(workers.map(({ program }) => program.lives()))).every(Boolean))
    await nats.start()
    await remoras.untilUp(PATIENCE_MS)
    await remoras.deploy(PATIENCE_MS)
    await until(() => workers.every(({ sent }) => sent().length > 0))

    await nats.stop()
    const before = workers.map(({ sent }) => sent().length)
    await setTimeout(AWAY_MS)
    // Agents go on.
    await until(() => workers.every(({ sent }, at) => sent().length > (before[at] ?? 0) + 10))
    await nats.start()
    await remoras.untilWell(PATIENCE_MS)

    const leader = await remoras.leader()
    const standby = hubs.find((hub) => hub !== leader)
    const nodes = await standby?.client.nodes()
    assert.deepEqual(
      nodes?.map(({ node }) => node.replace(/@.+/, '@')),
      ['hub@', 'hub@', 'w1', 'w2'],
    )
    for (const agent of ['Sender', 'Ticker']) await standby?.client.updateAgent(agent, { active: false })
    const lost = async () => {
      const lines = await printed(nats.url)
      return workers.flatMap(({ node, sent }) => actionsOf(node, sent(), lines).lost)
    }
    await until(
      async () => (await lost()).length === 0,
      async () => `lost: ${await lost()}`,
    )
    const lines = await printed(nats.url)
    for (const { node, sent } of workers) {
      const { doubled, isInOrder, unnoted } = actionsOf(node, sent(), lines)
      assert.deepEqual([node, doubled, isInOrder, unnoted], [node, [], true, 0])
    }
    const { doubled, skipped } = runsOf(lines)
    assert.deepEqual([doubled, skipped], [[], []])
  })
})

function mayCapture(t: TestContext): boolean {
  return succeeds(t, 'the right to capture on lo', '[ "$(id -u)" = 0 ]') && hasTools(t, 'tcpdump')
}

const OPTIONS: Omit<TrialOptions, 'kills'> = {
  victims: ['worker', 'leader', 'nats', 'hub'],
  seed: 7,
  callsPerSecond: 20,
  longestPauseMs: 300,
}
const PATIENCE_MS = 120_000
/** Longer than a lease, and than it takes to be taken for gone. */
const AWAY_MS = 10_000
