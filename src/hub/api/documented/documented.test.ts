import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { ask, startTestApi } from '../../../testing/api.ts'
import { FRAME, openOf, ENTRY as PACKET_ENTRY } from '../../../testing/open-packets.ts'
import { Inbox, untilClosed, untilOpen } from '../../../testing/sockets.ts'
import { until } from '../../../testing/until.ts'

const ENTRY = {
  id: '10.0.0.1:48999/000000000042.pcap-0',
  ...{ index: 0, stream: '000000000042.pcap', worker: '10.0.0.1:48999', tls: false, timestamp: 1000 },
  protocol: { name: 'http', abbr: 'HTTP' },
  src: { ip: '1.1.1.1', port: '1' },
  dst: { ip: '2.2.2.2', port: '80' },
  request: { method: 'GET', headers: { 'x-a': 'b' }, url: '/' },
  response: { status: 200 },
  ...{
    requestSize: 10,
    responseSize: 20,
    size: 30,
    elapsedTime: 5,
    passed: false,
    failed: false,
    error: null,
  },
  base: { method: 'GET', methodQuery: 'm', summary: '/', summaryQuery: 's', status: 200, statusQuery: 't' },
}

for (const prefix of ['', '/api'])
  describe(`the documented paths${prefix === '' ? '' : `, below ${prefix}`}`, () => {
    const get = async (url: string, path: string) => {
      const asked = await ask(url, 'GET', `${prefix}${path}`)
      assert.equal(asked.status, 200, asked.text)
      return asked.body ?? asked.text
    }

    test('say that there is a hub, and which', async (t) => {
      const { url } = await startTestApi(t)
      assert.equal(await get(url, '/echo'), 'Remora')
      assert.deepEqual(await get(url, '/metadata/version'), { ver: '1.2.3' })
      assert.deepEqual(await get(url, '/query/validate?q=http'), { valid: true, message: '' })
      assert.partialDeepStrictEqual(await get(url, '/query/validate?q=a%20%3D%3D'), { valid: false })
      assert.deepEqual(await get(url, '/mcp/dissection'), { enabled: true })
      assert.deepEqual(await get(url, '/pcaps/total-tcp-streams'), { total: 0 })
    })

    test('show an entry, or a part of it', async (t) => {
      const { url, hub } = await startTestApi(t)
      hub.see(JSON.stringify(ENTRY))
      const path = `/item/${encodeURIComponent(ENTRY.worker)}/000000000042.pcap-0`
      assert.partialDeepStrictEqual(await get(url, path), {
        protocol: ENTRY.protocol,
        data: ENTRY,
        base: { proto: ENTRY.protocol, summary: '/', status: 200, event: false, worker: ENTRY.worker },
        representation: {
          request: [
            {
              type: 'table',
              title: 'Details',
              tableData: [{ name: 'method', value: 'GET', selector: 'request.method' }, {}],
            },
            {
              title: 'headers',
              tableData: [{ name: 'x-a', value: 'b', selector: 'request.headers["x-a"]' }],
            },
          ],
          event: [],
        },
      })
      assert.deepEqual(await get(url, `${path}?q=http&field=data`), ENTRY)
      assert.equal((await ask(url, 'GET', `${prefix}/item/x/y`)).status, 404)
      const calls = await get(url, '/mcp/calls?kfl=redis&format=full')
      assert.deepEqual(calls, { total: 0, calls: [] })
      assert.partialDeepStrictEqual(await get(url, '/mcp/calls'), {
        total: 1,
        calls: [{ id: ENTRY.id, summary: '/' }],
      })
      const details = { body: { id: ENTRY.id } }
      assert.deepEqual(
        (await ask(url, 'POST', `${prefix}/mcp/tools/get_api_call_details`, details)).body,
        ENTRY,
      )
    })

    test('download the packets of a stream, or of an entry', async (t) => {
      const { url, hub } = await startTestApi(t)
      hub.see(JSON.stringify(PACKET_ENTRY))
      hub.opened = [openOf(3)]
      const worker = encodeURIComponent('w:1')
      for (const id of ['000000000007.pcap', '000000000007.pcap-2']) {
        const response = await fetch(`${url}${prefix}/pcaps/download/${worker}/${id}`)
        assert.equal(response.status, 200)
        assert.equal((await response.bytes()).length, 24 + 3 * (16 + FRAME.length))
        assert.equal(hub.wanted[0]?.stream, PACKET_ENTRY.stream)
      }
      for (const id of ['000000000070.pcap', '000000000007.pcap-1'])
        assert.equal((await ask(url, 'GET', `${prefix}/pcaps/download/${worker}/${id}`)).status, 404)
    })

    test('tell which pods are captured, however it is spelled and asked', async (t) => {
      const { url, hub } = await startTestApi(t)
      for (const path of ['/pods/targeted', '/pods/targetted'])
        for (const method of ['GET', 'POST'] as const)
          assert.deepEqual((await ask(url, method, `${prefix}${path}`)).body, await hub.targeted())
    })

    test('take what is to be captured, and answer which pods that are', async (t) => {
      const { url, hub } = await startTestApi(t)
      const body = { regex: '^front', namespaces: ['shop'] }
      const asked = await ask(url, 'POST', `${prefix}/pods/regex`, { body })
      assert.deepEqual([asked.status, asked.body], [200, await hub.targeted()])
      const { rules } = await hub.targeting.get()
      assert.deepEqual([rules.regex, rules.namespaces], ['^front', ['shop']])
      await ask(url, 'POST', `${prefix}/pods/regex`, { body: { regex: '.*', namespaces: null } })
      assert.deepEqual((await hub.targeting.get()).rules.namespaces, [])
      for (const wrong of [{ regex: 'front(' }, {}])
        assert.equal((await ask(url, 'POST', `${prefix}/pods/regex`, { body: wrong })).status, 400)
      assert.deepEqual(
        hub.audited.map(({ action, outcome }) => `${action} ${outcome}`),
        ['done', 'done', 'refused', 'refused'].map((outcome) => `targeting.change ${outcome}`),
      )
    })

    test('take scripts as the commands of Kubeshark upload them', async (t) => {
      const { url, hub } = await startTestApi(t)
      hub.titles.push('One')
      const post = async (body: object) => (await ask(url, 'POST', `${prefix}/scripts`, { body })).body
      assert.deepEqual(await post({ path: '/x/one.js', title: 'One', code: '// One' }), { index: 0 })
      assert.deepEqual(await post({ title: 'Two', code: '// Two' }), { index: 1 })
      assert.deepEqual(await post({ title: 'One', code: '// One again' }), { index: 0 })
      assert.deepEqual(await post({ title: 'New Script', code: 'var a' }), { index: 2 })
      assert.deepEqual(await post({ title: 'New Script', code: 'var b' }), { index: 3 })
      const change = { body: { title: 'Zwei', code: '// Two' } }
      assert.deepEqual((await ask(url, 'PUT', `${prefix}/scripts/1`, change)).body, { index: 1 })
      assert.deepEqual((await ask(url, 'DELETE', `${prefix}/scripts/2`)).body, { index: 2 })
      assert.deepEqual((await ask(url, 'POST', `${prefix}/scripts/3/activate`)).body, { index: 3 })
      assert.deepEqual((await ask(url, 'POST', `${prefix}/scripts/0/deactivate`)).body, { index: 0 })
      assert.deepEqual((await ask(url, 'POST', `${prefix}/scripts/done`)).body, {})
      assert.equal((await hub.agent('0')).source?.path, '/x/one.js')
      assert.deepEqual(await get(url, '/scripts'), [
        { index: 0, title: 'One', code: '// One again', active: false },
        { index: 1, title: 'Zwei', code: '// Two', active: false },
        { index: 3, title: 'New Script', code: 'var b', active: true },
      ])
    })

    test('never act on another script than the one that is meant', async (t) => {
      const { url, hub } = await startTestApi(t)
      await hub.createAgent({ code: '// 7' }, 'me')
      for (const index of ['7', '-1', 'x', '0x0', '00000000000000000'])
        assert.ok((await ask(url, 'DELETE', `${prefix}/scripts/${index}`)).status >= 400)
      assert.equal((await hub.agents()).length, 1)
    })

    test('take values for env, and do not give them back', async (t) => {
      const { url, hub } = await startTestApi(t)
      const secret = 'hidden-4711'
      const asked = await ask(url, 'POST', `${prefix}/scripts/env`, { body: { KEY: secret } })
      assert.equal(asked.status, 200)
      assert.deepEqual(hub.env, { KEY: secret })
      assert.equal((await ask(url, 'GET', `${prefix}/scripts/env`)).status, 404)
      assert.ok(!`${asked.text}${JSON.stringify(hub.audited)}`.includes(secret))
    })

    test('say in words what they do not do', async (t) => {
      const { url } = await startTestApi(t)
      for (const [method, path, body] of [
        ['POST', '/pcaps/merge', {}],
        ['GET', '/pcaps/name-resolution-history', undefined],
        ['POST', '/pods/target/pod', {}],
        ['GET', '/license', undefined],
        ['GET', '/mcp', undefined],
        ['POST', '/mcp/tools/call', {}],
        ['POST', '/mcp/dissection/disable', undefined],
        ['POST', '/settings/dissection', { enabled: false }],
        ['GET', '/mcp/calls?group_by=x', undefined],
      ] as const) {
        const asked = await ask(url, method, `${prefix}${path}`, { body })
        assert.equal(asked.status, 501, `${method} ${path}: ${asked.text}`)
        assert.partialDeepStrictEqual(asked.body, { code: 'E_REQUEST' })
      }
      const on = await ask(url, 'POST', `${prefix}/settings/dissection`, { body: { enabled: true } })
      assert.deepEqual(on.body, { enabled: true })
    })

    test('stream rows and whole entries after a filter', async (t) => {
      const { url, hub } = await startTestApi(t)
      const rows = await open(t, url, `${prefix}/ws`)
      const whole = await open(t, url, `${prefix}/wsFull`)
      for (const { socket } of [rows, whole]) socket.send('http or true')
      await until(() => hub.watchers === 2, 'both')
      hub.see(JSON.stringify(ENTRY), JSON.stringify({ id: 'odd', base: 7 }))
      assert.partialDeepStrictEqual(JSON.parse(await rows.inbox.next()), {
        id: ENTRY.id,
        proto: ENTRY.protocol,
        summary: '/',
        statusQuery: 't',
        size: 30,
      })
      assert.partialDeepStrictEqual(JSON.parse(await rows.inbox.next()), { id: 'odd', proto: null })
      assert.equal(await whole.inbox.next(), JSON.stringify(ENTRY))
      whole.socket.send('')
      await until(() => hub.watchers === 2, 'the new filter in place of the old one')
      hub.see('{"id":"x"}')
      await whole.inbox.next()
      assert.equal(await whole.inbox.next(), '{"id":"x"}')
      assert.equal(whole.inbox.messages.length, 3)
    })

    test('say what is wrong with a filter, and end', async (t) => {
      const { url } = await startTestApi(t)
      const { socket, inbox } = await open(t, url, `${prefix}/wsFull`)
      const closed = untilClosed(socket)
      socket.send('a ==')
      assert.partialDeepStrictEqual(JSON.parse(await inbox.next()), { code: 'E_FILTER_SYNTAX' })
      assert.equal(await closed, 1008)
    })

    test('stream console lines as they are printed', async (t) => {
      const { url, hub } = await startTestApi(t)
      hub.print({ text: 'before' })
      const { inbox } = await open(t, url, `${prefix}/scripts/logs`)
      await until(() => hub.followers === 1, 'who follows')
      hub.print({ text: 'hello', node: 'n', index: 3 })
      hub.print({ text: 'oh', node: 'n', index: 3, level: 'error' })
      assert.equal(await inbox.next(), '[n-3] hello')
      assert.equal(await inbox.next(), '[n-3:ERROR] oh')
    })
  })

async function open(t: TestContext, url: string, path: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`)
  t.after(() => socket.terminate())
  const inbox = new Inbox(socket)
  await untilOpen(socket)
  return { socket, inbox }
}
