import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { ENTRY, FRAME, NOTHING_LOST, openOf } from '../../testing/open-packets.ts'

const A = '/api/v1'
describe('packets and archives of entries', () => {
  test('are what the hub finds of the stream that the entry names', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.see(JSON.stringify(ENTRY))
    hub.opened = [openOf(3)]
    const { status, body } = await ask(url, 'GET', `${A}/entries/${ENTRY.id}/packets?bytes=14`)
    assert.equal(status, 200)
    assert.partialDeepStrictEqual(body, { total: 3, begin: 1, next: null, isComplete: true })
    assert.partialDeepStrictEqual(body, {
      packets: [
        {
          number: 0,
          time: '1970-01-01T00:00:01.000000005Z',
          transport: 'TCP',
          source: { ip: '10.0.0.1', port: 4000 },
          destination: { ip: '10.0.0.2', port: 80 },
          flags: ['SYN', 'ACK'],
          payloadStart: 54,
          bytes: FRAME.subarray(0, 14).toString('base64'),
        },
      ],
    })
    assert.deepEqual(hub.wanted, [
      { stream: ENTRY.stream, node: 'n1', atMs: 1000, ends: [ENTRY.src, ENTRY.dst] },
    ])
    const file = await fetch(`${url}${A}/entries/${ENTRY.id}/pcap`)
    assert.equal(file.headers.get('content-disposition'), 'attachment; filename="000000000007-2.pcap"')
    assert.equal((await file.bytes()).length, 24 + 3 * (16 + FRAME.length))
  })

  test('that are gone are told of, with why', async (t) => {
    const { url, hub } = await startTestApi(t)
    hub.see(JSON.stringify(ENTRY), JSON.stringify({ id: 'w:1/changed', node: 7 }))
    for (const [lost, why] of [
      [{ evicted: 1 }, /newer ones have taken their room/],
      [{ otherRun: 1 }, /started anew/],
      [{ never: 1 }, /no packets of it were kept/],
    ] as const) {
      hub.opened = [{ ...openOf(0), lost: { ...NOTHING_LOST, ...lost } }]
      for (const path of [`entries/${ENTRY.id}/packets`, `entries/${ENTRY.id}/pcap`, 'pcap']) {
        const { status, body } = await ask(url, 'GET', `${A}/${path}`)
        assert.equal(status, 404)
        assert.match(JSON.stringify(body), why)
      }
    }
    const changed = await ask(url, 'GET', `${A}/entries/w:1/changed/pcap`)
    assert.match(changed.text, /an agent has changed it/)
    assert.equal((await ask(url, 'GET', `${A}/pcap?filter=dns`)).status, 404)
  })

  test('merged name each stream once, and say what was left out', async (t) => {
    const { url, hub } = await startTestApi(t)
    const other = { ...ENTRY, id: 'w:1/x-1', stream: '000000000008.pcap' }
    hub.see(...[ENTRY, { ...ENTRY, timestamp: 500 }, other].map((entry) => JSON.stringify(entry)))
    hub.opened = [openOf(1), { ...openOf(1), isCut: true, lost: { evicted: 1, otherRun: 1, never: 0 } }]
    const { headers } = await fetch(`${url}${A}/pcap`)
    const said = ['packets', 'streams', 'lost', 'cut'].map((name) => headers.get(`x-remora-${name}`))
    assert.deepEqual(said, ['2', '2', '2', 'bytes'])
    assert.deepEqual(
      hub.wanted.map(({ stream, atMs }) => [stream, atMs]),
      [
        ['000000000008.pcap', 1000],
        ['000000000007.pcap', 500],
      ],
    )
  })

  test('take the role operator, since agents hide nothing of them; archives show what entries show', async (t) => {
    const { url, hub } = await startTestApi(t, WITH_TOKENS)
    hub.see(JSON.stringify(ENTRY))
    hub.opened = [openOf(1)]
    const entry = `entries/${ENTRY.id}`
    const statusOf = async (path: string, token: string) =>
      (await fetch(`${url}${A}/${path}`, { headers: { authorization: `Bearer ${token}` } })).status
    for (const path of [`${entry}/packets`, `${entry}/pcap`, 'pcap']) {
      assert.equal(await statusOf(path, TOKENS.viewer), 403, path)
      assert.equal(await statusOf(path, TOKENS.operator), 200, path)
    }
    for (const path of [`${entry}/har`, 'har', entry, 'entries']) {
      assert.equal(await statusOf(path, TOKENS.viewer), 200, path)
      assert.equal(await statusOf(`${path}?source=raw:x`, TOKENS.viewer), 403, path)
      assert.equal(await statusOf(`${path}?source=raw:x`, TOKENS.operator), 200, path)
    }
  })

  test('as archives are of HTTP alone', async (t) => {
    const { url, hub } = await startTestApi(t)
    const dns = { ...ENTRY, id: 'w:1/dns-0', protocol: { name: 'dns' } }
    hub.see(JSON.stringify(ENTRY), JSON.stringify(dns))
    const one = await ask(url, 'GET', `${A}/entries/${ENTRY.id}/har`)
    assert.equal(one.headers['content-disposition'], 'attachment; filename="000000000007-2.har"')
    assert.partialDeepStrictEqual(one.body, {
      log: { version: '1.2', creator: { name: 'Remora', version: '1.2.3' } },
    })
    assert.partialDeepStrictEqual((await ask(url, 'GET', `${A}/har`)).body, {
      log: { entries: [{ request: { method: 'GET' } }] },
    })
    const none = await ask(url, 'GET', `${A}/entries/w:1/dns-0/har`)
    assert.partialDeepStrictEqual([none.status, none.body], [400, { code: 'E_REQUEST' }])
  })
})
