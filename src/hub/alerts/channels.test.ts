import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { loadConfig } from '../../config/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import type { AlertView } from '../../wire/alerts.ts'
import { type AlertChannel, callsFor } from './channels.ts'

const ALERT: AlertView = {
  ...{ id: 'a1', key: 'checkout', agent: 'id-1', agentTitle: 'Checkout', title: 'Checkout fails' },
  severity: 'critical',
  text: 'Every call of /pay fails.',
  labels: { team: 'shop' },
  state: 'open',
  openedAt: Date.UTC(2026, 10, 27, 10),
  lastAt: Date.UTC(2026, 10, 27, 10, 5),
  heardAt: Date.UTC(2026, 10, 27, 10, 5),
  count: 12,
  nodes: ['n1', 'n2'],
  entries: [
    {
      id: 'w/1/0',
      stream: '000000000001.pcap',
      protocol: 'HTTP',
      timestamp: Date.UTC(2026, 10, 27, 10),
      source: 'cart:40000 (shop)',
      destination: 'pay:80 (shop)',
      summary: 'POST /pay',
      status: '503',
    },
  ],
  pcapBytes: 0,
  suppressed: 0,
}

const TEXT = `Every call of /pay fails.
Raised 12 times by "Checkout" on n1, n2, from 2026-11-27T10:00:00.000Z to 2026-11-27T10:05:00.000Z; key checkout.
team: shop
2026-11-27T10:00:00.000Z  HTTP  cart:40000 (shop) -> pay:80 (shop)  POST /pay  503`

/** Nothing in it is markup. */
const IN_SLACK = TEXT.replace('->', '-&gt;')

describe('channels', () => {
  test('of Slack show what comes from the traffic, which mentions nobody', async (t) => {
    const channels = await channelsOf(t, '{"name":"a","slackBot":{"token":"t","channel":"C1"}}')
    const alert = {
      ...ALERT,
      title: 'GET /<!channel>',
      text: '<https://evil|a> & b',
      labels: { to: '<@U1>' },
    }
    const [call] = callsFor('opened', alert, channels, {})
    const [, , head, text, , labels] = call?.args ?? []
    assert.equal(head, '[critical] GET /&lt;!channel&gt;')
    assert.match(String(text), /^&lt;https:\/\/evil\|a&gt; &amp; b$/m)
    assert.deepEqual(labels, { to: '&lt;@U1&gt;' })
  })

  test('are told by the helper that each is for, with values of env', async (t) => {
    const channels = await channelsOf(
      t,
      '{"name":"a","slack":{"webhook":"env.SLACK"}}',
      '{"name":"b","slackBot":{"token":"env.TOKEN","channel":"C1"}}',
      '{"name":"c","mail":{"server":"smtp://mail","to":["env.WHO"]}}',
      '{"name":"d","webhook":{"url":"env.MISSING","headers":{"x-key":"env.TOKEN"}}}',
    )
    const calls = callsFor('opened', ALERT, channels, { SLACK: 'https://hooks', TOKEN: 't', WHO: 'a@b' })
    const head = '[critical] Checkout fails'
    assert.deepEqual(calls.slice(0, 3), [
      { channel: 'a', path: 'vendor.slack', args: ['https://hooks', head, IN_SLACK, '#E01E5A'] },
      {
        channel: 'b',
        path: 'vendor.slackBot',
        args: ['t', 'C1', head, IN_SLACK, '#E01E5A', { team: 'shop' }],
      },
      {
        channel: 'c',
        path: 'vendor.mail',
        args: [{ server: 'smtp://mail', to: ['a@b'], subject: head, text: TEXT }],
      },
    ])
    const [method, url, event, headers] = calls[3]?.args ?? []
    assert.deepEqual(
      [calls[3]?.path, method, url, headers],
      ['vendor.webhook', 'POST', 'env.MISSING', { 'x-key': 't' }],
    )
    assert.deepEqual(event, {
      specversion: '1.0',
      id: `a1/${ALERT.openedAt}/opened/12`,
      source: 'remora/agents/Checkout',
      type: 'remora.alert.opened',
      subject: 'checkout',
      time: '2026-11-27T10:05:00.000Z',
      datacontenttype: 'application/json',
      data: ALERT,
    })
  })

  test('are told of what concerns them', async (t) => {
    const channels = await channelsOf(
      t,
      '{"name":"bad","severities":["critical"],"slack":{"webhook":"w"}}',
      '{"name":"other","agents":["Other"],"slack":{"webhook":"w"}}',
      '{"name":"begin","notices":["opened"],"agents":["id-1","Other"],"slack":{"webhook":"w"}}',
    )
    const names = (notice: 'opened' | 'closed', severity: AlertView['severity']) =>
      callsFor(notice, { ...ALERT, severity }, channels, {}).map(({ channel }) => channel)
    assert.deepEqual(names('opened', 'critical'), ['bad', 'begin'])
    assert.deepEqual(names('closed', 'critical'), ['bad'])
    assert.deepEqual(names('opened', 'info'), ['begin'])
  })

  test('are one of the kinds there are', async (t) => {
    for (const channel of [
      '{"name":"none"}',
      '{"name":"two","slack":{"webhook":"w"},"webhook":{"url":"u"}}',
      '{"name":"typo","slak":{"webhook":"w"}}',
    ])
      await assert.rejects(channelsOf(t, channel), Mistake)
  })
})

/** As a configuration file has them. */
async function channelsOf(t: TestContext, ...channels: readonly string[]): Promise<readonly AlertChannel[]> {
  const cwd = await tempFolder(t)
  const text = `scripting: { alerts: { channels: [${channels.join(',')}] } }`
  writeFileSync(join(cwd, 'remora.yaml'), text)
  return loadConfig({ cwd, env: {}, home: cwd }).config.scripting.alerts.channels
}
