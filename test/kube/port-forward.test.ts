import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { KubeConfig, PortForward } from '@kubernetes/client-node'
import { kubeTools } from '../../src/testing/kube-tools.ts'
import { until } from '../../src/testing/until.ts'
import { FakeKubernetes } from './fake-kubernetes.ts'
import { PortForwards } from './port-forward.ts'

describe('port-forwarding of the API server of tests', () => {
  test('is what the real kubectl takes it for', async (t) => {
    const tools = await kubeTools(t)
    if (tools === undefined) return
    const { fake, forwards } = await started(t)
    const child = spawn(
      tools.kubectl,
      ['--server', fake.url, '-n', 'default', 'port-forward', 'pod/web', ':80'],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, KUBECONFIG: '/dev/null' } },
    )
    t.after(async () => {
      if (child.exitCode === null && child.kill()) await once(child, 'exit')
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    await until(
      () => /Forwarding from 127/.test(said) || child.exitCode !== null,
      () => said,
    )
    assert.match(said, /Forwarding from/)
    const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1]
    const bodies = await Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        const answer = await fetch(`http://127.0.0.1:${port}/${n}`, { headers: { connection: 'close' } })
        return answer.text()
      }),
    )
    assert.deepEqual(
      bodies.map((body) => body.length),
      [0, 1, 2, 3, 4].map((n) => LONG + n),
    )
    assert.equal(forwards.count('web'), 1, said)
  })

  test('is what the client library takes it for', async (t) => {
    const { fake } = await started(t)
    const config = new KubeConfig()
    config.loadFromClusterAndUser(
      { name: 'c', server: fake.url, skipTLSVerify: true },
      { name: 'u', token: 't' },
    )
    const [output, errors, input] = [new PassThrough(), new PassThrough(), new PassThrough()]
    await new PortForward(config).portForward('default', 'web', [80], output, errors, input)
    input.write('GET /7 HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n')
    let got = ''
    output.on('data', (chunk) => {
      got += chunk
    })
    await until(
      () => got.length > LONG,
      () => got,
    )
    assert.match(got, /^HTTP\/1\.1 200 OK/)
  })
})

/** Larger than one message. */
const LONG = 100_000

async function started(t: TestContext) {
  const web = createServer((request, response) => {
    response.end('x'.repeat(LONG + Number(request.url?.slice(1))))
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  const { port } = web.address() as AddressInfo
  const fake = await FakeKubernetes.start(t)
  fake.put('web', { status: { phase: 'Running' } }, 'pods')
  const forwards = new PortForwards((_namespace, pod, wanted) =>
    pod === 'web' && wanted === 80 ? { host: '127.0.0.1', port } : undefined,
  )
  fake.forwards = forwards
  t.after(() => {
    forwards.close()
    web.close()
    web.closeAllConnections()
  })
  return { fake, forwards }
}
