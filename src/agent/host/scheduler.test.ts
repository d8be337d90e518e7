import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nextRun, Scheduler } from './scheduler.ts'

const START = Date.UTC(2026, 0, 1, 12, 0, 30)

function tags(scheduler: Scheduler<string>, untilMs: number): string[] {
  const ran: string[] = []
  for (let due = scheduler.take(untilMs, START); due !== undefined; due = scheduler.take(untilMs, START))
    ran.push(`${'job' in due ? due.job.tag : `timer ${due.timer.task}`}@${(due.at - START) / 1000}`)
  return ran
}

function scheduled(...crons: readonly [tag: string, cron: string, limit?: number][]): Scheduler<string> {
  const scheduler = new Scheduler<string>()
  for (const [task, [tag, cron, limit = 0]] of crons.entries())
    scheduler.schedule({ owner: 'a', tag, cron, limit, task }, START)
  return scheduler
}

describe('the scheduler', () => {
  test('runs jobs at their time and in order', () => {
    const scheduler = scheduled(['m', '0 */1 * * * *'], ['s', '*/20 * * * * *'])
    assert.deepEqual(tags(scheduler, START + 60_000), ['s@10', 'm@30', 's@30', 's@50'])
  })

  test('takes a step that is larger than its range, five fields, and descriptors', () => {
    assert.deepEqual(tags(scheduled(['a', '*/60 * * * * *']), START + 95_000), ['a@30', 'a@90'])
    assert.deepEqual(tags(scheduled(['a', '* * * * *']), START + 95_000), ['a@30', 'a@90'])
    assert.deepEqual(tags(scheduled(['a', '@every 40s']), START + 95_000), ['a@40', 'a@80'])
    assert.deepEqual(tags(scheduled(['a', '@hourly']), START + 3600_000), ['a@3570'])
  })

  test('says when a job would run next', () => {
    assert.equal(nextRun('*/20 * * * * *', START), START + 10_000)
    assert.equal(nextRun('@every 90s', START), START + 90_000)
    assert.equal(nextRun('0 0 0 30 2 *', START), Number.POSITIVE_INFINITY)
    assert.throws(() => nextRun('nonsense', START))
  })

  test('keeps a job that is held or paused from its time, and makes up for nothing', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *'])
    const job = { owner: 'a', cron: '*/10 * * * * *', limit: 0, task: 7 }
    scheduler.schedule({ ...job, tag: 'held', scope: 'cluster', isHeld: true }, START)
    const held = scheduler.jobOf('a', 'held')
    assert.deepEqual(tags(scheduler, START + 20_000), ['a@10', 'a@20'])
    scheduler.pause(scheduler.all())
    scheduler.runSoon(held === undefined ? [] : [held])
    assert.deepEqual(tags(scheduler, START + 60_000), [])
    scheduler.resume(scheduler.all(), START + 60_000)
    assert.deepEqual(tags(scheduler, START + 70_000), ['a@70'])
    assert.equal(held && scheduler.nextRunOf(held, START), START + 10_000)
  })

  test('refuses what is no cron expression', () => {
    for (const cron of ['', 'nonsense', '61 * * * * *', '@every 5', '@every 1ms'])
      assert.throws(() => scheduled(['a', cron]), Error, cron)
  })

  test('stops at the limit, and replaces a job of the same tag', () => {
    assert.deepEqual(tags(scheduled(['a', '*/10 * * * * *', 2]), START + 60_000), ['a@10', 'a@20'])
    const scheduler = scheduled(['a', '*/10 * * * * *'])
    assert.equal(
      scheduler.schedule({ owner: 'a', tag: 'a', cron: '0 * * * * *', limit: 0, task: 9 }, START),
      0,
    )
    assert.equal(scheduler.all().length, 1)
    scheduler.schedule({ owner: 'b', tag: 'a', cron: '0 * * * * *', limit: 0, task: 1 }, START)
    assert.equal(scheduler.all().length, 2)
    assert.deepEqual(
      scheduler.jobsTagged('b', 'a').map(({ owner }) => owner),
      ['b'],
    )
  })

  test('runs timers once or again and again, until they are cleared', () => {
    const scheduler = new Scheduler<string>()
    scheduler.addTimer({ owner: 'a', task: 1, delay: 500, every: 0 }, START)
    scheduler.addTimer({ owner: 'a', task: 2, delay: 1000, every: 1000 }, START)
    assert.deepEqual(tags(scheduler, START + 2500), ['timer 1@0.5', 'timer 2@1', 'timer 2@2'])
    scheduler.clearTimer('a', 2)
    assert.equal(scheduler.nextDue, Number.POSITIVE_INFINITY)
  })

  test('lets timers of the same moment run in the order in which they came, cleared ones never', () => {
    const scheduler = new Scheduler<string>()
    for (let task = 0; task < 5000; task++)
      scheduler.addTimer({ owner: 'a', task, delay: (task * 7919) % 100, every: 0 }, START)
    for (let task = 0; task < 5000; task += 2) scheduler.clearTimer('a', task)
    const ran = tags(scheduler, START + 100).map((text) => text.slice('timer '.length).split('@').map(Number))
    const inOrder = [...ran].sort(
      ([a, at], [b, other]) => (at as number) - (other as number) || Number(a) - Number(b),
    )
    assert.equal(ran.length, 2500)
    assert.deepEqual(ran, inOrder)
  })

  test('does not make up for what an owner cannot be given, and lets the others go on', () => {
    const scheduler = scheduled(['job', '* * * * * *'])
    scheduler.addTimer({ owner: 'a', task: 1, delay: 1, every: 1 }, START)
    scheduler.addTimer({ owner: 'a', task: 2, delay: 5, every: 0 }, START)
    scheduler.addTimer({ owner: 'b', task: 3, delay: 2000, every: 0 }, START)
    assert.equal(scheduler.take(START + 9000, START)?.at, START + 1)
    scheduler.rest('a', START + 9000)
    assert.deepEqual(tags(scheduler, START + 9000), ['timer 3@2'])
    assert.deepEqual(tags(scheduler, START + 9002), ['timer 1@9.001', 'timer 2@9.001', 'timer 1@9.002'])
    assert.deepEqual(tags(scheduler, START + 10_000).at(-1), 'job@10')
  })

  test('keeps only so many jobs and timers of one owner', () => {
    const scheduler = new Scheduler<string>()
    const job = (owner: string, tag: string) =>
      scheduler.schedule({ owner, tag, cron: '* * * * * *', limit: 0, task: 1 }, START)
    for (let at = 0; at < 1000; at++) job('a', `${at}`)
    assert.throws(() => job('a', 'more'), /1000 jobs/)
    job('a', '7')
    job('b', 'one')
    const timer = (owner: string, task: number) =>
      scheduler.addTimer({ owner, task, delay: 1e9, every: 0 }, START)
    for (let at = 0; at < 10_000; at++) timer('a', at)
    assert.throws(() => timer('a', 10_000), /10000 timers/)
    timer('b', 1)
    scheduler.forget('a')
    timer('a', 1)
  })

  test('starts nothing while it is stopped, and does not make up for it', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *'])
    scheduler.stop()
    assert.deepEqual(tags(scheduler, START + 35_000), [])
    scheduler.start(START + 35_000)
    scheduler.start(START + 36_000)
    assert.deepEqual(tags(scheduler, START + 50_000), ['a@40', 'a@50'])
  })

  test('runs once what was missed several times, where time is ours', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *'])
    scheduler.addTimer({ owner: 'a', task: 1, delay: 1000, every: 3000 }, START)
    let now = START + 35_000
    scheduler.clock = () => now
    assert.deepEqual(tags(scheduler, START + 20_000), ['timer 1@1', 'a@10'])
    now = START + 41_000
    assert.deepEqual(tags(scheduler, now), ['timer 1@37', 'a@40'])
  })

  test('counts what is asked for against the limit', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *', 2])
    scheduler.runSoon(scheduler.all())
    assert.deepEqual(tags(scheduler, START + 60_000), ['a@0', 'a@10'])
    scheduler.runSoon(scheduler.all())
    assert.deepEqual(tags(scheduler, START + 60_000), [])
  })

  test('runs what is asked for at once, and everything once more at the end', () => {
    const scheduler = scheduled(['a', '0 0 0 1 1 *'], ['b', '*/10 * * * * *', 1])
    scheduler.runSoon(scheduler.jobsTagged('a', 'a'))
    assert.deepEqual(tags(scheduler, START + 15_000), ['a@0', 'b@10'])
    scheduler.runAllOnceMore()
    assert.deepEqual(tags(scheduler, START + 15_000), ['a@0'])
    scheduler.forget('a')
    assert.deepEqual(scheduler.all(), [])
  })
})
