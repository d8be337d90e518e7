import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Absence,
  everySeconds,
  SimulatedCluster,
  type SimulatedNode,
  type Start,
  seeded,
} from '../testing/simulated-cluster.ts'
import type { AnnouncedJob } from './cluster-job-state.ts'

const MINUTES = 60_000

describe('jobs of the cluster, in a simulation', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`run once at each due time, through crashes and outages (seed ${seed})`, async () => {
      const cluster = clusterOf(5, seed, { cron: seed % 2 === 0 ? '1' : '7' })
      cluster.lostAnswers = 0.01
      disturb(cluster, 10 * MINUTES, { longestAbsenceMs: 2500 })
      await finished(cluster, 10 * MINUTES)
      assertEachOnce(cluster)
      const again = repeated(cluster.starts)
      for (const [first, second] of again)
        assert.ok(
          wasAbsent(cluster, first, second, ({ kind }) => kind === 'crash'),
          `${first.due} was begun on ${first.boot}, which lives, and again on ${second.boot}`,
        )
    })
  }

  for (const seed of [11, 12, 13, 14])
    test(`skip nothing when nodes are cut off or stand still for long (seed ${seed})`, async () => {
      const cluster = clusterOf(5, seed, { cron: '1' })
      cluster.lostAnswers = 0.02
      disturb(cluster, 8 * MINUTES, { longestAbsenceMs: 25_000 })
      await finished(cluster, 8 * MINUTES)
      assertEachOnce(cluster)
      for (const [first, second] of repeated(cluster.starts))
        assert.ok(
          wasAbsent(cluster, first, second, ({ kind, from, to }) => kind === 'crash' || to - from > 4000),
          `${first.due} was begun on ${first.boot}, which was there, and again on ${second.boot}`,
        )
    })

  test('cost one write to claim and one to end each run, though fifty nodes would run it', async () => {
    const cluster = clusterOf(50, 21, { cron: '1' }, 0)
    await cluster.time.run(2 * MINUTES)
    assertEachOnce(cluster)
    const conflicts = cluster.nodes.reduce((sum, { jobs }) => sum + (jobs?.counters.conflicts ?? 0), 0)
    assert.ok(conflicts < cluster.done.length, `${conflicts} conflicts for ${cluster.done.length} runs`)
    const owners = new Set(cluster.starts.map(({ boot }) => boot))
    assert.ok(owners.size > 10, `only ${owners.size} nodes of 50 have run it`)
  })
})

/** Clocks are off by up to ten seconds unless a test says otherwise. */
function clusterOf(
  nodes: number,
  seed: number,
  job: Partial<AnnouncedJob>,
  skewMs = 10_000,
): SimulatedCluster {
  return new SimulatedCluster(nodes, { ...JOB, ...job }, { random: seeded(seed), skewMs })
}

/** Something goes wrong every few seconds, until the last minute. */
function disturb(
  cluster: SimulatedCluster,
  forMs: number,
  { longestAbsenceMs }: { longestAbsenceMs: number },
): void {
  const { random, time, nodes } = cluster
  const between = (least: number, most: number) => least + random() * (most - least)
  const trouble = () => {
    const node = nodes[Math.floor(random() * nodes.length)] as SimulatedNode
    const kind = random()
    if (kind < 0.35) node.crash(between(200, 30_000))
    else if (kind < 0.6) node.pause(between(100, longestAbsenceMs))
    else if (kind < 0.8) node.cut(between(100, longestAbsenceMs))
    else if (kind < 0.97) cluster.outage(between(100, 30_000))
    else for (const each of nodes) each.crash(between(1000, 40_000))
    const next = time.now + between(500, 12_000)
    if (next < forMs) time.at(next, trouble)
  }
  time.at(3000, trouble)
}

/** The troubles are over, and what is left is caught up. */
async function finished(cluster: SimulatedCluster, ms: number): Promise<void> {
  await cluster.time.run(ms + 5 * MINUTES)
  assert.ok(cluster.nodes.every(({ isUp }) => isUp))
}

/** As the bucket has it: each due time was noted as done once, in order, none left out. */
function assertEachOnce({ done, time, starts }: SimulatedCluster): void {
  assert.ok(done.length > 10, `only ${done.length} runs`)
  const seconds = Number((done[1] as number) - (done[0] as number)) / 1000
  for (let at = 1; at < done.length; at++)
    assert.equal(done[at], everySeconds(seconds, done[at - 1] as number), `after run ${at}`)
  const latest = (done.at(-1) as number) - 1_700_000_000_000
  assert.ok(time.now - latest < 12_000 + seconds * 1000, `the last run is ${time.now - latest} ms ago`)
  const begun = new Set(starts.map(({ due }) => due))
  for (const due of done) assert.ok(begun.has(due), `${due} was noted as done and never begun`)
}

/** Starts of the same due time, one after another. */
function repeated(starts: readonly Start[]): (readonly [Start, Start])[] {
  const pairs: (readonly [Start, Start])[] = []
  const before = new Map<number, Start>()
  for (const start of starts) {
    const first = before.get(start.due)
    if (first !== undefined) pairs.push([first, start])
    before.set(start.due, start)
  }
  return pairs
}

function wasAbsent(
  { absences }: SimulatedCluster,
  first: Start,
  second: Start,
  counts: (absence: Absence) => boolean,
): boolean {
  return absences.some(
    (absence) =>
      absence.boot === first.boot && absence.from <= second.at && absence.to >= first.at && counts(absence),
  )
}

const JOB: AnnouncedJob = {
  agent: 'agent-1',
  index: 0,
  title: 'Report',
  version: 1,
  tag: 'report',
  cron: '1',
  limit: 0,
}
