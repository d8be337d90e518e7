import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readHostRule } from '../policy/host-rule.ts'
import { cutByRule } from '../policy/protection.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { guardedHere } from './guarded.ts'

const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

for (const [rule, what] of [
  [{ to: '10.9.0.53' }, 'the DNS resolver'],
  [{ ports: 'udp/53' }, 'the DNS resolver'],
  [{ to: '10.9.0.4', ports: 4222 }, 'NATS'],
  [{ to: '10.9.0.0/24', ports: '6000-7000' }, 'the API server'],
  [{ to: '10.9.0.7', ports: 49_100 }, 'Remora itself'],
  [{ from: '10.9.0.7', to: '10.9.0.4' }, 'NATS'],
  [{ to: '10.9.0.7', ports: 80 }, undefined],
  [{ from: '203.0.113.7' }, undefined],
] as const)
  test(`${JSON.stringify(rule)} cuts ${what ?? 'nothing that must not be cut'}`, async (t) => {
    if (own === undefined) return t.skip('this machine has no address but the loopback')
    const cut = cutByRule(await guarded(t), readHostRule('block', rule))
    assert.equal(cut?.what, what)
  })

test('to allow some alone what everybody needs cuts it, too', async (t) => {
  if (own === undefined) return t.skip('this machine has no address but the loopback')
  const rule = readHostRule('allow', { to: '10.9.0.53', from: '203.0.113.7' })
  assert.equal(cutByRule(await guarded(t), rule)?.what, 'the DNS resolver')
})

test('where a program of this machine answers, those that it asks are not cut', async (t) => {
  if (own === undefined) return t.skip('this machine has no address but the loopback')
  const rule = readHostRule('block', { to: '10.9.0.54', ports: 'udp/53' })
  assert.equal(cutByRule(await guarded(t), rule), undefined)
  assert.equal(cutByRule(await guarded(t, '127.0.0.53'), rule)?.what, 'the DNS resolver')
})

async function guarded(t: TestContext, resolver = '10.9.0.53') {
  const folder = await tempFolder(t)
  const resolvConf = join(folder, 'resolv.conf')
  writeFileSync(resolvConf, `# ours\nsearch local\nnameserver ${resolver}\n`)
  const upstream = join(folder, 'upstream.conf')
  writeFileSync(upstream, 'nameserver 10.9.0.54\n')
  return guardedHere({
    bus: 'nats://10.9.0.4:4222, nats://10.9.0.5:4222',
    ours: ['10.9.0.7:49100', '10.9.0.8:9100', ''],
    resolvers: { resolvConf, upstream },
    environment: { KUBERNETES_SERVICE_HOST: '10.9.0.1', KUBERNETES_SERVICE_PORT: '6443' },
  })
}
