import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import type { Config } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import { testAgent } from '../testing/group.ts'
import { httpServer } from '../testing/http-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { EffectRecord } from '../wire/effects.ts'
import type { Agent } from './agents.ts'
import { HelperBroker } from './broker.ts'

type Grant = Config['scripting']['grants'][number]

describe('what an agent may do', () => {
  test('is what its header and the operator both allow', async (t) => {
    const { ask, agent } = await brokerOf(t, [
      { agent: '*', helpers: ['file.*'] },
      { agent: 'agent 1', helpers: ['file.*', 'vendor.webhook'] },
    ])
    const server = await httpServer(t, (_, response) => response.end('ok'))
    const send = (by: Agent) => ask(by, 'vendor.webhook', 'POST', server.url, 'x')
    assert.match(await refusal(send(agent(0))), /not granted by scripting\.grants$/)
    assert.equal(await send(agent(1)), 'ok')
    assert.match(
      await refusal(send(agent(1, '// @allow helpers file.*'))),
      /not granted by the header of the script$/,
    )
    assert.equal(await send(agent(1, '// @allow helpers vendor.*')), 'ok')
    assert.equal(server.seen.length, 2)
  })

  test('reaches the hosts that are named, also by way of a redirect', async (t) => {
    const { ask, agent } = await brokerOf(t)
    const target = await httpServer(t, (_, response) => response.end('there'))
    const elsewhere = target.url.replace('127.0.0.1', 'localhost')
    const server = await httpServer(t, ({ path }, response) =>
      path === '/away' ? response.writeHead(302, { location: elsewhere }).end() : response.end('here'),
    )
    const held = agent(0, '// @allow hosts 127.0.0.1')
    assert.equal(await ask(held, 'vendor.webhook', 'GET', server.url), 'here')
    const away = ask(held, 'vendor.webhook', 'GET', `${server.url}/away`)
    assert.match(await refusal(away), /localhost:\d+: the host is not granted by the header/)
    assert.match(await refusal(ask(held, 'vendor.webhook', 'GET', elsewhere)), /not granted by the header/)
    assert.equal(target.seen.length, 0)
    assert.equal(await ask(agent(1), 'vendor.webhook', 'GET', `${server.url}/away`), 'there')
  })

  test('are the paths that are named, however they are written', async (t) => {
    const { ask, agent, data } = await brokerOf(t)
    const held = agent(0, '// @allow paths reports/')
    await ask(held, 'file.mkdir', 'reports')
    await ask(held, 'file.write', 'reports/a.txt', 'a')
    await ask(held, 'file.write', join(data, 'reports/b.txt'), 'b')
    assert.equal(await readFile(join(data, 'reports/b.txt'), 'utf8'), 'b')
    for (const [path, ...args] of [
      ['file.write', 'a.txt', 'a'],
      ['file.write', 'reports/../a.txt', 'a'],
      ['file.copy', 'reports/a.txt', 'b.txt'],
      ['file.move', 'reports/a.txt', 'b.txt'],
      ['file.delete', 'other'],
      ['file.temp', 'x', ''],
      ['file.tar', 'reports'],
    ] as const)
      assert.match(await refusal(ask(held, path, ...args)), /the path .* is not granted/, path)
    await writeFile(join(data, 'a.txt'), 'free to read')
    assert.equal(await ask(held, 'file.read', 'a.txt'), 'free to read')
  })

  test('comes in rates, by the clock of the agent', async (t) => {
    const { ask, agent, broker } = await brokerOf(t, [{ agent: '*', rates: ['file.write 2/min'] }])
    const write = (nowMs: number) =>
      broker.call({
        ...callOf(agent(0, '// @rate file.* 10/s')),
        path: 'file.write',
        args: ['a', 'b'],
        nowMs,
      })
    await write(0)
    await write(0)
    assert.match(await refusal(write(1000)), /more than 2 calls in 1 min; the next one may go in 29 s/)
    await write(30_000)
    await ask(agent(1), 'file.write', 'a', 'b')
  })

  test('is this machine and its metadata when the operator says so', async (t) => {
    const grants: Grant[] = [{ agent: 'agent 1', loopback: true, metadata: true }]
    const { ask, agent } = await brokerOf(t, grants, [
      'scripting.egress.loopback=refuse',
      'scripting.egress.timeout=200ms',
    ])
    const server = await httpServer(t, (_, response) => response.end('ok'))
    const { port } = new URL(server.url)
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '0.0.0.0',
      '[::ffff:127.0.0.1]',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '[::7f00:1]',
      '[64:ff9b::7f00:1]',
    ])
      assert.match(
        await refusal(ask(agent(0), 'vendor.webhook', 'GET', `http://${host}:${port}`)),
        /the address is forbidden/,
        host,
      )
    assert.equal(server.seen.length, 0)
    assert.equal(await ask(agent(1), 'vendor.webhook', 'GET', server.url), 'ok')
    for (const host of ['169.254.169.254', '[::ffff:a9fe:a9fe]', '2852039166'])
      assert.match(
        await refusal(ask(agent(0), 'vendor.webhook', 'GET', `http://${host}/`)),
        /the address is forbidden/,
      )
    // Something may answer there, or nothing: it was asked.
    const asked = await ask(agent(1), 'vendor.webhook', 'GET', 'http://169.254.169.254:9/').catch(
      (error: Mistake) => error,
    )
    assert.notEqual(asked instanceof Mistake && asked.code, 'E_HELPER_REFUSED')
  })
})

describe('the audit', () => {
  test('has a line for every effect, and none for looking', async (t) => {
    const { ask, agent, records } = await brokerOf(
      t,
      [{ agent: 'agent 1', helpers: [] }],
      ['scripting.env.TOKEN=planted-4711-secret'],
    )
    const server = await httpServer(t, (_, response) => response.writeHead(418).end('no'))
    await ask(agent(0), 'vendor.webhook', 'POST', `${server.url}/hook/planted-4711-secret`, 'eight by')
    await ask(agent(0), 'file.write', 'planted-4711-secret.txt', 'x')
    await ask(agent(0), 'file.exists', 'a.txt')
    await refusal(ask(agent(1), 'file.write', 'a.txt', 'x'))
    await refusal(ask(agent(0), 'file.write', '../planted-4711-secret', 'x'))
    assert.deepEqual(
      records.map(({ agent: id, helper, kind, target, outcome, status, bytes }) => [
        id,
        helper,
        kind,
        target,
        outcome,
        status,
        bytes,
      ]),
      [
        ['id-0', 'vendor.webhook', 'network', `POST ${new URL(server.url).host}`, 'ok', 418, 8],
        ['id-0', 'file.write', 'file', '[env.TOKEN].txt', 'ok', undefined, 0],
        ['id-1', 'file.write', 'file', 'a.txt', 'refused', undefined, 0],
        ['id-0', 'file.write', 'file', '../[env.TOKEN]', 'refused', undefined, 0],
      ],
    )
    assert.ok(!JSON.stringify(records).includes('planted-4711'))
  })
})

async function brokerOf(t: TestContext, grants: readonly Grant[] = [], set: readonly string[] = []) {
  const data = join(await tempFolder(t), 'data')
  const { config } = configOf({ set: [`scripting.data=${data}`, ...set] })
  const records: EffectRecord[] = []
  const broker = new HelperBroker({
    config: { ...config, scripting: { ...config.scripting, grants: [...grants] } },
    nodeName: 'n1',
    link: { action() {}, alert() {}, targeted: () => ({ targets: [], excluded: [] }), health: () => ({}) },
    audit: (record) => records.push(record),
  })
  t.after(() => broker.close())
  const ask = (by: Agent, path: string, ...args: readonly unknown[]) =>
    broker.call({ ...callOf(by), path, args, nowMs: 0 })
  return { ask, agent: (index: number, code = '') => testAgent(index, code), broker, records, data }
}

function callOf(agent: Agent) {
  return { agent, component: 'worker', warn() {} } as const
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof Mistake, String(error))
    assert.equal(error.code, 'E_HELPER_REFUSED', error.message)
    return error.message
  }
  throw new Error('it was not refused')
}
