import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AlertRules, closed, isOver, raised } from './alert-rules.ts'
import type { AlertEntry, AlertRaised, AlertView } from './alerts.ts'

const RULES: AlertRules = { suppressMs: 1000, closeAfterMs: 5000 }

function saying(at: number, more: Partial<AlertRaised> = {}): AlertRaised {
  return {
    said: 'raised',
    id: 'a1',
    key: 'checkout',
    agent: 'id-1',
    agentTitle: 'Checkout',
    node: 'n1',
    at,
    lastAt: at,
    count: 1,
    title: 'Checkout fails',
    severity: 'warning',
    text: '',
    labels: {},
    entries: [],
    ...more,
  }
}

/** Says one after another; answers the alert and the notices. */
function told(...said: readonly AlertRaised[]): { alert: AlertView; notices: (string | undefined)[] } {
  let alert: AlertView | undefined
  const notices = said.map((each) => {
    const change = raised(alert, each, each.lastAt, RULES)
    alert = change.alert
    return change.notice
  })
  return { alert: alert as AlertView, notices }
}

describe('an alert', () => {
  test('opens once, is counted, and is told of again when it goes on for long', () => {
    const { alert, notices } = told(
      saying(0),
      saying(500, { count: 7 }),
      saying(999),
      saying(1000),
      saying(1500),
    )
    assert.deepEqual(notices, ['opened', undefined, undefined, 'again', undefined])
    const { state, openedAt, lastAt, count, suppressed, notifiedAt } = alert
    assert.deepEqual(
      { state, openedAt, lastAt, count, suppressed, notifiedAt },
      { state: 'open', openedAt: 0, lastAt: 1500, count: 11, suppressed: 9, notifiedAt: 1000 },
    )
  })

  test('is told of at once when it gets worse, and does not get better while it is open', () => {
    const { alert, notices } = told(
      saying(0),
      saying(10, { severity: 'critical' }),
      saying(20, { severity: 'info' }),
      saying(30, { severity: 'critical' }),
    )
    assert.deepEqual(notices, ['opened', 'worse', undefined, undefined])
    assert.equal(alert.severity, 'critical')
  })

  test('closes by somebody once, and by itself when nothing raises it', () => {
    const { alert } = told(saying(0), saying(300))
    assert.equal(isOver(alert, 5299, RULES), false)
    assert.equal(isOver(alert, 5300, RULES), true)
    const first = closed(alert, 5300, 'time')
    assert.deepEqual([first.notice, first.alert.state, first.alert.closedBy], ['closed', 'closed', 'time'])
    assert.deepEqual(closed(first.alert, 6000, 'anna'), { alert: first.alert, notice: undefined })
    assert.equal(isOver(first.alert, 1e9, RULES), false)
  })

  test('opens again with counts of its own, and quietly when channels were told lately', () => {
    const { alert } = told(saying(0), saying(100))
    const shut = closed(alert, 200, 'anna').alert
    const soon = raised(shut, saying(300, { severity: 'error' }), 300, RULES)
    assert.equal(soon.notice, undefined)
    assert.deepEqual(
      [soon.alert.state, soon.alert.count, soon.alert.openedAt, soon.alert.severity, soon.alert.closedBy],
      ['open', 1, 300, 'error', undefined],
    )
    assert.equal(raised(shut, saying(1000), 1000, RULES).notice, 'opened')
  })

  test('goes by the clock of whoever keeps it, wherever that of its agent is', () => {
    const lastYear = saying(-31_536_000_000)
    const { alert, notice } = raised(undefined, lastYear, 100, RULES)
    assert.equal(notice, 'opened')
    assert.deepEqual([alert.openedAt, alert.heardAt, alert.notifiedAt], [lastYear.at, 100, 100])
    assert.equal(isOver(alert, 5099, RULES), false)
    assert.equal(raised(alert, saying(0), 1099, RULES).notice, undefined)
  })

  test('remembers the first entries and the last, each once, and its nodes', () => {
    const entry = (number: number): AlertEntry => ({
      id: `e${number}`,
      stream: '000000000001.pcap',
      protocol: 'HTTP',
      timestamp: number,
      source: 'a:1',
      destination: 'b:80',
      summary: 'GET /',
      status: '500',
    })
    const said = Array.from({ length: 30 }, (_, at) =>
      saying(at, { node: `n${at % 3}`, entries: [entry(at), entry(Math.max(at - 1, 0))] }),
    )
    const { alert } = told(...said)
    assert.deepEqual(alert.nodes, ['n0', 'n1', 'n2'])
    const numbers = [
      ...Array.from({ length: 5 }, (_, at) => at),
      ...Array.from({ length: 15 }, (_, at) => 15 + at),
    ]
    assert.deepEqual(
      alert.entries.map(({ id }) => id),
      numbers.map((number) => `e${number}`),
    )
  })
})
