import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { alertId } from '../helpers/alert.ts'
import type { RaisedAlert } from '../helpers/helper.ts'
import { FakePackets } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { AlertDesk } from './alert-desk.ts'
import type { SentAlert } from './broker.ts'

const ENTRY = {
  id: 'w/1/0',
  stream: '000000000001.pcap',
  protocol: 'HTTP',
  timestamp: 5,
  source: 'a:1',
  destination: 'b:80',
  summary: 'GET /cart',
  status: '500',
}

describe('what agents raise', () => {
  test('goes at once, and what comes within the next second goes together', async (t) => {
    const { sent, raise, desk } = await opened(t)
    const id = await raise({ severity: 'error' }, 1)
    assert.equal(id, alertId('id-1', 'checkout'))
    await raise({ severity: 'critical' }, 2)
    await raise({ severity: 'info', text: 'the last' }, 3)
    assert.equal(sent.length, 1)
    await desk.close()
    assert.deepEqual(
      sent.map(
        ({ said }) => said.said === 'raised' && [said.at, said.lastAt, said.count, said.severity, said.text],
      ),
      [
        [1, 1, 1, 'error', ''],
        [2, 3, 2, 'critical', 'the last'],
      ],
    )
  })

  test('takes packets along, the first time', async (t) => {
    const { sent, raise, close, root } = await opened(t)
    await raise({ entries: [ENTRY] }, 1)
    await close(2)
    await raise({ entries: [ENTRY] }, 3)
    const packets = sent.map(({ said }) => (said.said === 'raised' ? said.pcap : said.said))
    assert.deepEqual(packets, [Buffer.from('packets of 1').toString('base64'), 'closed', undefined])
    assert.deepEqual(existsSync(root) ? readdirSync(root) : [], [])
  })

  test('goes without packets where there are none, or none are wanted', async (t) => {
    const { sent, raise } = await opened(t)
    await raise({ key: 'a', entries: [{ ...ENTRY, stream: '000000000099.pcap' }] }, 1)
    await raise({ key: 'b', entries: [ENTRY], pcap: false }, 1)
    await raise({ key: 'c' }, 1)
    assert.deepEqual(
      sent.map(({ said }) => said.said === 'raised' && [said.key, said.pcap]),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    )
  })

  test('is refused when an agent makes a key of everything, until it closes some', async (t) => {
    const { sent, raise, close } = await opened(t)
    await raise({}, 1)
    for (let at = 1; at < 1000; at++) await raise({ key: `k${at}`, pcap: false }, at)
    await assert.rejects(
      raise({ key: 'one more' }, 1000),
      /1000 alerts of this agent are open on this node: give /,
    )
    await raise({ key: 'k5' }, 1001)
    await close(1002)
    await raise({ key: 'one more' }, 1003)
    assert.equal(sent.length, 1002)
  })

  test('is the same alert for the same agent and key alone', () => {
    const ids = [alertId('a', 'b'), alertId('a', 'c'), alertId('c', 'b'), alertId('a\0b', '')]
    assert.equal(new Set(ids).size, 4)
    assert.equal(alertId('a', 'b'), ids[0])
  })
})

async function opened(t: TestContext) {
  const root = await tempFolder(t)
  const sent: SentAlert[] = []
  const packets = new FakePackets({ '000000000001.pcap': 'packets of 1' })
  const desk = new AlertDesk({ root, packets, closeAfterMs: 3_600_000, say: (each) => void sent.push(each) })
  t.after(() => desk.close())
  const agent = { index: 0, id: 'id-1', path: 'checkout.js', title: 'Checkout' }
  const of = (now: number) => desk.of({ agent, node: 'n1', now, warn() {} })
  const alert: RaisedAlert = {
    ...{
      key: 'checkout',
      title: 'Checkout fails',
      severity: 'warning',
      text: '',
      labels: {},
      entries: [],
      pcap: true,
    },
  }
  return {
    root,
    sent,
    desk,
    raise: (more: Partial<RaisedAlert>, now: number) => of(now).raise({ ...alert, ...more }),
    close: (now: number) => of(now).close('checkout'),
  }
}
