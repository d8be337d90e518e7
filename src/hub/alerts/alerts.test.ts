import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Bucket } from '../../bus/bus.ts'
import { openLocalBus } from '../../bus/local.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { until } from '../../testing/until.ts'
import type { AlertRaised } from '../../wire/alerts.ts'
import { Alerts } from './alerts.ts'

describe('the alerts of a hub', () => {
  test('are what agents have raised, with their packets', async (t) => {
    const { alerts, told } = await opened(t)
    await alerts.take(saying('a', 0, { pcap: Buffer.from('packets').toString('base64') }))
    await alerts.take(saying('b', 10))
    await alerts.take(saying('a', 20, { severity: 'critical' }))
    assert.deepEqual(told, ['opened a', 'opened b', 'worse a'])
    assert.deepEqual(
      (await alerts.list()).map(({ id, count, pcapBytes }) => [id, count, pcapBytes]),
      [
        ['a', 2, 7],
        ['b', 1, 0],
      ],
    )
    assert.equal(Buffer.from(await alerts.pcap('a')).toString(), 'packets')
    await assert.rejects(alerts.pcap('b'), isNotFound)
    await assert.rejects(alerts.get('c'), isNotFound)
    assert.deepEqual(alerts.counters, { raised: 3, notified: 3, suppressed: 0, refused: 0 })
  })

  test('are closed by agents, by people, and by time; the oldest that are closed go', async (t) => {
    const clock = { now: 0 }
    const { alerts, told } = await opened(t, { clock, keep: 2 })
    for (const id of ['a', 'b', 'c']) await alerts.take(saying(id, 0))
    await alerts.take({ said: 'closed', id: 'a', node: 'n1', agentTitle: 'Shop', at: 5 })
    await alerts.take({ said: 'closed', id: 'unknown', node: 'n1', agentTitle: 'Shop', at: 5 })
    assert.equal((await alerts.close('b', 'anna')).closedBy, 'anna')
    await assert.rejects(alerts.close('unknown', 'anna'), isNotFound)
    clock.now = 4999
    await alerts.sweep()
    assert.equal((await alerts.get('c')).state, 'open')
    clock.now = 5000
    await alerts.sweep()
    assert.equal((await alerts.get('c')).closedBy, 'time')
    assert.deepEqual(told.slice(3), ['closed a', 'closed b', 'closed c'])
    await alerts.take(saying('d', 6000))
    await alerts.sweep()
    await until(async () => (await alerts.list()).length === 3)
  })

  test('are not taken when their agent makes a key of everything, and are counted then', async (t) => {
    const { alerts, told } = await opened(t)
    for (let number = 0; number < 5000; number++) await alerts.take(saying(`a${number}`, number))
    await alerts.take(saying('more', 5000, { count: 3 }))
    await alerts.take(saying('a7', 5001))
    assert.deepEqual([told.length, alerts.counters.refused], [5000, 3])
    await alerts.take({ said: 'closed', id: 'a1', node: 'n1', agentTitle: 'Shop', at: 5002 })
    await alerts.take(saying('more', 5003))
    assert.equal((await alerts.get('more')).state, 'open')
  })

  test('are told to nobody where no channel wants them, and nothing says that they were', async (t) => {
    const clock = { now: 0 }
    const { alerts, told } = await opened(t, { clock })
    await alerts.take(saying('quiet', 0))
    clock.now = 10
    await alerts.take(saying('quiet', 10, { severity: 'critical' }))
    const alert = await alerts.close('quiet', 'anna')
    assert.deepEqual([told, alert.notifiedAt, alert.suppressed], [[], undefined, 0])
    assert.deepEqual(alerts.counters, { raised: 2, notified: 0, suppressed: 0, refused: 0 })
  })

  test('are known to every hub, and changed by two at a time without losing anything', async (t) => {
    const { alerts, bucket } = await opened(t)
    const other = await opened(t, { bucket })
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? alerts : other.alerts).take(saying('a', at))),
    )
    await until(
      async () => (await alerts.get('a')).count === 20 && (await other.alerts.get('a')).count === 20,
    )
  })
})

interface Opened {
  readonly clock?: { now: number }
  readonly keep?: number
  readonly bucket?: Bucket
}

async function opened(t: TestContext, { clock, keep = 10, bucket: given }: Opened = {}) {
  const bus = openLocalBus({ folder: null })
  const bucket = given ?? (await bus.bucket({ name: 'alerts' }))
  const told: string[] = []
  const alerts = new Alerts({
    bucket,
    rules: { suppressMs: 1000, closeAfterMs: 5000 },
    keep,
    concerns: (_notice, { id }) => !id.startsWith('quiet'),
    notify: (notice, { id }) => void told.push(`${notice} ${id}`),
    report() {},
    now: () => clock?.now ?? 0,
  })
  t.after(async () => {
    await alerts.stop()
    await bus.close()
  })
  return { alerts, told, bucket }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Mistake && error.code === 'E_NOT_FOUND'
}

function saying(id: string, at: number, more: Partial<AlertRaised> = {}): AlertRaised {
  const title = `Trouble with ${id}`
  return {
    said: 'raised',
    ...{ id, key: id, agent: 'id-1', agentTitle: 'Shop', node: 'n1', at, lastAt: at, count: 1, title },
    severity: 'warning',
    text: '',
    labels: {},
    entries: [],
    ...more,
  }
}
