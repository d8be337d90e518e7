import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Scheduler } from './scheduler.ts'

const START = Date.UTC(2026, 0, 1, 12, 0, 30)
/** When that runs which is to run at once, in seconds from the start: whatever the time is. */
const AT_ONCE = -START / 1000

function tags(scheduler: Scheduler<string>, untilMs: number): string[] {
  const ran: string[] = []
  for (let due = scheduler.take(untilMs); due !== undefined; due = scheduler.take(untilMs))
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
    assert.deepEqual(tags(scheduled(['a', '5/25 * * * * *']), START + 30_000), ['a@25'])
    assert.deepEqual(tags(scheduled(['a', '* * * * *']), START + 95_000), ['a@30', 'a@90'])
    assert.deepEqual(tags(scheduled(['a', '@every 40s']), START + 95_000), ['a@40', 'a@80'])
    assert.deepEqual(tags(scheduled(['a', '@hourly']), START + 3600_000), ['a@3570'])
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
    scheduler.addTimer({ owner: 'a', task: 1, due: START + 500, every: 0 })
    scheduler.addTimer({ owner: 'a', task: 2, due: START + 1000, every: 1000 })
    assert.deepEqual(tags(scheduler, START + 2500), ['timer 1@0.5', 'timer 2@1', 'timer 2@2'])
    scheduler.clearTimer('a', 2)
    assert.equal(scheduler.nextDue, Number.POSITIVE_INFINITY)
  })

  test('runs what is asked for at once, and everything once more at the end', () => {
    const scheduler = scheduled(['a', '0 0 0 1 1 *'], ['b', '*/10 * * * * *', 1])
    scheduler.runSoon(scheduler.jobsTagged('a', 'a'))
    assert.deepEqual(tags(scheduler, START + 15_000), [`a@${AT_ONCE}`, 'b@10'])
    scheduler.runAllOnceMore()
    assert.deepEqual(tags(scheduler, START + 15_000), [`a@${AT_ONCE}`])
    scheduler.forget('a')
    assert.deepEqual(scheduler.all(), [])
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
    scheduler.addTimer({ owner: 'a', task: 1, due: START + 1000, every: 3000 })
    let now = START + 35_000
    scheduler.clock = () => now
    assert.deepEqual(tags(scheduler, START + 20_000), ['timer 1@1', 'a@10'])
    now = START + 41_000
    assert.deepEqual(tags(scheduler, now), ['timer 1@37', 'a@40'])
  })

  test('counts what is asked for against the limit', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *', 2])
    scheduler.runSoon(scheduler.all())
    assert.deepEqual(tags(scheduler, START + 60_000), [`a@${AT_ONCE}`, 'a@10'])
    scheduler.runSoon(scheduler.all())
    assert.deepEqual(tags(scheduler, START + 60_000), [])
  })

  test('takes so many jobs and timers of one owner, and no more', () => {
    const scheduler = new Scheduler<string>()
    const job = (owner: string, tag: number) =>
      scheduler.schedule({ owner, tag: `${tag}`, cron: '@hourly', limit: 0, task: 1 }, START)
    for (let tag = 0; tag < 1000; tag++) job('a', tag)
    assert.throws(() => job('a', 1000), /1000 jobs already/)
    job('a', 999)
    job('b', 1000)
    const timer = (owner: string) => scheduler.addTimer({ owner, task: 1, due: START, every: 0 })
    for (let at = 0; at < 10_000; at++) timer('a')
    assert.throws(() => timer('a'), /10000 timers are waiting already/)
    timer('b')
  })

  test('holds back one that asks without end, and no other', () => {
    const scheduler = scheduled(['a', '*/10 * * * * *'])
    scheduler.schedule({ owner: 'b', tag: 'b', cron: '*/10 * * * * *', limit: 0, task: 1 }, START)
    scheduler.addTimer({ owner: 'a', task: 1, due: START, every: 0 })
    scheduler.addTimer({ owner: 'a', task: 2, due: START, every: 1500 })
    scheduler.runSoon(scheduler.jobsTagged('a', 'a'))
    scheduler.hold('a', START + 20_000)
    assert.deepEqual(tags(scheduler, START + 20_000), ['b@10', 'a@20', 'b@20'])
    assert.deepEqual(tags(scheduler, START + 22_000), ['a@20.001', 'timer 1@20.001', 'timer 2@21'])
  })
})
