import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cron } from 'croner'
import fc from 'fast-check'
import { cronInWords } from './cron-words.ts'

describe('a schedule in words', () => {
  test('says how often', () => {
    hold({
      '* * * * * *': 'every second',
      '*/5 * * * * *': 'every 5 seconds',
      '0/15 * * * * ?': 'every 15 seconds',
      '0 * * * * *': 'every minute',
      '30 * * * * *': 'every minute at second 30',
      '* * * * *': 'every minute',
      '*/10 * * * *': 'every 10 minutes',
      '0 */1 * * * *': 'every minute',
      '0 0 * * * *': 'every hour',
      '0 30 * * * *': 'every hour at :30',
      '15 5 * * * *': 'every hour at :05:15',
      '0 0 */6 * * *': 'every 6 hours',
      '0 15 */2 * * *': 'every 2 hours at :15',
      '@every 90s': 'every 90 seconds',
      '@every 1m': 'every minute',
      '@every 1h30m': 'every 1 h 30 min',
      '@hourly': 'every hour',
    })
  })

  test('says when', () => {
    hold({
      '0 0 12 * * *': 'every day at 12:00 UTC',
      '30 9 * * *': 'every day at 09:30 UTC',
      '0 0 8,20 * * *': 'every day at 08:00 and 20:00 UTC',
      '0 0 8 * * MON-FRI': 'on weekdays at 08:00 UTC',
      '0 0 8 * * 1-5': 'on weekdays at 08:00 UTC',
      '0 0 8 * * 0': 'every Sunday at 08:00 UTC',
      '0 0 8 * * 7': 'every Sunday at 08:00 UTC',
      '0 0 8 * * mon,wed': 'every Monday and Wednesday at 08:00 UTC',
      '0 0 0 1 * *': 'on the 1st of each month at 00:00 UTC',
      '0 0 0 2,11,23 * *': 'on the 2nd, 11th and 23rd of each month at 00:00 UTC',
      '0 0 0 1 1 *': 'every 1st of January at 00:00 UTC',
      '0 0 0 * 6-8 *': 'every day in June to August at 00:00 UTC',
      '*/5 * * * * 6': 'every 5 seconds, every Saturday',
      '@daily': 'every day at 00:00 UTC',
      '@weekly': 'every Sunday at 00:00 UTC',
      '@yearly': 'every 1st of January at 00:00 UTC',
    })
  })

  test('is left to the expression where words would not be shorter', () => {
    for (const cron of [
      '',
      'x',
      '0 0 8 L * *',
      '0 0 8 * * 5#2',
      '0 0 8 1 * 1',
      '1,2,3,4,5 * * * * *',
      '0 0 8-17 * * *',
      '5-50/5 * * * * *',
      '*/5 */2 * * *',
      '*/7 * * * * *',
      '0 0 */5 * * *',
      '0 0 8 * * 9',
      '0 0 0 * 13 *',
      '@every x',
      '* * * * * * *',
      '0 0 8 * * CON',
    ])
      assert.equal(cronInWords(cron), undefined, cron)
  })

  test('promises no other times than the expression has', () => {
    const field = (most: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.nat(most).map(String),
        fc.constantFrom(2, 3, 5, 7, 15).map((step) => `*/${step}`),
      )
    fc.assert(
      fc.property(field(59), field(59), field(23), (second, minute, hour) => {
        const words = cronInWords(`${second} ${minute} ${hour} * * *`)
        const [, amount = '1', unit] = /^every (?:(\d+) )?(second|minute|hour)s?$/.exec(words ?? '') ?? []
        if (unit === undefined) return
        const size = { second: 1, minute: 60, hour: 3600 }[unit] ?? 0
        const runs = new Cron(`${second} ${minute} ${hour} * * *`, { utcOffset: 0, paused: true }).nextRuns(
          2,
          '2026-01-01T00:30:00Z',
        )
        const [first = new Date(0), then = new Date(0)] = runs
        assert.equal((then.getTime() - first.getTime()) / 1000, Number(amount) * size, `${words}`)
      }),
    )
  })
})

function hold(words: Readonly<Record<string, string>>): void {
  for (const [cron, said] of Object.entries(words)) assert.equal(cronInWords(cron), said, cron)
}
