import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect } from '@nats-io/transport-node'
import type { HubClient } from '../src/client/hub-client.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { freePort } from '../src/testing/ports.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { entriesQuery } from '../src/wire/entries.ts'

describe('remora tap', () => {
  test('captures, runs what is saved, keeps entries, and ends in order at Ctrl-C and SIGTERM', async (t) => {
    const folder = await tempFolder(t)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE, '--node-name', 'n1'])
      const hub = await tap.client(t)
      const query = entriesQuery.parse({ limit: 1000 })
      await until(
        async () => (await hub.entries(query)).entries.length > 0,
        () => tap.stderr,
      )
      const { id } = await hub.createAgent({ title: signal, code: HELLO, active: true })
      await until(async () => (await hub.agent(id)).nodes.length === 2)
      await tap.says(/^\[hub-\d\] hello from hub$/m)
      await tap.says(/^\[n1-\d\] hello from n1$/m)
      const nodes = await hub.nodes()
      assert.deepEqual(nodes.map(({ node }) => node).sort(), ['hub', 'n1'])
      assert.equal(await tap.stop(signal), 0, tap.stderr)
    }
  })

  test('is not started twice in one folder, nor on a port that is taken, nor where it may not capture', async (t) => {
    const folder = await tempFolder(t)
    const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE])
    await tap.client(t)
    const second = new Running(t, folder, ['tap', '--pcap', SAMPLE])
    assert.equal(await second.ended, 2)
    assert.match(second.stderr, /^remora: .*\.remora\/state/m)
    assert.equal(await tap.stop(), 0)

    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const set = ['--set', `tap.proxy.front.port=${port}`]
    const taken = new Running(t, await tempFolder(t), ['tap', '--pcap', SAMPLE], set)
    assert.equal(await taken.ended, 2, taken.stderr)
    assert.match(taken.stderr, new RegExp(`^remora: .*${port}`, 'm'))

    const none = new Running(t, await tempFolder(t), ['tap', '--interface', 'nowhere0'])
    assert.equal(await none.ended, 2, none.stderr)
    assert.match(none.stderr, /^remora: .*nowhere0/m)
  })

  test('takes a version back that does not load, with the reason, and says what is wrong with what is no script', async (t) => {
    const tap = new Running(t, await tempFolder(t), ['tap', '--pcap', SAMPLE, '--node-name', 'n1'])
    const hub = await tap.client(t)
    const { id } = await hub.createAgent({ title: 'a', code: HELLO, active: true })
    await until(async () => runsOn(await hub.agent(id), 1).join() === 'hub,n1')
    await assert.rejects(hub.updateAgent(id, { code: 'var =' }), { code: 'E_AGENT_SYNTAX' })
    for (const [number, where] of ['hub', 'n1'].entries()) {
      const code = `${HELLO}\nif (utils.nodeName() === '${where}') throw new Error('not on ${where}')`
      await hub.updateAgent(id, { code })
      await until(async () => (await hub.agent(id)).failure?.node === where)
      const { failure, version } = await hub.agent(id)
      assert.match(failure?.reason ?? '', new RegExp(`not on ${where}`))
      await until(async () => runsOn(await hub.agent(id), version).join() === 'hub,n1')
      assert.equal((await hub.agent(id)).code, HELLO)
      assert.equal(version, 3 + 2 * number)
    }
    const bad = await hub.createAgent({ title: 'b', code: 'throw new Error("never")', active: true })
    await until(async () => !(await hub.agent(bad.id)).active)
    await until(async () => /never/.test((await hub.agent(bad.id)).failure?.reason ?? ''))
    assert.equal(await tap.stop(), 0)
  })

  test('keeps agents in the bucket of its own bus when it is told so', async (t) => {
    const folder = await tempFolder(t)
    const args = ['tap', '--pcap', SAMPLE, '--set', 'hub.store=nats']
    const tap = new Running(t, folder, args)
    const hub = await tap.client(t)
    await hub.createAgent({ title: 'kept', code: HELLO, active: false })
    assert.equal(await tap.stop(), 0)
    const again = new Running(t, folder, args)
    const titles = (await (await again.client(t)).agents()).map(({ title }) => title)
    assert.deepEqual(titles, ['kept'])
    assert.equal(await again.stop(), 0)
  })
})

describe('a hub and workers over NATS', () => {
  test('merge entries, hide secrets where they are, pass on actions in order, and run jobs', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    const nats = ['--nats', server.url]
    const hubProgram = new Running(t, await tempFolder(t), ['hub', ...nats])
    const hub = await hubProgram.client(t)
    const crossed: string[] = []
    const tap = await connect({ servers: server.url })
    t.after(() => tap.close())
    tap.subscribe('>', { callback: (_, { data }) => void crossed.push(Buffer.from(data).toString('latin1')) })

    await hub.createAgent({ title: 'redact', code: REDACT, active: true })
    await hub.createAgent({ title: 'count', code: COUNT, active: true })
    const workers: Running[] = []
    for (const name of ['n1', 'n2']) {
      const folder = await tempFolder(t)
      workers.push(new Running(t, folder, ['worker', ...nats, '--pcap', SAMPLE, '--node-name', name]))
    }
    const query = entriesQuery.parse({ filter: 'http', limit: 7 })
    const whole = entriesQuery.parse({ filter: 'http', limit: 10_000 })
    const settled = () => hub.entries(whole)
    await until(
      async () => {
        const { entries, missing } = await settled()
        return missing.length === 0 && new Set(entries.map(nodeOf)).size === 2
      },
      () => [hubProgram, ...workers].map(({ stderr }) => stderr).join('\n'),
    )
    await until(async () => (await settled()).entries.length % 2 === 0)
    const { entries } = await settled()
    const read: string[] = []
    let cursor: string | null | undefined
    do {
      const page = await hub.entries({ ...query, ...(cursor ? { cursor } : {}) })
      read.push(...page.entries)
      cursor = page.cursor
    } while (cursor !== null)
    assert.deepEqual(read.map(idOf), entries.map(idOf))
    assert.equal(new Set(read.map(idOf)).size, read.length)
    const times = read.map((text): number => JSON.parse(text).timestamp)
    assert.ok(read.every((text) => JSON.parse(text).request.path === '/hidden'))
    assert.equal(times.length, entries.length)
    assert.ok(crossed.some((text) => text.includes('/hidden')))
    for (const path of SECRETS) assert.ok(!crossed.some((text) => text.includes(path)), path)

    for (const node of ['n1', 'n2']) {
      const said = async () =>
        (await hub.console({ agent: 'count', node: 'hub', text: `${node} ` })).map(({ text }) => text)
      await until(async () => (await said()).length === 50)
      assert.deepEqual(
        await said(),
        Array.from({ length: 50 }, (_, n) => `${node} ${n}`),
      )
    }

    const jobs = await hub.jobs({ order: 'list', selector: {} })
    assert.deepEqual(jobs.map(({ node }) => node).sort(), ['hub', 'n1', 'n2'])
    const tags = jobs.flatMap((answer) => answer.jobs.map(({ tag, node }) => `${tag} ${node}`)).sort()
    assert.deepEqual(tags, ['own hub', 'own n1', 'own n2'])
    // At the end of a capture file each job runs once more.
    const runs = async () => {
      const lines = await hub.console({ text: 'job ran' })
      return lines.map(({ node }) => node).sort()
    }
    await until(async () => (await runs()).join() === 'n1,n2')
    await hub.jobs({ order: 'run', selector: { node: 'hub', tag: 'own' } })
    await until(async () => (await runs()).length > 2)
    assert.deepEqual(await runs(), ['hub', 'n1', 'n2'])
    await hub.jobs({ order: 'remove', selector: { tag: 'own' } })
    const left = await hub.jobs({ order: 'list', selector: {} })
    assert.deepEqual(
      left.flatMap((answer) => answer.jobs),
      [],
    )

    assert.equal(await workers[0]?.stop('SIGKILL'), null)
    await until(async () => (await hub.nodes()).every(({ node }) => node !== 'n1'))
    for (const program of [...workers.slice(1), hubProgram])
      assert.equal(await program.stop('SIGTERM'), 0, program.stderr)
  })

  test('say what is wrong when NATS is nowhere, or no address is given', async (t) => {
    const folder = await tempFolder(t)
    const nowhere = `nats://127.0.0.1:${await freePort()}`
    const hub = new Running(t, folder, ['hub', '--nats', nowhere])
    assert.equal(await hub.ended, 2)
    assert.match(hub.stderr, new RegExp(`^remora: .*${nowhere.slice(7)}`, 'm'))
    for (const command of ['hub', 'worker']) {
      const without = new Running(t, folder, [command])
      assert.equal(await without.ended, 2)
      assert.match(without.stderr, /nats/i)
    }
  })

  test('end when they are told to, though a worker has never reached NATS', async (t) => {
    const nowhere = `nats://127.0.0.1:${await freePort()}`
    for (const source of [
      ['--pcap', SAMPLE],
      ['--interface', 'lo'],
    ]) {
      const worker = new Running(t, await tempFolder(t), ['worker', '--nats', nowhere, ...source])
      await worker.says(/a worker of nats:/)
      assert.equal(await worker.stop(), 0, worker.stderr)
      assert.doesNotMatch(worker.stderr, /not wait any longer/)
    }
  })
})

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const HELLO = "console.log('hello from ' + utils.nodeName())"
/** Paths in the capture that nobody outside of the workers may see. */
const SECRETS: readonly string[] = ['/cookies', '/redirect']
const REDACT = `function onItemQueried(data) {
  return { id: data.id, timestamp: data.timestamp, node: data.node, request: { path: '/hidden' } }
}`
const COUNT = `var node = utils.nodeName()
if (node !== 'hub') for (var n = 0; n < 50; n++) hub.action('count', { node: node, n: n })
function onHubAction(action, object) { if (action === 'count') console.log(object.node + ' ' + object.n) }
jobs.schedule('own', '0 0 0 1 1 *', function () { console.log('job ran') })`

type View = Awaited<ReturnType<HubClient['agent']>>

/** Nodes on which this version runs. */
function runsOn({ nodes }: View, version: number): string[] {
  return nodes
    .filter((node) => node.version === version && node.state === 'running')
    .map(({ node }) => node)
    .sort()
}

function idOf(text: string): string {
  const { id, node } = JSON.parse(text)
  return `${node.name} ${id}`
}

function nodeOf(text: string): string {
  return JSON.parse(text).node.name
}
