import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeKubernetes } from '../../../test/kube/fake-kubernetes.ts'
import { openLocalBus } from '../../bus/local.ts'
import { type ClusterObjects, type KnownChange, readObject } from '../../cluster/objects.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import type { Mistake } from '../../mistake/mistake.ts'
import { PolicyRequests } from '../../node/policy-requests.ts'
import { ClusterEnds } from '../../policy/ends.ts'
import type { FlowEnd, SeenFlow } from '../../policy/flow.ts'
import { readNetworkPolicy } from '../../policy/network-policy.ts'
import { verdict } from '../../policy/verdict.ts'
import { MemoryBucket } from '../../testing/memory-bucket.ts'
import { until } from '../../testing/until.ts'
import type { ClusterKind } from '../../wire/cluster.ts'
import type { PolicyRuleText } from '../../wire/policies.ts'
import { ClusterEnforcement, type ClusterEnforcementOptions } from './cluster-enforcement.ts'
import { PolicyDesk, type PolicyDeskOptions } from './desk.ts'
import type { Seen, SeenRequest } from './history.ts'

const BLOCK: PolicyRuleText = { block: { pod: 'web-1', namespace: 'shop' } }
const BY = { agent: 'a1', title: 'Guard', node: 'n1', index: 1 }
const RULES = [
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['networkpolicies'],
    verbs: ['create', 'get', 'list', 'update', 'delete'],
  },
  { apiGroups: [''], resources: ['pods'], verbs: ['patch'] },
]

test('a blocked pod is marked with a label of its own, and gets back what it was when its time is up', async (t) => {
  const lab = await cluster(t)
  const done = await lab.apply(BLOCK, '10m')
  assert.equal(done.applied, true)
  const object = lab.kube.find(done.name, 'networkpolicies', 'shop')
  assert.deepEqual(object?.spec, {
    podSelector: { matchLabels: { 'remora.internal/blocked': done.name } },
    policyTypes: ['Ingress', 'Egress'],
  })
  const { labels, annotations } = object?.metadata ?? {}
  assert.deepEqual(labels, {
    'app.kubernetes.io/managed-by': 'remora',
    'remora.internal/release-namespace': 'remora',
    'remora.internal/agent': 'a1',
  })
  assert.equal((annotations as Record<string, string>)['remora.internal/reason'], 'a test')
  assert.equal(lab.labelsOf('web-1')['remora.internal/blocked'], done.name)
  assert.equal(lab.labelsOf('web-2')['remora.internal/blocked'], undefined)
  lab.now += 10 * 60_000 + 1
  await lab.desk.sweep()
  assert.equal(lab.kube.find(done.name, 'networkpolicies', 'shop'), undefined)
  assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
  assert.match(lab.told.at(-1) ?? '', /its time is up/)
})

for (const [verb, resource, during] of [
  ['create', 'networkpolicies', 'apply'],
  ['patch', 'pods', 'apply'],
  ['delete', 'networkpolicies', 'remove'],
  ['list', 'networkpolicies', 'look'],
] as const)
  test(`without the right to ${verb} ${resource} a message names it, and nothing is left half done`, async (t) => {
    const rules = RULES.map((rule) =>
      rule.resources.includes(resource)
        ? { ...rule, verbs: rule.verbs.filter((each) => each !== verb) }
        : rule,
    )
    const lab = await cluster(t, { rules })
    const right = new RegExp(`right to ${verb} ${resource}`)
    const named = { code: 'E_POLICY', message: right }
    if (during === 'apply') {
      await assert.rejects(lab.apply(BLOCK), named)
      assert.deepEqual(lab.kube.objects('networkpolicies'), [])
      assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
      assert.deepEqual((await lab.list()).policies, [])
      return
    }
    const { name } = await lab.apply(BLOCK)
    if (during === 'remove') await assert.rejects(lab.remove(name), named)
    else {
      lab.now += 60_000
      await lab.desk.sweep()
      assert.match(lab.noted.join(), right)
    }
    assert.deepEqual(
      (await lab.list()).policies.map((each) => each.name),
      [name],
    )
  })

for (const namespaces of [[], ['shop', 'remora']])
  test(`policies belong to the role of enforcement, in ${namespaces.join(' and ') || 'all namespaces'}`, async (t) => {
    const [kind, where] = namespaces.length === 0 ? (['ClusterRole'] as const) : (['Role', 'shop'] as const)
    const resources = `${kind.toLowerCase()}s`
    const get = { apiGroups: ['rbac.authorization.k8s.io'], resources: [resources], verbs: ['get'] }
    const lab = await cluster(t, { rules: [...RULES, get], namespaces, owner: 'enforcement' })
    const gone = {
      code: 'E_POLICY',
      message: `there is no ${kind} enforcement, with which policies go`,
    }
    await assert.rejects(lab.apply(BLOCK), gone)
    assert.deepEqual(lab.kube.objects('networkpolicies'), [])
    const made = () => {
      lab.kube.put('enforcement', { rules: [] }, resources, where)
      return lab.kube.find('enforcement', resources, where)?.metadata.uid
    }
    const uid = made()
    const { name } = await lab.apply(BLOCK)
    const references = () => lab.kube.find(name, 'networkpolicies', 'shop')?.metadata.ownerReferences
    const apiVersion = 'rbac.authorization.k8s.io/v1'
    assert.deepEqual(references(), [{ apiVersion, kind, name: 'enforcement', uid }])
    // A role that was made anew owns what is applied again.
    lab.kube.remove('enforcement', resources, where)
    const next = made()
    assert.notEqual(next, uid)
    await lab.apply(BLOCK, '2h')
    assert.deepEqual(references(), [{ apiVersion, kind, name: 'enforcement', uid: next }])
  })

test('without the right to get the role of enforcement a message names it', async (t) => {
  const lab = await cluster(t, { owner: 'enforcement' })
  await assert.rejects(lab.apply(BLOCK), { code: 'E_POLICY', message: /no right to get clusterroles/ })
})

test('the hub that leads next goes on with what is in force, also when the bucket is lost', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK)
  await lab.desk.close()
  const next = await lab.another()
  assert.deepEqual(
    (await lab.list()).policies.map((each) => each.name),
    [name],
  )
  await next.close()
  lab.bucket = new MemoryBucket()
  const last = await lab.another()
  lab.now += 60_000
  await last.sweep()
  const [policy] = (await lab.list()).policies
  assert.deepEqual([policy?.name, policy?.agentTitle, policy?.reason], [name, 'Guard', 'a test'])
  lab.now += 3_600_000
  await last.sweep()
  assert.deepEqual(lab.kube.objects('networkpolicies'), [])
})

test('what somebody else removes or changes is told, and not fought', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK)
  const object = lab.kube.find(name, 'networkpolicies', 'shop')
  const spec = { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] }
  lab.kube.put(name, { ...object, spec }, 'networkpolicies', 'shop')
  lab.now += 20_000
  await lab.desk.sweep()
  assert.match(lab.told.at(-1) ?? '', /somebody has changed/)
  assert.deepEqual(lab.kube.find(name, 'networkpolicies', 'shop')?.spec, spec)
  assert.equal((await lab.list()).policies[0]?.changed, true)
  lab.kube.remove(name, 'networkpolicies', 'shop')
  lab.now += 20_000
  await lab.desk.sweep()
  assert.match(lab.told.at(-1) ?? '', /somebody has removed it/)
  assert.deepEqual((await lab.list()).policies, [])
  assert.equal(lab.kube.find(name, 'networkpolicies', 'shop'), undefined)
  assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
})

test('a pod that two agents have blocked stays so until both have let go of it', async (t) => {
  const lab = await cluster(t)
  const [first, second] = [await lab.apply(BLOCK), await lab.apply(BLOCK, '1h', { ...BY, agent: 'a2' })]
  lab.active.add('a2')
  const isCutOff = () =>
    lab.kube
      .objects('networkpolicies', 'shop')
      .some(({ metadata }) => metadata.name === lab.labelsOf('web-1')['remora.internal/blocked'])
  assert.equal(isCutOff(), true)
  await lab.remove(second.name)
  assert.equal(isCutOff(), true)
  await lab.remove(first.name)
  assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
})

test('what is found again after the bucket was lost is taken as it is, and not as changed', async (t) => {
  const lab = await cluster(t)
  await lab.apply(BLOCK)
  await lab.desk.close()
  lab.bucket = new MemoryBucket()
  const next = await lab.another()
  for (let at = 0; at < 3; at++) {
    lab.now += 20_000
    await next.sweep()
  }
  assert.equal((await lab.list()).policies[0]?.changed, false)
  assert.doesNotMatch(lab.told.join(), /somebody has changed/)
})

test('objects that say that they are ours, and are not, bring nobody to take away those of others', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK)
  await lab.desk.close()
  const ours = lab.kube.find(name, 'networkpolicies', 'shop')
  assert.ok(ours !== undefined)
  const { labels, annotations } = ours.metadata as unknown as Record<string, Record<string, string>>
  const record = JSON.parse(annotations?.['remora.internal/policy'] ?? '')
  const theirs = { spec: { podSelector: {}, policyTypes: ['Ingress'] } }
  lab.kube.put('remora-guard', theirs, 'networkpolicies', 'kube-system')
  lab.kube.put('guard', theirs, 'networkpolicies', 'shop')
  const forged = (object: string, namespace: string, said: object, more: object = {}) =>
    lab.kube.put(
      object,
      {
        metadata: {
          labels: { ...labels, ...more },
          annotations: {
            ...annotations,
            'remora.internal/policy': JSON.stringify({ ...record, expiresAt: 0, ...said }),
          },
        },
        ...theirs,
      },
      'networkpolicies',
      namespace,
    )
  forged('remora-a', 'shop', { namespace: 'kube-system', name: 'remora-guard' })
  forged('remora-b', 'shop', { name: 'guard' })
  forged('other', 'shop', { name: 'other' })
  // Another Remora, of the same name in another namespace.
  forged('remora-c', 'shop', { name: 'remora-c' }, { 'remora.internal/release-namespace': 'elsewhere' })
  const before = lab.kube.objects('networkpolicies').length
  const next = await lab.another()
  lab.now += 20_000
  await next.sweep()
  lab.now += 20_000
  await next.sweep()
  assert.equal(lab.kube.objects('networkpolicies').length, before)
  assert.deepEqual(
    (await lab.list()).policies.map((each) => each.name),
    [name],
  )
})

test('what somebody has put in the place of a policy stays when its time is up', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK, '5s')
  lab.kube.remove(name, 'networkpolicies', 'shop')
  lab.kube.put(name, { spec: { podSelector: {} } }, 'networkpolicies', 'shop')
  lab.now += 6000
  await lab.desk.sweep()
  assert.deepEqual((await lab.list()).policies, [])
  assert.deepEqual(lab.kube.find(name, 'networkpolicies', 'shop')?.spec, { podSelector: {} })
  assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
})

test('agents that apply policies without end cost little, and keep nobody from lifting them', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK)
  const asked = lab.kube.seen.length
  for (let at = 0; at < 1000; at++) assert.equal((await lab.apply(BLOCK)).name, name)
  assert.equal(lab.kube.seen.length, asked, 'the same again at once is in force already')
  assert.equal(lab.told.length, 1)
  lab.now += 1001
  const { expires } = await lab.apply(BLOCK)
  assert.equal(Date.parse(expires), lab.now + 3_600_000)

  let refused = 0
  for (let at = 0; at < 10_000; at++) {
    const rule = network('shop', { podSelector: { matchLabels: { app: `a${at}` } }, ingress: [] })
    await lab.apply(rule).catch((error: Mistake) => {
      assert.match(
        error.message,
        /^(Guard has put 5 policies in force, as many as an agent may|10 policies are in force)/,
      )
      refused++
    })
  }
  assert.equal(lab.kube.objects('networkpolicies').length, 5)
  assert.equal(lab.desk.counters.refused, refused)
  assert.equal(refused, 9996)
  lab.active.add('a2')
  const other = network('shop', { podSelector: { matchLabels: { app: 'web' } }, ingress: [] })
  assert.equal((await lab.apply(other, '1h', { ...BY, agent: 'a2' })).applied, true)
  await lab.remove(name)
})

test('what cannot be lifted now is tried again from time to time, and keeps nothing else from going', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK, '5s')
  lab.kube.fail({ kind: 'status', code: 403 }, (asked) => asked.startsWith('DELETE'), 1000)
  lab.now += 6000
  for (let at = 0; at < 9; at++) {
    lab.now += 1000
    await lab.desk.sweep()
  }
  const tries = lab.kube.seen.filter((asked) => asked.startsWith('DELETE')).length
  assert.equal(tries, 1)
  lab.kube.recover()
  lab.now += 10_000
  await lab.desk.sweep()
  assert.equal(lab.kube.find(name, 'networkpolicies', 'shop'), undefined)
})

test('what is known is listed also while the API server does not answer', async (t) => {
  const lab = await cluster(t)
  const { name } = await lab.apply(BLOCK)
  lab.now += 20_000
  let isListed = false
  lab.kube.fail({ kind: 'stall' }, (asked) => asked.includes('networkpolicies?'), 1000)
  const listing = lab.list().then(({ policies }) => {
    isListed = true
    return policies.map((each) => each.name)
  })
  await until(() => isListed, 'the list', 15_000)
  assert.deepEqual(await listing, [name])
})

test('where enforcement is switched off, what is in force goes also when the bucket is lost', async (t) => {
  const lab = await cluster(t)
  await lab.apply(BLOCK)
  await lab.desk.close()
  lab.bucket = new MemoryBucket()
  const off = await lab.another({ isAllowed: false })
  await off.sweep()
  assert.deepEqual(lab.kube.objects('networkpolicies'), [])
  assert.deepEqual(lab.labelsOf('web-1'), { app: 'web' })
})

test('where the rights go with enforcement, so does what their role owns', async (t) => {
  const get = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['get'] }
  const lab = await cluster(t, { rules: [...RULES, get], owner: 'enforcement' })
  lab.kube.put('enforcement', { rules: [] }, 'clusterroles')
  const { name } = await lab.apply(BLOCK)
  await lab.apply(
    network('shop', { podSelector: { matchLabels: { app: 'cart' } }, policyTypes: ['Ingress'] }),
  )
  await lab.desk.close()
  lab.kube.remove('enforcement', 'clusterroles')
  lab.kube.collectGarbage()
  lab.kube.fail({ kind: 'status', code: 403 }, (asked) => asked.includes('networkpolicies'), 1000)
  const off = await lab.another({ isAllowed: false })
  assert.match((await lab.remove(name)).text, /^block pod shop\/web-1 goes with the role enforcement$/)
  await off.sweep()
  assert.deepEqual((await lab.list()).policies, [])
  assert.match(lab.told.at(-1) ?? '', /goes with the role enforcement: enforcement is switched off/)
  assert.doesNotMatch(lab.noted.join(), /cannot be looked after/)
})

test('what was in force before there was the role belongs to it from then on, as the record knows', async (t) => {
  const get = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['get'] }
  const lab = await cluster(t, { rules: [...RULES, get] })
  const { name } = await lab.apply(BLOCK)
  const object = () => lab.kube.find(name, 'networkpolicies', 'shop')
  assert.equal(object()?.metadata.ownerReferences, undefined)
  await lab.desk.close()
  const spec = object()?.spec
  const next = await lab.another({ owner: 'enforcement' })
  const look = async () => {
    lab.now += 20_000
    await next.sweep()
    return (object()?.metadata.ownerReferences as { uid: string }[] | undefined)?.map(({ uid }) => uid)
  }
  assert.equal(await look(), undefined, 'there is no role yet')
  for (let at = 0; at < 2; at++) {
    lab.kube.remove('enforcement', 'clusterroles')
    lab.kube.put('enforcement', { rules: [] }, 'clusterroles')
    assert.deepEqual(await look(), [lab.kube.find('enforcement', 'clusterroles')?.metadata.uid])
  }
  const written = object()?.metadata.resourceVersion
  await look()
  assert.equal(object()?.metadata.resourceVersion, written, 'once')
  assert.deepEqual(object()?.spec, spec)
  assert.equal((await lab.list()).policies[0]?.changed, false)
  // Also known to a hub that finds it without the bucket.
  await next.close()
  lab.bucket = new MemoryBucket()
  const last = await lab.another({ owner: 'enforcement' })
  lab.now += 20_000
  await last.sweep()
  await last.close()
  lab.kube.fail({ kind: 'status', code: 403 }, (asked) => asked.includes('networkpolicies'), 1000)
  await (await lab.another({ isAllowed: false })).sweep()
  assert.deepEqual((await lab.list()).policies, [])
})

test('where a namespace is followed no more, what its role owns is let go, and the rest is looked after', async (t) => {
  const get = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['get'] }
  const namespaces = ['shop', 'remora']
  const lab = await cluster(t, { rules: [...RULES, get], namespaces, owner: 'enforcement' })
  for (const each of namespaces) lab.kube.put('enforcement', { rules: [] }, 'roles', each)
  const block = await lab.apply(BLOCK)
  const other = await lab.apply(
    network('remora', { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] }),
  )
  await lab.desk.close()
  lab.kube.remove('enforcement', 'roles', 'shop')
  lab.kube.collectGarbage()
  const isOfShop = (asked: string) => asked.includes('/namespaces/shop/')
  lab.kube.fail({ kind: 'status', code: 403 }, isOfShop, 1000)
  const next = await lab.another({ namespaces: ['remora'] })
  lab.now += 20_000
  await next.sweep()
  const names = async () => (await lab.list()).policies.map(({ name }) => name)
  assert.deepEqual(await names(), [other.name])
  assert.match(lab.told.join('\n'), new RegExp(`${block.name}\\) goes with the role enforcement: `))
  lab.kube.remove(other.name, 'networkpolicies', 'remora')
  lab.now += 20_000
  await next.sweep()
  assert.deepEqual(await names(), [])
  assert.match(lab.told.at(-1) ?? '', /somebody has removed it, or the role that owned it/)
})

test('where nothing was ever in force no right is missed', async (t) => {
  const lab = await cluster(t, { rules: [] })
  await lab.desk.close()
  const off = await lab.another({ isAllowed: false })
  for (let at = 0; at < 5; at++) {
    lab.now += 20_000
    await off.sweep()
  }
  assert.deepEqual(lab.noted, [])
  assert.ok(lab.kube.seen.length <= 1)
})

test('policies go with their agent, and all of them when enforcement is switched off', async (t) => {
  const lab = await cluster(t)
  await lab.apply(BLOCK)
  await lab.desk.retired('a1')
  assert.deepEqual(lab.kube.objects('networkpolicies'), [])
  await lab.apply(BLOCK)
  lab.active.delete('a1')
  lab.now += 20_000
  await lab.desk.sweep()
  assert.deepEqual(lab.kube.objects('networkpolicies'), [])
  lab.active.add('a1')
  await lab.apply(BLOCK)
  await lab.desk.close()
  const off = await lab.another({ isAllowed: false })
  await off.sweep()
  assert.deepEqual(lab.kube.objects('networkpolicies'), [])
  assert.equal((await lab.apply(BLOCK)).text, 'blocking is disabled')
})

test('what must not be cut is not cut', async (t) => {
  const lab = await cluster(t)
  const policy = network
  const all = { podSelector: {} }
  for (const [rule, message] of [
    [policy('kube-system', { ...all, ingress: [] }), /would cut cluster DNS/],
    [policy('kube-system', { ...all, policyTypes: ['Egress'] }), /would cut the API server/],
    [policy('remora', { ...all, ingress: [], egress: [] }), /would cut/],
    [
      policy('remora', {
        ...all,
        policyTypes: ['Egress'],
        egress: [{ ports: [{ protocol: 'UDP', port: 53 }, { port: 53 }] }],
      }),
      /would cut the API server/,
    ],
    [
      policy('shop', { ...all, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }] }] }),
      /would cut cluster DNS: shop\/web-1 to kube-system\/dns-1/,
    ],
    [{ block: { pod: 'dns-1', namespace: 'kube-system' } }, /would cut/],
    [{ block: { pod: 'hub-1', namespace: 'remora' } }, /would cut/],
    [{ block: { pod: 'none', namespace: 'shop' } }, /there is no pod none/],
    [{ block: { from: '10.0.0.1' } }, /policies are about pods/],
  ] as const)
    await assert.rejects(lab.apply(rule as PolicyRuleText), { code: 'E_POLICY', message })
  const quarantine = policy('shop', {
    podSelector: { matchLabels: { app: 'web' } },
    policyTypes: ['Ingress', 'Egress'],
  })
  assert.equal((await lab.apply(quarantine)).applied, true)
})

test('nothing of what must not be cut is cut by leaving out one of several ways to it', async (t) => {
  const lab = await cluster(t, {
    more: [
      service('kubernetes', 'default', '10.96.0.1', 443, { name: 'https' }),
      slice('kubernetes', 'default', ['192.168.0.1', '192.168.0.2', '192.168.0.3'], 6443, 'https'),
      pod('dns-1', 'kube-system', '10.0.0.53', { 'k8s-app': 'kube-dns' }, ['10.0.0.53', 'fd00::53']),
      pod('web-1', 'shop', '10.0.0.1', { app: 'web' }, ['10.0.0.1', 'fd00::1']),
      service('bus', 'remora', 'None', 4222),
      slice('bus', 'remora', ['10.0.0.20'], 4222),
      pod('bus-0', 'remora', '10.0.0.20', { app: 'bus' }),
      service('later', 'remora', 'None', 80),
      service('dns', 'dns', '10.96.0.11', 53, { protocol: 'UDP', name: 'dns' }),
      slice('dns', 'dns', ['10.0.0.54'], 5353, 'dns', 'UDP'),
      pod('own-dns-1', 'dns', '10.0.0.54', { app: 'dns' }),
    ],
    nats: 'nats://bus.remora.svc:4222',
    nameservers: ['10.96.0.11'],
  })
  const own = { podSelector: {}, policyTypes: ['Egress'] }
  const infrastructure = [
    { to: [{ namespaceSelector: {} }] },
    { to: [{ ipBlock: { cidr: '10.96.0.0/16' } }] },
  ]
  const toDns = { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }] }
  for (const [what, rule, message] of [
    [
      'one of three API servers',
      network('remora', { ...own, egress: [...infrastructure, { to: [block('192.168.0.0/31')] }] }),
      /would cut the API server: remora\/\S+ to 192\.168\.0\.2 at TCP 6443/,
    ],
    [
      'IPv6',
      network('shop', { ...own, egress: [{ to: [block('0.0.0.0/0')] }] }),
      /would cut cluster DNS: shop\/web-1 to kube-system\/dns-1/,
    ],
    [
      'a headless service',
      network('remora', { podSelector: { matchLabels: { app: 'bus' } }, policyTypes: ['Ingress'] }),
      /would cut NATS: remora\/\S+ to remora\/bus-0 at TCP 4222/,
    ],
    [
      'the resolver that this cluster has, at its port',
      network('shop', { ...own, egress: [toDns] }),
      /would cut cluster DNS: shop\/web-1 to dns\/own-dns-1 at UDP 5353/,
    ],
    [
      'pods that are not there yet',
      network('shop', {
        podSelector: { matchExpressions: [{ key: 'job', operator: 'In', values: ['nightly'] }] },
        policyTypes: ['Egress'],
      }),
      /would cut cluster DNS: shop\/any pod that it selects to/,
    ],
  ] as const)
    await assert.rejects(lab.apply(rule), { code: 'E_POLICY', message }, what)
  const all = network('remora', { ...own, egress: [...infrastructure, { to: [block('192.168.0.0/30')] }] })
  assert.equal((await lab.apply(all)).applied, true)
})

test('where only some namespaces are known, the API server, DNS and workers are not cut either', async (t) => {
  const lab = await cluster(t, {
    namespaces: ['shop', 'remora'],
    without: ['kube-system', 'default'],
    nameservers: ['10.96.0.10'],
    apiServer: '10.96.0.1:443',
    programs: ['192.168.0.7:30001', '[fd00::7]:30001'],
  })
  const own = { podSelector: {}, policyTypes: ['Egress'] }
  const dns = {
    to: [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
    ],
    ports: [{ protocol: 'UDP' as const, port: 53 }, { port: 53 }],
  }
  for (const [rule, message] of [
    [network('shop', { ...own, egress: [{ to: [{ podSelector: {} }] }] }), /would cut cluster DNS/],
    [network('remora', { ...own, egress: [dns, { to: [{ podSelector: {} }] }] }), /would cut the API server/],
    [
      network('remora', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }),
      /would cut Remora itself: 192\.168\.0\.7 to remora/,
    ],
  ] as const)
    await assert.rejects(lab.apply(rule), { code: 'E_POLICY', message })
  assert.equal((await lab.apply(network('shop', { ...own, egress: [dns] }))).applied, true)
})

test('while no pods are known nothing is put in force', async (t) => {
  const lab = await cluster(t, { without: ['shop', 'kube-system', 'remora'] })
  const rule = network('shop', { podSelector: {}, ingress: [] })
  await assert.rejects(lab.apply(rule), {
    code: 'E_POLICY',
    message: /it is not known .* what must not be cut/,
  })
})

test('a preview knows labels of namespaces, and says what it does not know', async (t) => {
  const withRight = [...RULES, { apiGroups: [''], resources: ['namespaces'], verbs: ['list'] }]
  const rule = network('shop', {
    podSelector: { matchLabels: { app: 'cart' } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { env: 'production' } } }] }],
  })
  const preview = async (lab: Awaited<ReturnType<typeof cluster>>) => {
    lab.kube.put('shop', { metadata: { labels: { env: 'production' } } }, 'namespaces')
    return lab.requests.ask({ ask: 'preview', rule, window: '1h' })
  }
  const lab = await cluster(t, { rules: withRight })
  const { requests, complete, notes } = await preview(lab)
  assert.deepEqual([requests.cut, complete, notes], [2, true, []])
  lab.kube.put('odd', { spec: { podSelector: {}, policyTypes: ['Sideways'] } }, 'networkpolicies', 'shop')
  const unread = await preview(lab)
  assert.deepEqual(
    [unread.complete, unread.notes],
    [false, ['policies in force that cannot be read, and are left out: 1']],
  )
  const blind = await preview(await cluster(t))
  assert.deepEqual([blind.requests.cut, blind.complete], [6, false])
  assert.match(blind.notes.join(), /others count as missing: the hub has no right to list namespaces/)
})

test('a preview lists what the objects in the cluster cut then', async (t) => {
  const lab = await cluster(t)
  const rule: PolicyRuleText = {
    policy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'wrong', namespace: 'shop' },
      spec: {
        podSelector: { matchLabels: { app: 'web' } },
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'wep' } } }], ports: [{ port: 80 }] }],
      },
    },
  }
  for (const each of [rule, BLOCK]) {
    const preview = await lab.requests.ask({ ask: 'preview', rule: each, window: '1h' })
    const { name } = await lab.apply(each)
    // What a network that enforces them would do: by the objects and the labels that the API server has now.
    const policies = lab.kube.objects('networkpolicies').map((object) =>
      readNetworkPolicy({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: object.metadata.name, namespace: object.metadata.namespace },
        spec: object.spec,
      }),
    )
    const relabelled = (end: FlowEnd): FlowEnd =>
      end.pod === undefined || end.pod.namespace !== 'shop'
        ? end
        : { ...end, pod: { ...end.pod, labels: lab.labelsOf(end.pod.name) } }
    const cut = lab.seen.filter(
      (flow) => !verdict(policies, { ...flow, from: relabelled(flow.from), to: relabelled(flow.to) }).allowed,
    )
    assert.ok(cut.length > 0 && cut.length < lab.seen.length)
    assert.deepEqual(preview.entries.toSorted(), cut.map(({ id }) => id).toSorted())
    assert.equal(preview.requests.cut, cut.length)
    await lab.remove(name)
  }
})

interface ClusterOptions extends Partial<Pick<ClusterEnforcementOptions, 'namespaces' | 'nats' | 'owner'>> {
  readonly nameservers?: readonly string[]
  readonly rules?: typeof RULES
  /** Objects in place of those of the same name, or beside them. */
  readonly more?: readonly (readonly [ClusterKind, object])[]
  /** Namespaces of which nothing is known. */
  readonly without?: readonly string[]
  readonly apiServer?: string
  readonly programs?: readonly string[]
}

async function cluster(t: TestContext, options: ClusterOptions = {}) {
  const { rules = RULES, more = [], without = [], namespaces = [], nats = '', nameservers = [] } = options
  const { apiServer = '', programs = [], owner = '' } = options
  const kube = await FakeKubernetes.start(t, { rbac: true })
  const token = kube.addServiceAccount('remora', 'hub', rules)
  const client = new KubernetesClient(kube.access(token))
  const bus = openLocalBus({ folder: null })
  const ends = new ClusterEnds()
  ends.take(
    (
      [
        pod('web-1', 'shop', '10.0.0.1', { app: 'web' }),
        pod('web-2', 'shop', '10.0.0.2', { app: 'web' }),
        pod('cart-1', 'shop', '10.0.0.3', { app: 'cart' }),
        pod('dns-1', 'kube-system', '10.0.0.53', { 'k8s-app': 'kube-dns' }),
        pod('hub-1', 'remora', '10.0.0.9', { 'app.kubernetes.io/name': 'remora' }),
        pod('worker-1', 'remora', '10.0.0.8', { 'app.kubernetes.io/name': 'remora' }),
        service('kubernetes', 'default', '10.96.0.1', 443),
        service('kube-dns', 'kube-system', '10.96.0.10', 53),
        ...more,
      ] as const
    )
      .map(known)
      .filter(({ object }) => !without.includes(namespaceOf(object))),
  )
  kube.put('remora', {}, 'namespaces')
  for (const name of ['web-1', 'web-2'])
    kube.put(
      name,
      { spec: { containers: [{ name: 'c', image: 'i' }] }, metadata: { labels: { app: 'web' } } },
      'pods',
      'shop',
    )
  const requests = new PolicyRequests(bus)
  const seen = seenIn(ends)
  const lab = {
    kube,
    seen,
    requests,
    bucket: new MemoryBucket(),
    now: Date.parse('2026-11-28T12:00:00Z'),
    told: [] as string[],
    noted: [] as string[],
    active: new Set(['a1']),
    labelsOf: (name: string) => ({
      ...(kube.find(name, 'pods', 'shop')?.metadata.labels as Record<string, string>),
    }),
    apply: (rule: PolicyRuleText, ttl = '1h', by = BY) =>
      requests.ask({ ask: 'apply', rule, ttl, reason: 'a test', by }),
    remove: (name: string) => requests.ask({ ask: 'remove', name, by: BY }),
    list: () => requests.ask({ ask: 'list' }),
    another: async (more: Partial<PolicyDeskOptions> & Partial<ClusterEnforcementOptions> = {}) => {
      lab.desk = desk(more)
      return lab.desk
    },
    desk: undefined as unknown as PolicyDesk,
  }
  const desk = (more: Partial<PolicyDeskOptions> & Partial<ClusterEnforcementOptions> = {}) => {
    const enforcement = new ClusterEnforcement({
      ...{ client, ends, namespaces, owner, isAllowed: true, apiPort: 8899, nats, apiServer },
      nameservers: async () => nameservers,
      programs: () => programs,
      release: { name: 'remora', namespace: 'remora' },
      isFollowing: () => true,
      ...more,
    })
    return new PolicyDesk({
      ...{ bus, bucket: lab.bucket, enforcement, isAllowed: true, release: 'remora' },
      ...{ ttlMs: 3_600_000, maxTtlMs: 86_400_000, maxPolicies: 10 },
      history: { flows: async () => whole(seen), requests: async () => whole(seen) },
      inForce: () => enforcement.inForce(),
      namespaceLabels: () => enforcement.namespaceLabels(),
      activeAgents: async () => lab.active,
      tell: (_agent, text) => lab.told.push(text),
      note: (_level, message, fields) => lab.noted.push(`${message} ${JSON.stringify(fields)}`),
      now: () => lab.now,
      ...more,
    })
  }
  lab.desk = desk()
  t.after(async () => {
    await lab.desk.close()
    await client.close()
    await bus.close()
  })
  return lab
}

function whole<Each>(all: readonly Each[]): Seen<Each> {
  return { all, from: 0, isComplete: true, notes: [] }
}

/** Each of some with each other, at two ports. */
function seenIn(ends: ClusterEnds): (SeenRequest & SeenFlow)[] {
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '203.0.113.7']
  return addresses.flatMap((from) =>
    addresses
      .filter((to) => to !== from && to.startsWith('10.'))
      .flatMap((to) =>
        [80, 443].map((port) => ({
          id: `n1/${from}-${to}-${port}`,
          ...{ from: ends.end(from), to: ends.end(to), port, protocol: 'TCP' },
          ...{ count: 1, firstAt: 1, lastAt: 1, isReport: false },
        })),
      ),
  )
}

function known([kind, object]: readonly [ClusterKind, object]): KnownChange {
  const read = readObject(kind, object)
  assert.ok(read !== undefined)
  return { kind, type: 'ADDED', at: 0, object: read as ClusterObjects[ClusterKind] } as KnownChange
}

function pod(
  name: string,
  namespace: string,
  podIP: string,
  labels: object,
  addresses: readonly string[] = [podIP],
) {
  const metadata = { name, namespace, uid: `${namespace}-${name}`, labels }
  const status = { podIP, podIPs: addresses.map((ip) => ({ ip })), phase: 'Running' }
  return ['pod', { metadata, spec: { nodeName: 'n1', containers: [] }, status }] as const
}

function service(name: string, namespace: string, clusterIP: string, port: number, more: object = {}) {
  const metadata = { name, namespace, uid: `${namespace}-${name}` }
  return [
    'service',
    { metadata, spec: { clusterIPs: [clusterIP], ports: [{ port, protocol: 'TCP', ...more }] } },
  ] as const
}

function slice(
  service: string,
  namespace: string,
  addresses: readonly string[],
  port: number,
  name = '',
  protocol = 'TCP',
) {
  const metadata = {
    ...{ name: `${service}-1`, namespace, uid: `${namespace}-${service}-1` },
    labels: { 'kubernetes.io/service-name': service },
  }
  const endpoints = addresses.map((each) => ({ addresses: [each], conditions: { ready: true } }))
  return ['endpointSlice', { metadata, endpoints, ports: [{ name, port, protocol }] }] as const
}

function network(namespace: string, spec: object): PolicyRuleText {
  return {
    policy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'p', namespace },
      spec,
    } as never,
  }
}

function block(cidr: string) {
  return { ipBlock: { cidr } }
}

function namespaceOf({ metadata }: KnownChange['object']): string {
  return 'namespace' in metadata ? String(metadata.namespace) : ''
}
