import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { kubeTools } from '../src/testing/kube-tools.ts'
import { hasTools } from '../src/testing/loopback.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { certificateFor } from './kube/certificate.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

const DEFINITION = join(REPOSITORY, 'deploy/helm/remora/crds/networkagents.yaml')
const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

describe('NetworkAgent resources, with the real kubectl', () => {
  test('become agents, say how these do, and go with them', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { kubectl, hub } = cluster
    await kubectl('apply', '-f', DEFINITION)
    await kubectl('wait', '--for=condition=Established', 'crd/networkagents.remora.internal')
    const file = join(cluster.folder, 'agent.yaml')
    await writeFile(file, resource('dns', { code: '// DNS counter\nvar n = 0\n' }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Ready', 'networkagent/dns', '--timeout=60s')
    const [head = '', line = ''] = (await kubectl('get', 'nagent')).split('\n')
    assert.match(head, /^NAME +TITLE +ACTIVE +READY +REASON +NODES +VERSION +AGE$/)
    assert.match(line, /^dns +DNS counter +true +True +Running +2\/2 +1 /)
    const [agent] = await hub.agents()
    assert.deepEqual(
      [agent?.title, agent?.active, agent?.source?.path],
      ['DNS counter', true, 'kubernetes/default/networkagents/dns'],
    )

    // What it says counts, and nobody else.
    await assert.rejects(hub.updateAgent(agent?.id ?? '', { active: false }), /is NetworkAgent default\/dns/)
    await assert.rejects(
      hub.deleteAgent(agent?.id ?? ''),
      /kubectl -n default edit networkagent dns|NetworkAgent/,
    )
    await kubectl('patch', 'nagent', 'dns', '--type=merge', '-p', '{"spec":{"title":"DNS"}}')
    await until(async () => (await hub.agents())[0]?.title === 'DNS')

    // A mistake is said with its place, and the version before runs on.
    await writeFile(file, resource('dns', { code: '// DNS\nvar n = ;\n' }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Accepted=False', 'networkagent/dns', '--timeout=60s')
    const wide = await kubectl('get', 'nagent', 'dns', '-o', 'wide')
    assert.match(wide, /False +SyntaxError .*:2:9: Unexpected token/)
    assert.equal((await hub.agents())[0]?.code, '// DNS counter\nvar n = 0\n')

    await kubectl('delete', 'nagent', 'dns')
    await until(async () => (await hub.agents()).length === 0)
  })

  test('leave agents alone that have their title, and take their code from config maps', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { kubectl, hub, folder } = cluster
    await kubectl('apply', '-f', DEFINITION)
    const ours = await hub.createAgent({ title: 'Mine', code: 'var mine' })
    await writeFile(join(folder, 'a.yaml'), resource('a', { title: 'Mine', code: 'var theirs' }))
    await writeFile(join(folder, 'b.js'), 'var first')
    await kubectl('create', 'configmap', 'code', `--from-file=${join(folder, 'b.js')}`)
    const from = { configMapKeyRef: { name: 'code', key: 'b.js' } }
    await writeFile(join(folder, 'b.yaml'), resource('b', { title: 'From', codeFrom: from }))
    await kubectl('apply', '-f', join(folder, 'a.yaml'), '-f', join(folder, 'b.yaml'))
    await kubectl('wait', '--for=condition=Accepted=False', 'nagent/a', '--timeout=60s')
    await kubectl('wait', '--for=condition=Ready', 'nagent/b', '--timeout=60s')
    assert.match(
      await kubectl('get', 'nagent', 'a', '-o', 'wide'),
      /Conflict .* has the title "Mine" already/,
    )
    assert.equal((await hub.agent(ours.id)).code, 'var mine')
    await kubectl('patch', 'configmap', 'code', '--type=merge', '-p', '{"data":{"b.js":"var second"}}')
    await until(async () => (await hub.agent('From')).code === 'var second')
    await hub.deleteAgent(ours.id)
    await until(async () => (await hub.agents()).some(({ code }) => code === 'var theirs'))
  })

  test('whose version does not load are taken back, until they say something else', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { kubectl, hub, folder } = cluster
    await kubectl('apply', '-f', DEFINITION)
    const file = join(folder, 'a.yaml')
    await writeFile(file, resource('a', { code: '// A\nvar good' }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Ready', 'nagent/a', '--timeout=60s')
    await writeFile(file, resource('a', { code: "// A\nthrow new Error('boom')" }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Ready=False', 'nagent/a', '--timeout=60s')
    await until(async () => (await kubectl('get', 'nagent', 'a', '-o', 'wide')).includes(' TakenBack '))
    assert.match(await kubectl('get', 'nagent', 'a', '-o', 'wide'), /version 2 did not load on .*boom/)
    const { id, code, version } = await hub.agent('A')
    assert.deepEqual([code, version], ['// A\nvar good', 3])
    // Looked at again, it is left as it is.
    await kubectl('annotate', 'nagent', 'a', 'looked=again')
    await hub.createAgent({ title: 'other', code: '' })
    await until(async () => (await kubectl('get', 'nagent', 'a', '-o', 'yaml')).includes('looked'))
    await writeFile(file, resource('a', { code: '// A\nvar better' }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Ready', 'nagent/a', '--timeout=60s')
    assert.deepEqual(
      (await hub.history(id)).map((each) => each.version),
      [4, 3, 2, 1],
    )
  })

  test('whose definition has gone leave agents that everybody may delete, and nobody has to', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { kubectl, hub, folder, tap } = cluster
    await kubectl('apply', '-f', DEFINITION)
    for (const name of ['a', 'b']) {
      const file = join(folder, `${name}.yaml`)
      await writeFile(file, resource(name, { code: `// ${name}\n` }))
      await kubectl('apply', '-f', file)
      await kubectl('wait', '--for=condition=Ready', `nagent/${name}`, '--timeout=60s')
    }
    await kubectl('delete', 'crd', 'networkagents.remora.internal')
    await tap.says(/The definition networkagents\.remora\.internal is not installed/)
    const [a, b] = await hub.agents()
    await hub.updateAgent(b?.id ?? '', { active: false })
    await hub.deleteAgent(a?.id ?? '')
    assert.deepEqual(
      (await hub.agents()).map(({ title, active }) => `${title} ${active}`),
      ['b false'],
    )
    // It counts again as soon as it is there again.
    await kubectl('apply', '-f', DEFINITION)
    await kubectl('apply', '-f', join(folder, 'b.yaml'))
    await until(async () => (await hub.agents())[0]?.active === true)
    await assert.rejects(hub.deleteAgent(b?.id ?? ''), /is NetworkAgent default\/b/)
  })

  test('of any shape at all harm nothing', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { kubectl, hub, folder, fake } = cluster
    await kubectl('apply', '-f', DEFINITION)
    const file = join(folder, 'bad.yaml')
    await writeFile(file, resource('bad', { code: 17 }))
    await assert.rejects(kubectl('apply', '-f', file), /spec\.code/)
    await writeFile(file, resource('bad', { code: `// ${'x'.repeat(600_000)}` }))
    await assert.rejects(kubectl('apply', '--server-side', '-f', file), /spec\.code.*Too long/)
    // What a definition lets through that somebody has loosened.
    const loose = parse(await readFile(DEFINITION, 'utf8'))
    loose.spec.versions[0].schema.openAPIV3Schema = {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    }
    await writeFile(file, stringify(loose))
    await kubectl('apply', '-f', file)
    const odd = { code: 17, active: 'perhaps', title: { a: 1 } }
    fake.put(
      'odd',
      { metadata: { generation: 1 }, spec: odd, status: { conditions: 'none' } },
      'networkagents',
    )
    fake.put('none', { metadata: { generation: 1 } }, 'networkagents')
    fake.put(
      'huge',
      { metadata: { generation: 1 }, spec: { code: `//${'x'.repeat(600_000)}` } },
      'networkagents',
    )
    await writeFile(file, resource('good', { code: '// Good\n' }))
    await kubectl('apply', '-f', file)
    await kubectl('wait', '--for=condition=Ready', 'nagent/good', '--timeout=60s')
    for (const [name, reason] of [
      ['odd', 'Invalid'],
      ['none', 'Invalid'],
      ['huge', 'TooLarge'],
    ])
      await until(async () => (await kubectl('get', 'nagent', name ?? '')).includes(` ${reason} `))
    assert.deepEqual(
      (await hub.agents()).map(({ title }) => title),
      ['Good'],
    )
  })

  test('need no more than their rights, and without them one line says which is missing', async (t) => {
    const all = { verbs: ['get', 'list', 'watch'], apiGroups: ['', 'discovery.k8s.io'], resources: ['*'] }
    const follow = { verbs: ['list', 'watch'], apiGroups: ['remora.internal'], resources: ['networkagents'] }
    const cluster = await started(t, [all])
    if (cluster === undefined) return
    const { kubectl, fake, tap, hub, folder } = cluster
    await tap.says(
      /not installed: kubectl apply -f networkagents\.yaml|rights list and watch on networkagents/,
    )
    await kubectl('apply', '-f', DEFINITION)
    await writeFile(join(folder, 'a.yaml'), resource('a', { code: '// A\n' }))
    await kubectl('apply', '-f', join(folder, 'a.yaml'))
    fake.addUser('the hub', 'hub', [all, follow])
    await until(async () => (await hub.agents()).length === 1)
    await tap.says(/right patch on networkagents\/status/)
    fake.addUser('the hub', 'hub', [
      ...[all, follow],
      { verbs: ['patch'], apiGroups: ['remora.internal'], resources: ['networkagents/status'] },
    ])
  })
})

function resource(name: string, spec: object): string {
  return JSON.stringify({
    apiVersion: 'remora.internal/v1alpha1',
    kind: 'NetworkAgent',
    metadata: { name },
    spec,
  })
}

async function started(t: TestContext, rules?: Parameters<FakeKubernetes['addUser']>[2]) {
  const tools = await kubeTools(t)
  if (tools === undefined || !hasTools(t, 'openssl')) return undefined
  const folder = await tempFolder(t)
  const tls = await certificateFor('127.0.0.1')
  const fake = await FakeKubernetes.start(t, { tls })
  fake.addUser('an admin', 'admin', [], ['system:masters'])
  fake.addUser('the hub', 'hub', rules, rules === undefined ? ['system:masters'] : [])
  const admin = await kubeconfigFile(t, { admin: { url: fake.url, token: 'an admin', ca: tls.cert } })
  const own = await kubeconfigFile(t, { hub: { url: fake.url, token: 'the hub', ca: tls.cert } })
  const kubectl = async (...args: string[]) => {
    const env = { ...process.env, KUBECONFIG: admin, HOME: folder }
    return (await promisify(execFile)(tools.kubectl, args, { env })).stdout
  }
  const tap = new Running(
    t,
    folder,
    ['tap', '--pcap', SAMPLE, '--node-name', 'n1'],
    ['--set-string', `kubernetes.kubeconfig=${own}`],
  )
  return { fake, folder, kubectl, tap, hub: await tap.client(t) }
}
