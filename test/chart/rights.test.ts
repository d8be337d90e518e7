import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openLocalBus } from '../../src/bus/local.ts'
import { ClusterWatcher } from '../../src/hub/cluster/watcher.ts'
import { KubernetesClient } from '../../src/kubernetes/client.ts'
import { openConfigMapStore } from '../../src/store/config-map/config-map-shelf.ts'
import { testRules, watching } from '../../src/testing/describe-agent-store.ts'
import { until } from '../../src/testing/until.ts'
import { FakeKubernetes } from '../kube/fake-kubernetes.ts'
import { listOf, recordOf, textOf } from '../kube/object.ts'
import { Chart, type Manifest } from './chart.ts'

/** `get,watch configmaps [name]`, for each rule of each role; what is bound to whom as well. */
function rightsOf(manifests: readonly Manifest[]): Readonly<Record<string, readonly string[]>> {
  const roles = manifests.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
  const entries = roles.map(({ kind, metadata, rules }) => [
    [kind, metadata.namespace, metadata.name].filter(Boolean).join(' '),
    listOf(rules).map(recordOf).flatMap(ruleLines),
  ])
  return Object.fromEntries(entries) as Readonly<Record<string, readonly string[]>>
}

function ruleLines({
  apiGroups,
  resources,
  resourceNames,
  verbs,
}: Readonly<Record<string, unknown>>): readonly string[] {
  const names = resourceNames === undefined ? '' : ` [${listOf(resourceNames).join()}]`
  return listOf(resources).map((resource) => {
    const group = listOf(apiGroups).map(textOf).join()
    return `${listOf(verbs).join()} ${textOf(resource)}${group === '' ? '' : `.${group}`}${names}`
  })
}

const OWN = ['get,watch,update configmaps [remora-config-map]', 'create configmaps']
const RESOURCES = ['list,watch networkagents.remora.internal', 'patch networkagents/status.remora.internal']
const FOLLOW = ['list,watch pods', 'list,watch services', 'list,watch endpointslices.discovery.k8s.io']
const ENFORCE = ['get,list,create,update,delete networkpolicies.networking.k8s.io', 'patch pods']
const ENFORCING = 'net-remora-enforcement'
const OWNED = (kind: string) => `get ${kind}.rbac.authorization.k8s.io [${ENFORCING}]`

describe('the rights that the chart asks for', () => {
  test('are these, and no others', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const rights = async (values: object) => rightsOf(await chart.render({ values }))
    const wide = [...FOLLOW, 'list,watch nodes', 'get namespaces [kube-system]']
    assert.deepEqual(await rights({}), {
      'Role net remora-hub': [...OWN, ...RESOURCES],
      'ClusterRole net-remora-hub': wide,
    })
    assert.deepEqual(await rights({ config: { scripting: { allowEnforcement: true } } }), {
      'Role net remora-hub': [...OWN, ...RESOURCES],
      'ClusterRole net-remora-hub': wide,
      [`ClusterRole ${ENFORCING}`]: [...ENFORCE, 'list namespaces', OWNED('clusterroles')],
    })
    assert.deepEqual(await rights({ rbac: { clusterWide: false } }), {
      'Role net remora-hub': OWN,
      'Role net net-remora-follow': [...FOLLOW, ...RESOURCES],
    })
    assert.deepEqual(
      await rights({
        rbac: { clusterWide: false, namespaces: ['shop', 'pay'] },
        config: { scripting: { allowEnforcement: true } },
      }),
      {
        'Role net remora-hub': OWN,
        'Role shop net-remora-follow': [...FOLLOW, ...RESOURCES],
        'Role pay net-remora-follow': [...FOLLOW, ...RESOURCES],
        [`Role shop ${ENFORCING}`]: [...ENFORCE, OWNED('roles')],
        [`Role pay ${ENFORCING}`]: [...ENFORCE, OWNED('roles')],
      },
    )
    assert.deepEqual(await rights({ rbac: { codeConfigMaps: ['scripts'] } }), {
      'Role net remora-hub': [...OWN, ...RESOURCES, 'get,watch configmaps [scripts]'],
      'ClusterRole net-remora-hub': wide,
    })
    assert.deepEqual(await rights({ rbac: { create: false } }), {})
  })

  test('are those of the hub alone', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const config = { scripting: { allowEnforcement: true } }
    for (const rbac of [{}, { clusterWide: false, namespaces: ['shop'] }]) {
      const manifests = await chart.render({ values: { rbac, config } })
      const bindings = manifests.filter(({ kind }) => /^(Cluster)?RoleBinding$/.test(kind))
      assert.equal(bindings.length, 3)
      for (const { subjects } of bindings)
        assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'remora-hub', namespace: 'net' }])
    }
  })
})

describe('a hub with the rights of the chart', () => {
  for (const [mode, values] of Object.entries({
    'all namespaces': {},
    'two namespaces': { rbac: { clusterWide: false, namespaces: ['shop', 'pay'] } },
  }))
    test(`follows ${mode}, and keeps agents in its config map`, async (t) => {
      const chart = await Chart.open(t)
      if (chart === undefined) return
      const fake = await FakeKubernetes.start(t, { rbac: true })
      for (const { kind, metadata, ...content } of await chart.render({ values }))
        if (/^(Cluster)?Role(Binding)?$/.test(kind))
          fake.put(metadata.name, { ...content, metadata }, `${kind.toLowerCase()}s`, metadata.namespace)
      const client = new KubernetesClient(fake.access(fake.addServiceAccount('net', 'remora-hub')))
      t.after(() => client.close())
      const bus = openLocalBus({ folder: null })
      t.after(() => bus.close())
      const namespaces = listOf(recordOf(recordOf(values).rbac).namespaces).map(textOf)
      const watcher = new ClusterWatcher({ client, namespaces, bus, term: 1, note: () => {} })
      t.after(() => watcher.close())
      await until(() => watcher.watches.every(({ state }) => state !== 'starting'))
      assert.deepEqual(
        watcher.watches.filter(({ state }) => state !== 'following'),
        [],
      )

      const name = 'remora-config-map'
      const warnings: string[] = []
      const rules = { ...testRules(), warn: (text: string) => void warnings.push(text) }
      const store = openConfigMapStore({ ...rules, client, name, namespace: 'net' })
      t.after(() => store.close())
      const gone = new AbortController()
      t.after(() => gone.abort())
      const watched = watching(store, gone.signal)
      const { id } = await store.create({ title: 'mine', code: '// mine' }, 'ann')
      await store.update(id, { code: '// mine, and better' }, 'ann')
      await watched.until(([mine]) => mine?.version === 2)
      assert.match(JSON.stringify(fake.find(name, 'configmaps', 'net')?.data), /mine, and better/)
      assert.deepEqual(warnings, [])
    })
})
