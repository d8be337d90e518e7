import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cron } from 'croner'
import { MemoryBucket } from '../testing/memory-bucket.ts'
import {
  type Absence,
  EPOCH,
  everySeconds,
  SimulatedCluster,
  type SimulatedNode,
  type Start,
  seeded,
} from '../testing/simulated-cluster.ts'
import { until } from '../testing/until.ts'
import type { JobOutcome } from './cluster-job.ts'
import type { AnnouncedJob } from './cluster-job-state.ts'
import { ClusterJobs, type ClusterJobsOptions } from './cluster-jobs.ts'

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

  test('cost few writes in vain, though fifty nodes would run it', async () => {
    const cluster = clusterOf(50, 21, { cron: '1' }, 0)
    await cluster.time.run(MINUTES)
    assertEachOnce(cluster)
    const conflicts = cluster.nodes.reduce((sum, { jobs }) => sum + (jobs?.counters.conflicts ?? 0), 0)
    assert.ok(conflicts < 2 * cluster.done.length, `${conflicts} conflicts for ${cluster.done.length} runs`)
    const owners = new Set(cluster.starts.map(({ boot }) => boot))
    assert.ok(owners.size > 10, `only ${owners.size} nodes of 50 have run it`)
  })
})

describe('a job of the cluster', () => {
  test('runs as often as its limit says, in the whole cluster, also when programs start again', async () => {
    const cluster = clusterOf(5, 31, { cron: '1', limit: 4 })
    disturb(cluster, MINUTES, { longestAbsenceMs: 1000 })
    await cluster.time.run(3 * MINUTES)
    assert.equal(cluster.done.length, 4)
    assert.deepEqual(statesOf(cluster), ['finished'])
    assert.equal(jobsOf(cluster)[0]?.list()[0]?.nextRun, null)
    // A new version of its agent is a new beginning; the nodes get it one after another.
    for (const [at, jobs] of jobsOf(cluster).entries())
      cluster.time.at(cluster.time.now + 500 * at, () => jobs.announce({ ...JOB, limit: 4, version: 2 }))
    await cluster.time.run(4 * MINUTES)
    assert.equal(cluster.done.length, 8)
  })

  test('begins anew from now when its cron is changed, though nodes hear of that at different times', async () => {
    const cluster = clusterOf(5, 32, { cron: '1' }, 0)
    await cluster.time.run(10_500)
    const before = cluster.done.length
    assert.ok(before >= 9, String(before))
    for (const [at, jobs] of jobsOf(cluster).entries())
      cluster.time.at(cluster.time.now + 900 * at, () => jobs.announce({ ...JOB, cron: '5', version: 2 }))
    await cluster.time.run(61_000)
    const after = cluster.done.slice(before)
    assert.ok(after.length >= 9 && after.length <= 12, String(after.length))
    assert.ok(after.slice(1).every((due) => due % 5000 === 0))
  })

  test('gives up due times that are too many or too long ago, and says how many', async () => {
    const cluster = clusterOf(2, 33, { cron: '10' }, 0)
    await cluster.time.run(60_000)
    const before = cluster.done.length
    const downMs = 5 * 60 * MINUTES
    for (const node of cluster.nodes) node.crash(downMs)
    await cluster.time.run(60_000 + downMs + 10 * MINUTES)
    const missed = jobsOf(cluster).reduce((sum, { counters }) => sum + counters.missed, 0)
    const all = (downMs + 10 * MINUTES) / 10_000
    const ran = cluster.done.length - before
    assert.ok(Math.abs(ran + missed - all) <= 2, `${ran} + ${missed} of ${all}`)
    assert.ok(Math.abs(ran - 360 - 60) <= 5, `an hour and ten minutes of them run: ${ran}`)
    for (let at = before + 1; at < cluster.done.length; at++)
      assert.ok((cluster.done[at] as number) > (cluster.done[at - 1] as number))
  })

  test('stands still while it is paused, and makes up for nothing', async () => {
    const cluster = clusterOf(3, 34, { cron: '1' }, 0)
    await cluster.time.run(10_500)
    for (const jobs of jobsOf(cluster)) jobs.pause({})
    await cluster.time.run(12_000)
    const before = cluster.done.length
    assert.deepEqual(statesOf(cluster), ['paused'])
    await cluster.time.run(70_000)
    assert.equal(cluster.done.length, before)
    for (const jobs of jobsOf(cluster)) jobs.resume({ tag: 'report' })
    await cluster.time.run(80_500)
    const ran = cluster.done.length - before
    assert.ok(ran >= 9 && ran <= 11, String(ran))
  })

  test('runs now, once, when somebody asks', async () => {
    const cluster = clusterOf(3, 35, { cron: '3600' }, 0)
    await cluster.time.run(5000)
    const [jobs] = jobsOf(cluster)
    assert.equal(jobs?.runNow({ agent: 'Report', tag: 'report' }), 1)
    assert.equal(jobs?.runNow({ tag: 'another' }), 0)
    await cluster.time.run(8000)
    assert.equal(cluster.starts.length, 1)
    const [view] = jobs?.list() ?? []
    assert.deepEqual([view?.runs, view?.failures, view?.scope, view?.status], [1, 0, 'cluster', 'waiting'])
    assert.equal(view?.nextRun, everySeconds(3600, EPOCH))
  })

  test('runs once for an order that all nodes get, and a few times for many orders', async () => {
    const cluster = clusterOf(5, 40, { cron: '3600' }, 0)
    await cluster.time.run(5000)
    for (const [at, jobs] of jobsOf(cluster).entries())
      cluster.time.at(cluster.time.now + 700 * at, () => jobs.runNow({}, 'order-1'))
    await cluster.time.run(30_000)
    assert.equal(cluster.starts.length, 1)
    cluster.outage(5000)
    const [first, second] = jobsOf(cluster)
    for (let at = 0; at < 1000; at++) {
      first?.runNow({})
      second?.announce({ ...JOB, cron: '3600' })
    }
    await cluster.time.run(90_000)
    assert.ok(cluster.starts.length >= 2 && cluster.starts.length <= 12, String(cluster.starts.length))
  })

  test('is gone everywhere when one node removes it', async () => {
    const cluster = clusterOf(3, 36, { cron: '1' }, 0)
    await cluster.time.run(5500)
    jobsOf(cluster)[1]?.remove('agent-1', 'report')
    await cluster.time.run(7000)
    const { length } = cluster.starts
    await cluster.time.run(30_000)
    assert.equal(cluster.starts.length, length)
    assert.deepEqual(await cluster.bucket.keys(), [])
    assert.deepEqual(statesOf(cluster), [])
    jobsOf(cluster)[2]?.announce(JOB)
    await cluster.time.run(40_500)
    assert.ok(cluster.starts.length >= length + 9)
  })

  test('goes on elsewhere when a node withdraws it', async () => {
    const cluster = clusterOf(2, 37, { cron: '1' }, 0)
    await cluster.time.run(5500)
    jobsOf(cluster)[0]?.withdraw('agent-1')
    await cluster.time.run(6500)
    const { length } = cluster.starts
    await cluster.time.run(30_000)
    const later = new Set(cluster.starts.slice(length).map(({ boot }) => boot))
    assert.deepEqual([...later], ['node-1/2'])
    assertEachOnce(cluster)
  })

  test('survives nonsense in its place', async () => {
    const cluster = clusterOf(3, 38, { cron: '1' }, 0)
    await cluster.time.run(5500)
    const [key = ''] = await cluster.bucket.keys()
    for (const nonsense of ['', '{', 'null', '{"cron":1}', '[]'.repeat(1000)]) {
      const { length } = cluster.starts
      cluster.bucket.set(key, new TextEncoder().encode(nonsense))
      await cluster.time.run(cluster.time.now + 5000)
      assert.ok(cluster.starts.length > length, `nothing runs after ${nonsense.slice(0, 20)}`)
    }
  })

  test('is refused with a cron that is none', async () => {
    const cluster = clusterOf(1, 39, { cron: '1' })
    await cluster.time.run(1000)
    const failing = new ClusterJobs({
      ...realOptions(new MemoryBucket(), 'a', new Map(), async () => ({ kind: 'passed' })),
      nextRun: () => {
        throw new Error('no cron')
      },
    })
    assert.throws(() => failing.announce(JOB), /no cron/)
    await failing.close(100)
  })
})

describe('jobs of the cluster, in real time', () => {
  test('run once a second while nodes come and go', { timeout: 60_000 }, async () => {
    const bucket = new MemoryBucket()
    const heard = new Map<string, boolean>()
    const runs: { due: number; boot: string }[] = []
    const start = (boot: string, outcome: (due: number) => JobOutcome) => {
      heard.set(boot, true)
      const jobs = new ClusterJobs(
        realOptions(bucket, boot, heard, async (_, __, due) => {
          const ended = outcome(due)
          if (ended.kind !== 'not-run') runs.push({ due, boot })
          return ended
        }),
      )
      jobs.announce({ ...JOB, cron: '* * * * * *' })
      return jobs
    }
    const nodes = [
      start('a', () => ({ kind: 'passed' })),
      start('b', () => ({ kind: 'failed', error: 'out of paper' })),
      start('c', () => ({ kind: 'not-run', why: 'no sandbox' })),
    ]
    await until(() => runs.length >= 3)
    await nodes.shift()?.close()
    heard.delete('a')
    await until(() => runs.length >= 6)
    nodes.push(start('d', () => ({ kind: 'passed' })))
    await nodes.shift()?.close()
    heard.delete('b')
    await until(() => runs.some(({ boot }) => boot === 'd'))
    const [view] = nodes[0]?.list() ?? []
    assert.ok((view?.failures ?? 0) > 0 || runs.every(({ boot }) => boot !== 'b'))
    for (const each of nodes) await each.close()
    for (let at = 1; at < runs.length; at++)
      assert.equal((runs[at]?.due ?? 0) - (runs[at - 1]?.due ?? 0), 1000, JSON.stringify(runs))
    assert.ok(runs.every(({ boot }) => boot !== 'c'))
  })

  test('leave a run that takes too long at the end to the other nodes', { timeout: 60_000 }, async () => {
    const bucket = new MemoryBucket()
    const heard = new Map([
      ['a', true],
      ['b', true],
    ])
    const begun: string[] = []
    const run = (boot: string, ends: boolean) => () => {
      begun.push(boot)
      return ends ? Promise.resolve<JobOutcome>({ kind: 'passed' }) : new Promise<JobOutcome>(() => {})
    }
    const first = new ClusterJobs(realOptions(bucket, 'a', heard, run('a', false)))
    first.announce({ ...JOB, cron: '* * * * * *' })
    await until(() => begun.length === 1)
    const second = new ClusterJobs(realOptions(bucket, 'b', heard, run('b', true)))
    second.announce({ ...JOB, cron: '* * * * * *' })
    await first.close(200)
    heard.delete('a')
    await until(() => begun.includes('b'))
    await second.close()
    assert.equal(second.counters.takeovers, 1)
  })
})

function realOptions(
  bucket: MemoryBucket,
  boot: string,
  heard: ReadonlyMap<string, boolean>,
  run: ClusterJobsOptions['run'],
): ClusterJobsOptions {
  return {
    ...{ bucket, boot, node: boot, run },
    link: { connected: true, onConnection: () => () => {} },
    alive: { isAlive: (other) => heard.get(other) === true, count: heard.size },
    nextRun: (cron, after) =>
      new Cron(cron, { utcOffset: 0, paused: true }).nextRun(new Date(after))?.getTime() ??
      Number.POSITIVE_INFINITY,
    graceMs: 1000,
  }
}

function jobsOf({ nodes }: SimulatedCluster): ClusterJobs[] {
  return nodes.flatMap(({ jobs }) => jobs ?? [])
}

/** What the nodes say of the job: one thing when they agree, none where it is unknown. */
function statesOf(cluster: SimulatedCluster): string[] {
  return [...new Set(jobsOf(cluster).flatMap((jobs) => jobs.list().map(({ status }) => status)))]
}

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
  const latest = (done.at(-1) as number) - EPOCH
  assert.ok(time.now - latest < 30_000 + seconds * 1000, `the last run is ${time.now - latest} ms ago`)
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
