import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { ClusterEnforcement } from '../../src/hub/policies/cluster-enforcement.ts'
import type { KubernetesAccess } from '../../src/kubernetes/access.ts'
import { KubernetesClient } from '../../src/kubernetes/client.ts'
import { ClusterEnds } from '../../src/policy/ends.ts'
import { readRule } from '../../src/policy/rule.ts'
import { openConfigMapStore } from '../../src/store/config-map/config-map-shelf.ts'
import { authority } from '../../src/testing/authority.ts'
import { testRules } from '../../src/testing/describe-agent-store.ts'
import { until } from '../../src/testing/until.ts'
import type { PolicyRecord } from '../../src/wire/policies.ts'
import { FakeKubernetes } from '../kube/fake-kubernetes.ts'
import { kubeconfigFile } from '../kube/kubeconfig.ts'
import { recordOf, textOf } from '../kube/object.ts'
import { CHART, Chart } from './chart.ts'

describe('a release in a cluster', () => {
  test('keeps its agents and its token through upgrades, and after it is gone', async (t) => {
    const installed = await install(t)
    if (installed === undefined) return
    const { fake, client, upgrade, uninstall } = installed
    const store = openConfigMapStore({ ...testRules(), client, name: 'remora-config-map', namespace: 'net' })
    t.after(() => store.close())
    await store.create({ title: 'mine', code: '// mine' }, 'ann')
    const kept = () => fake.find('remora-config-map', 'configmaps', 'net')?.data
    const secret = () => recordOf(fake.find('remora-secret', 'secrets', 'net')?.data)
    const [agents, { HUB_TOKEN, NATS_PASSWORD }] = [kept(), secret()]
    assert.match(JSON.stringify(agents), /mine/)

    await upgrade({ config: { scripting: { env: { A: 'b' } }, tap: { regex: 'web' } } })
    assert.deepEqual(kept(), agents)
    assert.equal(secret().HUB_TOKEN, HUB_TOKEN)
    assert.equal(secret().NATS_PASSWORD, NATS_PASSWORD)
    assert.equal(Buffer.from(textOf(secret().SCRIPTING_ENV), 'base64').toString(), '{"A":"b"}')
    await upgrade({ auth: { token: 'one of our own, for all' } })
    assert.equal(Buffer.from(textOf(secret().HUB_TOKEN), 'base64').toString(), 'one of our own, for all')
    await uninstall()
    assert.equal(fake.find('remora-hub', 'deployments', 'net'), undefined)
    assert.deepEqual(kept(), agents)
  })

  for (const [mode, rbac] of Object.entries({
    'in all namespaces': {},
    'in one namespace': { clusterWide: false, namespaces: ['shop'] },
  }))
    test(`takes policies of agents with it when it goes, or may not enforce any more, ${mode}`, async (t) => {
      const enforcing = { rbac, config: { scripting: { allowEnforcement: true } } }
      const installed = await install(t, enforcing)
      if (installed === undefined) return
      const { fake, client, upgrade, uninstall } = installed
      fake.put('theirs', { spec: { podSelector: {} } }, 'networkpolicies', 'shop')
      const policies = () => fake.objects('networkpolicies', 'shop').map(({ metadata }) => metadata.name)
      const settings = parse(
        textOf(recordOf(fake.find('remora-settings', 'configmaps', 'net')?.data)['remora.yaml']),
      )
      const { owner } = settings.scripting.enforcement
      const isWide = settings.kubernetes.namespaces.length === 0
      const applied = async () => {
        const enforcement = new ClusterEnforcement({
          ...{
            client,
            owner,
            isAllowed: true,
            namespaces: settings.kubernetes.namespaces,
            release: settings.tap.release,
          },
          ...{ ends: new ClusterEnds(), isFollowing: () => true, nats: '', apiPort: 8899, apiServer: '' },
          ...{ nameservers: async () => [], programs: () => [] },
        })
        await enforcement.enforce(RECORD, readRule(RECORD.rule))
        assert.deepEqual(policies(), ['remora-1', 'theirs'])
      }
      await applied()
      await upgrade({ ...enforcing, hub: { replicas: 2 } })
      assert.deepEqual(policies(), ['remora-1', 'theirs'], 'an upgrade leaves them')
      await upgrade({ rbac })
      await until(() => policies().length === 1)
      assert.deepEqual(policies(), ['theirs'])
      const resource = isWide ? 'clusterroles' : 'roles'
      assert.equal(fake.find(owner, resource, 'shop'), undefined)
      await upgrade(enforcing)
      await applied()
      await uninstall()
      await until(() => policies().length === 1)
      assert.deepEqual(policies(), ['theirs'])
    })

  test('takes no rights beyond its namespace, where it is told to follow that alone', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const { fake, run } = cluster
    fake.addUser('helm', 'one of a team', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['net'] },
    ])
    const values = { rbac: { clusterWide: false } }
    await assert.rejects(run(['install'], values), /cannot \w+ resource "customresourcedefinitions"/)
    assert.match(await run(['install', '--skip-crds'], values), /STATUS: deployed/)
    assert.ok(fake.find('remora-hub', 'deployments', 'net'))
    await run(['upgrade'], { ...values, hub: { replicas: 2 } })
  })
})

async function started(t: TestContext) {
  const chart = await Chart.open(t)
  if (chart === undefined) return undefined
  // Helm gives its token to nobody without TLS.
  const { cert: ca, sign } = await authority(t)
  const tls = await sign('localhost')
  const fake = await FakeKubernetes.start(t, {
    ...{ rbac: true, tls, host: 'localhost' },
    controllers: ['garbage-collector'],
  })
  for (const name of ['net', 'shop', 'pay']) fake.put(name, {}, 'namespaces')
  const kubeconfig = await kubeconfigFile(t, { here: { url: fake.url, namespace: 'net', token: 'helm', ca } })
  const run = async (command: readonly string[], more: object) => {
    const file = await chart.valuesFile(more)
    // The API server for tests describes no schemas; chart.test.ts holds manifests to them.
    const flags = ['-n', 'net', '-f', file, '--disable-openapi-validation']
    return chart.helm([...command, 'remora', CHART, ...flags], { KUBECONFIG: kubeconfig })
  }
  return { chart, fake, ca, kubeconfig, run }
}

async function install(t: TestContext, values: object = {}) {
  const cluster = await started(t)
  if (cluster === undefined) return undefined
  const { chart, fake, ca, kubeconfig, run } = cluster
  fake.addUser('helm', 'someone who may', [], ['system:masters'])
  const notes = await run(['install'], values)
  assert.match(notes, /STATUS: deployed/)
  assert.match(notes, /get secret remora-secret -o jsonpath='\{\.data\.HUB_TOKEN\}'/)
  return {
    fake,
    /** As the hub has it in its pod. */
    client: clientOf(t, { ...fake.access(fake.addServiceAccount('net', 'remora-hub')), ca }),
    upgrade: (more: object) => run(['upgrade'], more),
    uninstall: () => chart.helm(['uninstall', 'remora', '-n', 'net'], { KUBECONFIG: kubeconfig }),
  }
}

function clientOf(t: TestContext, access: KubernetesAccess): KubernetesClient {
  const client = new KubernetesClient(access)
  t.after(() => client.close())
  return client
}

const RECORD: PolicyRecord = {
  name: 'remora-1',
  kind: 'network',
  summary: 'a policy',
  rule: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
  },
  namespace: 'shop',
  agent: 'a1',
  agentTitle: 'Guard',
  agentIndex: 1,
  node: 'n1',
  reason: '',
  appliedAt: 0,
  expiresAt: 3_600_000,
  changed: false,
  owner: '',
  fingerprint: '',
}
