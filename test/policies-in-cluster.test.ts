import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { HubClient } from '../src/client/hub-client.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { remora } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import type { Rule } from './kube/access.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'

/** What the chart gives a hub, as docs/policies.md and docs/kubernetes.md list it. */
const FOLLOWING: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods', 'services', 'nodes'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
]
const ENFORCING: readonly Rule[] = [
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['networkpolicies'],
    verbs: ['get', 'list', 'create', 'update', 'delete'],
  },
  { apiGroups: [''], resources: ['pods'], verbs: ['patch'] },
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['get'] },
]
const OWNER = 'remora-enforcement'
const BLOCK = `{ block: { pod: 'web-1', namespace: 'shop' } }`

describe('policies of agents in a cluster, with two hubs', () => {
  test('outlive the hub that has put them in force, once each, and go when their time is up', async (t) => {
    const lab = await started(t)
    if (lab === undefined) return
    const { fake, hubs, applied, policies, blockedBy } = lab
    fake.put('theirs', THEIRS, 'networkpolicies', 'shop')
    fake.put('remora-theirs', { ...THEIRS, metadata: { labels: { team: 'web' } } }, 'networkpolicies', 'shop')
    const theirs = () =>
      ['theirs', 'remora-theirs'].map(
        (name) => fake.find(name, 'networkpolicies', 'shop')?.metadata.resourceVersion,
      )
    const before = theirs()
    await applied('Guard', BLOCK, '15s')
    const [policy] = policies()
    const name = policy?.metadata.name ?? ''
    assert.equal(blockedBy('web-1'), name)
    const version = policy?.metadata.resourceVersion

    const [leads, other] = hubs.sort((one, two) => Number(hasLed(two)) - Number(hasLed(one)))
    assert.deepEqual(hubs.map(hasLed), [true, false])
    const wanted = await listed(leads, t)
    await leads?.stop('SIGKILL')
    await other?.says(/this hub leads/)
    const client = await other?.client(t)
    await until(async () => ((await known(client))[0]?.name ?? '') === name)
    // As it was: told the same, written by nobody a second time.
    assert.deepEqual(await listed(other, t), wanted)
    assert.deepEqual(
      policies().map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
      [[name, version]],
    )

    await until(() => policies().length === 0 && blockedBy('web-1') === undefined)
    const expires = wanted[0]?.expiresAt ?? 0
    assert.ok(Date.now() >= expires, 'not before its time')
    await until(async () => (await known(client)).length === 0)
    assert.match((other?.stderr ?? '') + (other?.stdout ?? ''), /a policy was lifted.*its time is up/)
    assert.deepEqual(theirs(), before)
  })

  test('are lifted by whoever asks any hub, with their agent, and by a hub that may not enforce', async (t) => {
    const lab = await started(t)
    if (lab === undefined) return
    const { hubs, hubOf, applied, policies, blockedBy } = lab
    const { id, client } = await applied('Guard', BLOCK, '1h')
    const [policy] = policies()
    const name = policy?.metadata.name ?? ''
    const follows = hubs.find((hub) => !hasLed(hub))
    await follows?.says(/the API is at \S+,/)
    const cli = (...args: readonly string[]) =>
      remora(['policies', ...args, '--hub-url', follows?.apiUrl ?? ''])
    assert.match((await cli('list')).stdout, new RegExp(`${name} +block pod shop/web-1 +Guard +a test +in `))
    const { code, stdout } = await cli('remove', name)
    assert.deepEqual([code, stdout], [0, 'block pod shop/web-1 is lifted\n'])
    assert.deepEqual([policies(), blockedBy('web-1')], [[], undefined])
    const { effects } = await client.effects({ helper: 'policy.apply', limit: 10 })
    assert.deepEqual(
      effects.map(({ title, target, outcome }) => [title, target, outcome]),
      [['Guard', 'block pod shop/web-1', 'ok']],
    )
    const audits = (await Promise.all(hubs.map(async (hub) => (await hub.client(t)).audits(10)))).flat()
    assert.ok(
      audits.some(
        ({ action, target, outcome }) => `${action} ${target} ${outcome}` === `policy.remove ${name} done`,
      ),
      JSON.stringify(audits),
    )
    const again = await cli('remove', name)
    assert.equal(again.code, 2)
    assert.match(again.stderr, /there is no policy/)

    for (const end of [() => client.updateAgent(id, { active: false }), () => client.deleteAgent(id)]) {
      await client.updateAgent(id, { code: script('Guard', BLOCK, '1h'), active: true })
      await until(() => policies().length === 1)
      await end()
      await until(() => policies().length === 0 && blockedBy('web-1') === undefined)
    }

    await applied('Other', BLOCK, '1h')
    assert.equal(policies().length, 1)
    for (const hub of hubs) await hub.stop()
    assert.equal(policies().length, 1, 'a hub that ends leaves what is in force')
    const off = await hubOf('scripting.allowEnforcement=false')
    await until(() => policies().length === 0 && blockedBy('web-1') === undefined)
    assert.equal(await off.stop(), 0)
  })

  test('go with the role that owns them, and none is put in force without it', async (t) => {
    const lab = await started(t, { hubs: 1 })
    if (lab === undefined) return
    const { fake, applied, policies } = lab
    const { id, client } = await applied('Guard', BLOCK, '1h')
    fake.remove(OWNER, 'clusterroles')
    await until(() => policies().length === 0)
    await until(async () => (await known(client)).length === 0)
    await client.updateAgent(id, { code: script('Guard', BLOCK, '1h') })
    const said = async () => (await client.console({ last: 100 })).map(({ text }) => text).join('\n')
    await until(
      async () => /there is no ClusterRole remora-enforcement, with which policies go/.test(await said()),
      said,
    )
    assert.deepEqual(policies(), [])
  })

  for (const [verb, resource] of [
    ['create', 'networkpolicies'],
    ['get', 'networkpolicies'],
    ['update', 'networkpolicies'],
    ['list', 'networkpolicies'],
    ['delete', 'networkpolicies'],
    ['patch', 'pods'],
    ['get', 'clusterroles'],
  ] as const)
    test(`say that the right to ${verb} ${resource} is missing, and nothing else suffers`, async (t) => {
      const rules = ENFORCING.map((rule) =>
        rule.resources?.includes(resource)
          ? { ...rule, verbs: rule.verbs.filter((each) => each !== verb) }
          : rule,
      )
      const lab = await started(t, { rules, hubs: 1 })
      if (lab === undefined) return
      const [hub] = lab.hubs
      const client = await hub?.client(t)
      // Put in force, made longer, removed, and put in force again, whatever comes of it.
      const code = `// Tries
var at = 0
jobs.schedule('try', '* * * * * *', function () {
  if (at++ % 3 < 2) policy.apply(Object.assign({ ttl: '1h' }, ${BLOCK}))
  else policy.list().policies.forEach(function (each) { policy.remove(each.name) })
})`
      await client?.createAgent({ title: 'Tries', code, active: true })
      const said = async () => {
        const lines = (await client?.console({ last: 1000 })) ?? []
        return [...lines.map(({ text }) => text), hub?.stdout, hub?.stderr].join('\n')
      }
      await until(async () => new RegExp(`right to ${verb} ${resource}`).test(await said()), said)
      assert.equal((await client?.agent('Tries'))?.active, true)
    })
})

async function listed(hub: Running | undefined, t: TestContext) {
  return (await known(await hub?.client(t))).map(({ name, summary, agentTitle, reason, expiresAt }) => ({
    ...{ name, summary, agentTitle, reason, expiresAt },
  }))
}

/** While nobody leads nobody knows. */
async function known(client: HubClient | undefined) {
  return (await client?.policies().catch(() => undefined))?.policies ?? []
}

function hasLed({ stderr, stdout }: Running): boolean {
  return /this hub leads/.test(stderr + stdout)
}

async function started(
  t: TestContext,
  { rules = ENFORCING, hubs: count = 2 }: { readonly rules?: readonly Rule[]; readonly hubs?: number } = {},
) {
  const server = await natsServer(t)
  if (server === undefined) return undefined
  const fake = await FakeKubernetes.start(t, { rbac: true, controllers: ['garbage-collector'] })
  fake.put(OWNER, { rules: [] }, 'clusterroles')
  const token = fake.addServiceAccount('remora', 'hub', [...FOLLOWING, ...rules])
  fake.put('web-1', pod('10.0.0.1', { app: 'web' }), 'pods', 'shop')
  fake.put('web-2', pod('10.0.0.2', { app: 'web' }), 'pods', 'shop')
  fake.put('dns-1', pod('10.0.0.53', { 'k8s-app': 'kube-dns' }), 'pods', 'kube-system')
  const kubeconfig = await kubeconfigFile(t, { test: { url: fake.url, token } })
  const settings = [
    ...[`kubernetes.kubeconfig=${kubeconfig}`, 'hub.store=nats', 'logLevel=info'],
    ...['scripting.allowEnforcement=true', `scripting.enforcement.owner=${OWNER}`],
  ]
  const hubOf = async (...more: readonly string[]) =>
    new Running(t, await tempFolder(t), [
      'hub',
      '--nats',
      server.url,
      ...[...settings, ...more].flatMap((each) => ['--set', each]),
    ])
  const hubs: Running[] = []
  for (let at = 0; at < count; at++) hubs.push(await hubOf())
  await until(() => hubs.some(hasLed))
  const policies = () =>
    fake
      .objects('networkpolicies')
      .filter(({ metadata }) => labelsOf(metadata)['app.kubernetes.io/managed-by'] === 'remora')
  /** A script puts it in force by a job on the hub that leads; then it is idle. */
  const applied = async (title: string, rule: string, ttl: string) => {
    const client = await hubs.find(hasLed)?.client(t)
    assert.ok(client !== undefined)
    const others = policies().length
    const { id } = await client.createAgent({ title, code: script(title, rule, ttl), active: true })
    await until(
      () => policies().length > others,
      () => hubs.map(({ stderr, stdout }) => stderr + stdout).join('\n'),
    )
    await until(async () => (await known(client)).length > 0)
    await client.updateAgent(id, { code: `// ${title}, idle` })
    return { id, client }
  }
  const blockedBy = (name: string) =>
    labelsOf(fake.find(name, 'pods', 'shop')?.metadata ?? {})['remora.internal/blocked']
  return { fake, hubs, hubOf, applied, policies, blockedBy, server }
}

function script(title: string, rule: string, ttl: string): string {
  return `// ${title}
jobs.schedule('apply', '* * * * * *', function () {
  console.log(policy.apply(Object.assign({ ttl: '${ttl}', reason: 'a test' }, ${rule})).text)
}, 1)`
}

function labelsOf(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return (metadata.labels ?? {}) as Record<string, string>
}

function pod(podIP: string, labels: object) {
  return {
    metadata: { labels },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'nginx' }] },
    status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
  }
}

const THEIRS = { spec: { podSelector: {}, policyTypes: ['Ingress'] } }
