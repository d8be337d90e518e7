import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { FakeKubernetes } from '../../../test/kube/fake-kubernetes.ts'
import { kubeconfigFile } from '../../../test/kube/kubeconfig.ts'
import { hasTools } from '../../testing/loopback.ts'
import { freePorts, untilListening } from '../../testing/ports.ts'
import { startProgram } from '../../testing/programs.ts'
import { type Finished, type RunInside, remora, withFiles } from '../../testing/remora.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import type { Finding } from '../doctor/finding.ts'
import { clock } from '../doctor/machine.ts'

/** Nobody can make a folder there. */
const NOWHERE = '/dev/null/nowhere'

describe('remora doctor', () => {
  test('names the node, the sandbox, the capture program and the interfaces', async () => {
    const { code, stdout, stderr } = await doctor([])
    assert.equal(code, 0, stderr + stdout)
    for (const what of ['configuration', 'node', 'sandbox', 'jail', 'live capture', 'interface lo', 'clock'])
      assert.match(stdout, new RegExp(`^ {2}${what} {2,}\\S`, 'm'))
  })

  test('says which program captures, and what it lacks', async () => {
    const fake = (refusal: string) =>
      `#!/bin/sh\n[ "$1" = -D ] && { echo "1. any"; exit 0; }\n${refusal === '' ? 'exit 0' : `echo '${refusal}' >&2; exit 2`}\n`
    const refusal = 'dumpcap: You do not have permission to capture on device "any".'
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ dumpcap: fake('') }, /live capture +ok +\S+dumpcap may capture on every interface/],
      [{ dumpcap: fake(refusal) }, /live capture +not possible +dumpcap may not capture on any; .*setcap/],
    ]
    for (const [files, words] of cases)
      await withFiles(files, async (folder) => {
        chmodSync(join(folder, 'dumpcap'), 0o755)
        const { code, stdout } = await doctor([], { env: { PATH: `${folder}:${process.env.PATH}` } })
        assert.equal(code, 0)
        assert.match(stdout, words)
      })
  })

  test('keeps the sandbox with the temporary files of a user without a home to write to', async () => {
    await withFiles({}, async (folder) => {
      const env = { HOME: NOWHERE, XDG_CACHE_HOME: '', TMPDIR: folder }
      const { code, stdout, stderr } = await doctor([], { env })
      assert.equal(code, 0, stderr)
      const uid = process.getuid?.()
      assert.match(stdout, new RegExp(`jail +ok +${join(folder, `remora-${uid}`, 'jail-')}`))
    })
  })

  test('asks for a folder rather than use one that others can write to', async () => {
    await withFiles({}, async (folder) => {
      const env = { HOME: NOWHERE, XDG_CACHE_HOME: '' }
      const open = join(folder, `remora-${process.getuid?.()}`)
      mkdirSync(open)
      chmodSync(open, 0o777)
      for (const TMPDIR of [NOWHERE, folder]) {
        const { code, stdout } = await doctor([], { env: { ...env, TMPDIR } })
        assert.equal(code, 2)
        assert.match(
          stdout,
          /jail +not possible .*needs a folder for its files, and cannot write to.*XDG_CACHE_HOME/,
        )
      }
    })
  })

  test('looks at the rest though the configuration cannot be used', async () => {
    await withFiles({ 'remora.yaml': 'nats:\n  ulr: x\n' }, async (folder) => {
      const finished = await doctor(['--json'], { cwd: folder })
      assert.equal(finished.code, 2)
      const findings = found(finished)
      assert.match(findings.get('configuration')?.why ?? '', /remora\.yaml:2:3: there is no key nats\.ulr/)
      assert.equal(findings.get('configuration')?.hint, 'did you mean nats.url?')
      assert.equal(findings.get('node')?.state, 'ok')
    })
  })

  test('says which settings nothing reads yet, and what is not read of the traffic', async () => {
    const finished = await doctor([
      '--json',
      '--set',
      'tap.defaultFilter=x',
      '--set',
      'tap.enabledDissectors[0]=http',
    ])
    assert.equal(finished.code, 0)
    const findings = found(finished)
    assert.match(findings.get('configuration')?.why ?? '', /nothing reads (.*, )?tap\.defaultFilter(,| yet)/)
    assert.match(findings.get('protocols')?.why ?? '', /^http; not .*redis/)
  })

  test('looks for room where the configuration puts things', async (t) => {
    const folder = await tempFolder(t)
    const data = join(folder, 'deep', 'data')
    const good = await doctor(['--json', '--set', `scripting.data=${data}`])
    assert.equal(good.code, 0)
    assert.match(found(good).get('folder scripting.data')?.why ?? '', /data \(will be made\), .* free/)
    const bad = await doctor(['--json', '--set', `hub.state=${NOWHERE}`])
    assert.equal(bad.code, 2)
    assert.equal(found(bad).get('folder hub.state')?.state, 'not possible')
  })

  test('names who listens on our ports', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const finished = await doctor(['--json', '--set', `tap.metrics.port=${port}`])
    server.close()
    assert.equal(finished.code, 0)
    const finding = found(finished).get(`port ${port}`)
    assert.equal(finding?.state, 'warning')
    if (process.platform === 'linux') assert.match(finding.why, new RegExp(`process ${process.pid}\\)`))
  })

  test('proves that NATS can be used, and says why not without telling secrets', async (t) => {
    if (!hasTools(t, 'nats-server')) return
    const port = await nats(t, ['-js', '--user', 'ann', '--pass', 'hunter2hunter2'])
    const url = ['--set', `nats.url=nats://127.0.0.1:${port}`, '--set', 'nats.user=ann']
    const good = await doctor(['--json', ...url, '--set', 'nats.password=hunter2hunter2'])
    assert.equal(good.code, 0, good.stdout)
    assert.match(found(good).get('nats')?.why ?? '', /server \d+\.\d+.*answers in/)
    assert.match(found(good).get('jetstream')?.why ?? '', /on, streams may be made; our clock is \d+ ms/)
    const bad = await doctor(['--json', ...url, '--set', 'nats.password=wrongwrongwrong'])
    assert.equal(bad.code, 2)
    assert.match(found(bad).get('nats')?.hint ?? '', /nats\.password/)
    const inside = `nats.url=nats://ann:hunter2hunter2@127.0.0.1:${(await freePorts(1))[0]}`
    const gone = await doctor(['--set', inside])
    assert.equal(gone.code, 2)
    for (const { stdout, stderr } of [bad, gone]) assert.doesNotMatch(stdout + stderr, /hunter2|wrongwrong/)
  })

  test('says when NATS keeps nothing', async (t) => {
    if (!hasTools(t, 'nats-server')) return
    const port = await nats(t, [])
    const finished = await doctor(['--json', '--set', `nats.url=127.0.0.1:${port}`])
    assert.equal(finished.code, 2)
    assert.equal(found(finished).get('nats')?.state, 'ok')
    assert.match(found(finished).get('jetstream')?.hint ?? '', /-js/)
  })

  test('asks the hub and ClickHouse whether they are there', async (t) => {
    const asked: (string | undefined)[] = []
    const server = createServer(({ url, headers }, response) => {
      asked.push(url)
      const isWelcome = url === '/healthz' || headers['x-clickhouse-key'] === 'right'
      response.writeHead(isWelcome ? 200 : 403).end(url === '/healthz' ? '{}' : '18.16.1\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const settings = ['entries.store=clickhouse', `entries.clickhouse.url=http://127.0.0.1:${port}`]
    const common = ['--json', ...settings.flatMap((each) => ['--set', each])]
    const hubThere = ['--set', `tap.proxy.front.port=${port}`]
    const good = await doctor([...common, '--set', 'entries.clickhouse.password=right', ...hubThere])
    assert.equal(good.code, 0, good.stdout)
    assert.match(found(good).get('clickhouse')?.why ?? '', /version 18\.16\.1/)
    assert.match(found(good).get('hub')?.why ?? '', /healthz answers$/)
    const bad = await doctor([...common, '--set', 'entries.clickhouse.password=wrong'])
    assert.equal(bad.code, 2)
    assert.match(found(bad).get('clickhouse')?.why ?? '', /answers 403/)
    assert.equal(found(bad).get('hub')?.state, 'warning')
  })

  test('misses a Kubernetes that agents are to be kept in', async () => {
    const outside = await doctor(['--json', '--set', 'hub.store=configmap'])
    assert.equal(outside.code, 2)
    assert.match(found(outside).get('kubernetes')?.why ?? '', /KUBERNETES_SERVICE_HOST is not set/)
    const [port] = await freePorts(1)
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) }
    const inside = await doctor(['--json'], { env })
    assert.equal(inside.code, 0)
    assert.match(found(inside).get('kubernetes')?.why ?? '', /serviceaccount\/namespace/)
  })

  test('names the rights that are missing in a cluster', async (t) => {
    const fake = await FakeKubernetes.start(t)
    const kubeconfig = await kubeconfigFile(t, { test: { url: fake.url, token: 'ours' } })
    const look = async (...more: readonly string[]) => {
      const set = [`kubernetes.kubeconfig=${kubeconfig}`, ...more].flatMap((each) => ['--set', each])
      return found(await doctor(['--json', ...set])).get('kubernetes')
    }
    const groups = { apiGroups: ['', 'discovery.k8s.io'] }
    const names = ['services', 'endpointslices', 'pods']
    fake.addUser('ours', 'remora', [
      { verbs: ['list', 'watch'], ...groups, resources: names.slice(0, 2) },
      { verbs: ['list'], ...groups, resources: ['pods'] },
    ])
    const some = await look()
    assert.equal(some?.state, 'warning')
    assert.match(some?.why ?? '', /does not let us list nodes, watch nodes, watch pods$/)
    fake.addUser('ours', 'remora', [
      { verbs: ['list', 'watch'], ...groups, resources: names, namespaces: ['shop'] },
    ])
    assert.equal((await look('kubernetes.namespaces[0]=shop'))?.state, 'ok')
    assert.equal(await look('kubernetes.enabled=off'), undefined)
  })

  test('sees a clock that is behind', () => {
    assert.equal(clock(Date.now()).state, 'ok')
    assert.equal(clock(Date.UTC(1970, 0, 2)).state, 'warning')
  })
})

/** On a port where nobody is, whatever else runs on this machine. */
async function doctor(args: readonly string[], options: RunInside = {}): Promise<Finished> {
  const [front, metrics] = await freePorts(2)
  const ports = [`tap.proxy.front.port=${front}`, `tap.metrics.port=${metrics}`]
  return remora(['doctor', ...ports.flatMap((each) => ['--set', each]), ...args], options)
}

function found({ stdout }: Finished): Map<string, Finding> {
  return new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.what, finding]))
}

async function nats(t: TestContext, args: readonly string[]): Promise<number> {
  const [port = 0] = await freePorts(1)
  const folder = await tempFolder(t)
  const server = startProgram(t, 'nats-server', [
    '-a',
    '127.0.0.1',
    '-p',
    String(port),
    '-sd',
    folder,
    ...args,
  ])
  await untilListening(port, server)
  return port
}
