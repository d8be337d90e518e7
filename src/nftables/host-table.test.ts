import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type HostRule, readHostRule } from '../policy/host-rule.ts'
import { hasTools } from '../testing/loopback.ts'
import { CLIENT, SERVER, twoMachines } from '../testing/two-machines.ts'
import { until } from '../testing/until.ts'
import { HostTable } from './host-table.ts'
import { nftBy } from './nft.ts'

const block = (rule: Parameters<typeof readHostRule>[1]) => readHostRule('block', rule)

test('a rule cuts what it says and nothing else, is counted, and is lifted', async (t) => {
  const lab = await labFor(t)
  if (lab === undefined) return
  const { table, reaches } = lab
  assert.equal(await reaches(8080), true)
  await table.enforce('remora-a', block({ from: CLIENT, ports: 8080 }), 60_000)
  assert.equal(await reaches(8080), false)
  assert.equal(await reaches(8081), true)
  assert.equal(await lab.serverReaches(), true, 'the other way nothing is cut')
  const [listed] = await table.list()
  assert.equal(listed?.name, 'remora-a')
  assert.ok((listed?.packets ?? 0) > 0 && (listed?.bytes ?? 0) > 0)
  assert.ok((listed?.remainingMs ?? 0) > 50_000)
  await table.lift('remora-a')
  assert.deepEqual(await table.list(), [])
  assert.equal(await reaches(8080), true)
})

test('a connection that is open already is cut as well, whichever end is talking', async (t) => {
  const lab = await labFor(t)
  if (lab === undefined) return
  await lab.table.prepare()
  const stream = await lab.openStream(8080)
  await stream.receives()
  await lab.table.enforce('remora-a', block({ from: CLIENT }), 60_000)
  assert.equal(await stream.isSilent(), true)
})

test('the kernel forgets a rule by itself', async (t) => {
  const lab = await labFor(t)
  if (lab === undefined) return
  await lab.table.enforce('remora-a', block({ from: `${CLIENT}/24`, to: SERVER }), 2000)
  assert.equal(await lab.reaches(8080), false)
  await lab.untilReached(8080)
  assert.deepEqual(await lab.table.list(), [])
  await lab.table.tidy()
  assert.doesNotMatch((await lab.nft(['-j', 'list', 'table', 'inet', 'remora'])) ?? '', /remora-a/)
})

test('of what goes to an address that is held, only what some rule allows passes', async (t) => {
  const lab = await labFor(t)
  if (lab === undefined) return
  const allow = (rule: Parameters<typeof readHostRule>[1]): HostRule => readHostRule('allow', rule)
  await lab.table.enforce('remora-a', allow({ to: SERVER, from: CLIENT, ports: 8080 }), 60_000)
  assert.equal(await lab.reaches(8080), true)
  assert.equal(await lab.reaches(8081), false)
  await lab.table.enforce('remora-b', allow({ to: SERVER, from: '10.77.0.0/16', ports: 8081 }), 60_000)
  assert.equal(await lab.reaches(8081), true)
  assert.equal(await lab.serverReaches(), true, 'what the held address opens itself is not held')
})

test('no other table is touched, and the whole of ours can go', async (t) => {
  const lab = await labFor(t)
  if (lab === undefined) return
  await lab.nft(['add', 'table', 'inet', 'theirs'])
  await lab.nft(['add', 'chain', 'inet', 'theirs', 'mine', '{ type filter hook input priority 0; }'])
  const before = await lab.nft(['list', 'table', 'inet', 'theirs'])
  await lab.table.enforce('remora-a', block({ from: CLIENT }), 60_000)
  await lab.table.clear()
  assert.equal(await lab.nft(['list', 'table', 'inet', 'theirs']), before)
  assert.deepEqual(await lab.table.list(), [])
  assert.equal(await lab.reaches(8080), true)
})

test('a missing program and a missing right are named', async (t) => {
  if (!hasTools(t, 'nft', 'setpriv')) return
  const nowhere = new HostTable(nftBy(['/nowhere/nft']))
  await assert.rejects(nowhere.prepare(), { code: 'E_POLICY', message: /nft cannot be run/ })
  const table = new HostTable(nftBy(['setpriv', '--reuid=65534', '--clear-groups', 'nft']))
  await assert.rejects(table.prepare(), { code: 'E_POLICY', message: /NET_ADMIN/ })
})

async function labFor(t: TestContext) {
  const net = await twoMachines(t)
  if (net === undefined) return undefined
  const nft = nftBy(net.server.command('nft'))
  await net.server.serve(8080, 8081)
  await net.client.serve(8080)
  return {
    nft,
    table: new HostTable(nft),
    reaches: (port: number) => net.client.reaches(SERVER, port),
    serverReaches: () => net.server.reaches(CLIENT, 8080),
    untilReached: (port: number) => until(() => net.client.reaches(SERVER, port)),
    openStream: (port: number) => net.client.openStream(SERVER, port),
  }
}
