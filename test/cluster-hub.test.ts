import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { startTestApi, TOKENS, WITH_TOKENS } from '../src/testing/api.ts'
import { hasTools } from '../src/testing/loopback.ts'
import { remora } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { certificateFor } from './kube/certificate.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { hubPod } from './kube/hub-pod.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'
import { PortForwards } from './kube/port-forward.ts'

describe('commands for a hub in a cluster', () => {
  test('find it by the context, and forward its port themselves', async (t) => {
    const { fake, args, hub } = await started(t)
    await hub.createAgent({ title: 'DNS counter', code: '// DNS counter\n' }, 'ann')
    const { code, stdout, stderr } = await remora(['agents', 'list', ...args])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /DNS counter/)
    assert.ok(fake.seen.some((asked) => asked.includes('/pods/remora-hub-1/portforward?ports=8899')))
  })

  test('take the token out of the secret of the release', async (t) => {
    const { fake, args } = await started(t, WITH_TOKENS)
    const without = await remora(['agents', 'list', ...args])
    assert.equal(without.code, 2)
    assert.match(without.stderr, /the hub wants a token, and none was found: .*remora-secret.*\n.*--token/)
    const token = Buffer.from(TOKENS.viewer).toString('base64')
    fake.put('remora-secret', { data: { HUB_TOKEN: token } }, 'secrets')
    const { code, stderr } = await remora(['agents', 'list', ...args])
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('take the token out of the secret that the hub has it from', async (t) => {
    const { fake, args } = await started(t, WITH_TOKENS)
    const pod = hubPod('remora') as { spec: { containers: readonly object[] } }
    const valueFrom = { secretKeyRef: { name: 'mine', key: 'HUB_TOKEN' } }
    const containers = pod.spec.containers.map((each) => ({
      ...each,
      env: [{ name: 'HUB_TOKEN', valueFrom }],
    }))
    fake.put('remora-hub-1', { ...pod, spec: { containers } }, 'pods')
    const data = { HUB_TOKEN: Buffer.from(`${TOKENS.viewer}\n`).toString('base64') }
    fake.put('mine', { data }, 'secrets')
    const { code, stderr } = await remora(['agents', 'list', ...args])
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('take no more rights than the documentation says, in the namespace of the release', async (t) => {
    const { fake, args, hub } = await started(t, WITH_TOKENS)
    await hub.createAgent({ title: 'DNS counter', code: '// DNS counter\n' }, 'ann')
    fake.put('remora-hub-1', hubPod('remora'), 'pods', 'traffic')
    const token = Buffer.from(TOKENS.viewer).toString('base64')
    fake.put('remora-secret', { data: { HUB_TOKEN: token } }, 'secrets', 'traffic')
    const namespaces = ['traffic']
    fake.addUser('a token', 'ann', [
      { verbs: ['list'], resources: ['pods'], namespaces },
      { verbs: ['get', 'create'], resources: ['pods/portforward'], namespaces },
      { verbs: ['get'], resources: ['secrets'], resourceNames: ['remora-secret'], namespaces },
    ])
    const { code, stdout, stderr } = await remora(['agents', ...args, '-s', 'traffic'])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /DNS counter/)
    const elsewhere = await remora(['agents', ...args])
    assert.equal(elsewhere.code, 2)
    assert.match(
      elsewhere.stderr,
      /"ann" cannot list resource "pods".*\n.*right to list pods in namespace default/,
    )
  })

  test('reach one that has a certificate, whose name is none of this machine', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const folder = await tempFolder(t)
    const files = await Promise.all(
      ['hub', 'other'].map(async (name) => {
        const { cert, key } = await certificateFor('hub.example.com')
        const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) }
        await writeFile(paths.cert, cert)
        await writeFile(paths.key, key)
        return paths
      }),
    )
    const [own, other] = files
    const { fake, args, hub } = await started(t, { hub: { ...WITH_TOKENS.hub, tls: own } })
    await hub.createAgent({ title: 'DNS counter', code: '// DNS counter\n' }, 'ann')
    const token = Buffer.from(TOKENS.author).toString('base64')
    fake.put('remora-secret', { data: { HUB_TOKEN: token } }, 'secrets')
    const unnamed = await remora(['agents', ...args])
    assert.equal(unnamed.code, 2)
    assert.match(unnamed.stderr, /without an answer\n.*its port has to be called https.*--hub-ca/)
    assert.match((await remora(['agents', ...args, '--hub-ca', own?.cert ?? ''])).stdout, /DNS counter/)
    fake.put('remora-hub-1', hubPod('remora', 'https'), 'pods')
    const { code, stdout, stderr } = await remora(['agents', ...args])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /DNS counter/)
    const strange = await remora(['agents', ...args, '--hub-ca', other?.cert ?? ''])
    assert.equal(strange.code, 2)
    assert.match(strange.stderr, /no TLS with port 8899 .*\n.*not of the authority that --hub-ca names/)
    const console = new Running(t, folder, ['console', ...args])
    await until(() => hub.followers === 1)
    hub.print({ text: 'over TLS' })
    await console.says(/over TLS/)
    assert.equal(await console.stop(), 0)
  })

  for (const [what, wrong, says] of [
    ['no kubeconfig', { args: ['--kubeconfig', '/no/such'] }, /kubeconfig \/no\/such cannot be read/],
    ['no such context', { args: ['--context', 'prod'] }, /no context "prod".*\n.*contexts: here, there/],
    ['no such release', { args: ['--release', 'x'] }, /no release "x" .*\n.*releases: remora \(-s default\)/],
    ['no right to forward', { refuse: 'portforward' }, /\n.*rights to get and create pods\/portforward/],
    ['no right to list pods', { refuse: 'GET /api/v1/namespaces/default/pods' }, /\n.*right to list pods/],
  ] as const)
    test(`say what is wrong when there is ${what}`, async (t) => {
      const { fake, args } = await started(t)
      const { refuse = '', args: other = [] } = wrong as { refuse?: string; args?: readonly string[] }
      if (refuse !== '') fake.fail({ kind: 'status', code: 403 }, (asked) => asked.includes(refuse))
      const { code, stdout, stderr } = await remora(['agents', 'list', ...args, ...other])
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, says)
    })
})

async function started(t: TestContext, settings: Parameters<typeof startTestApi>[1] = {}) {
  const { hub, url } = await startTestApi(t, settings)
  const fake = await FakeKubernetes.start(t)
  const { hostname: host, port } = new URL(url)
  const forwards = new PortForwards(() => ({ host, port: Number(port) }))
  t.after(() => forwards.close())
  fake.forwards = forwards
  fake.put('remora-hub-1', hubPod('remora'), 'pods')
  const file = await kubeconfigFile(t, { here: { url: fake.url }, there: { url: 'http://127.0.0.1:1' } })
  return { hub, fake, forwards, args: ['--kubeconfig', file], folder: await tempFolder(t) }
}
