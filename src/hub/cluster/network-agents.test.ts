import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { FakeKubernetes } from '../../../test/kube/fake-kubernetes.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { openConfigMapStore } from '../../store/config-map/config-map-shelf.ts'
import { testRules } from '../../testing/describe-agent-store.ts'
import { until } from '../../testing/until.ts'
import { networkAgentStatus } from '../../wire/network-agents.ts'
import { NetworkAgents } from './network-agents.ts'

const DEFINITION = new URL('../../../deploy/helm/remora/crds/networkagents.yaml', import.meta.url)
const MAP = 'remora-config-map'

describe('NetworkAgents in the store', () => {
  test('are put right when somebody edits them there, and leave all others alone', async (t) => {
    const { fake, store, put } = await started(t)
    await store.create({ title: 'mine', code: 'var mine', active: false }, 'ann')
    put('a', { title: 'a', code: 'var a' })
    await until(async () => (await store.list()).length === 2)
    const { data } = fake.find(MAP) as unknown as { data: Record<string, string> }
    const scripts = (data.SCRIPTING_SCRIPTS ?? '')
      .replace('var a', 'var edited')
      .replace('var mine', 'var ours')
    fake.put(MAP, { data: { ...data, SCRIPTING_SCRIPTS: scripts } })
    await until(async () => {
      const codes = (await store.list()).map(({ code, active }) => `${code} ${active}`)
      return codes.join() === 'var ours false,var a true'
    })
  })

  test('wait for a store that fails, and say so', async (t) => {
    const { fake, store, put, reason } = await started(t)
    fake.fail({ kind: 'status', code: 500 }, (asked) => /^(PUT|POST) .*configmaps/.test(asked), 1000)
    put('a', { code: '// A\n' })
    await until(() => reason('a') === 'NotStoredYet')
    fake.recover()
    await until(() => reason('a') === 'Stored')
    assert.equal((await store.list())[0]?.title, 'A')
  })

  test('are stored where their status cannot be written, which is said once', async (t) => {
    const notes: string[] = []
    const { fake, store, put } = await started(t, notes)
    fake.fail({ kind: 'status', code: 403 }, (asked) => asked.startsWith('PATCH'), 1000)
    put('a', { code: '// A\n' })
    put('b', { code: '// B\n' })
    await until(async () => (await store.list()).length === 2)
    await until(() => fake.seen.filter((asked) => asked.startsWith('PATCH')).length >= 2)
    assert.equal(notes.filter((text) => /status of NetworkAgents cannot be written/.test(text)).length, 1)
  })

  test('name the right that is missing to read their code', async (t) => {
    const { fake, put, reason, message } = await started(t)
    fake.fail({ kind: 'status', code: 403 }, (asked) => /configmaps\/code/.test(asked), 1000)
    put('a', { codeFrom: { configMapKeyRef: { name: 'code', key: 'a.js' } } })
    await until(() => reason('a') === 'CodeNotReadable')
    assert.match(message('a') ?? '', /get and watch on it, in the chart by rbac\.codeConfigMaps/)
  })

  test('are readable again when what kept their code from being followed is over', async (t) => {
    const { fake, store, put, reason } = await started(t)
    fake.put('code', { data: { 'a.js': '// A\n' } })
    put('a', { codeFrom: { configMapKeyRef: { name: 'code', key: 'a.js' } } })
    await until(() => reason('a') === 'Stored')
    fake.fail(
      { kind: 'status', code: 403 },
      (asked) => /configmaps\?.*metadata.name%3Dcode/.test(asked),
      1000,
    )
    fake.endWatches('end', 'configmaps')
    await until(() => reason('a') === 'CodeNotReadable')
    assert.equal((await store.list())[0]?.code, '// A\n')
    fake.recover()
    await until(() => reason('a') === 'Stored')
  })

  test('go with their resources, and the one that had no right to a title gets it then', async (t) => {
    const { fake, store, put, reason } = await started(t)
    put('a', { title: 'same', code: 'var a' })
    await until(() => reason('a') === 'Stored')
    put('b', { title: 'same', code: 'var b' })
    await until(() => reason('b') === 'Conflict')
    fake.remove('a', 'networkagents')
    await until(async () => (await store.list()).map(({ code }) => code).join() === 'var b')
    await until(() => reason('b') === 'Stored')
  })
})

async function started(t: TestContext, notes: string[] = []) {
  const fake = await FakeKubernetes.start(t)
  fake.put(
    'networkagents.remora.internal',
    parse(await readFile(DEFINITION, 'utf8')) as object,
    'customresourcedefinitions',
  )
  const client = new KubernetesClient(fake.access())
  const store = openConfigMapStore({ ...testRules(), client, name: MAP })
  const agents = new NetworkAgents({
    client,
    namespaces: ['default'],
    store,
    fleet: { nodes: () => [], onChange: () => () => {} },
    check: () => {},
    note: (_level, message) => notes.push(message),
    graceMs: 0,
  })
  t.after(async () => {
    await agents.close()
    await store.close()
    await client.close()
  })
  const put = (name: string, spec: object) =>
    fake.put(name, { metadata: { generation: 1 }, spec: { active: true, ...spec } }, 'networkagents')
  const accepted = (name: string) => {
    const { conditions } = networkAgentStatus.parse(fake.find(name, 'networkagents')?.status ?? {})
    return conditions.find(({ type }) => type === 'Accepted')
  }
  const reason = (name: string) => accepted(name)?.reason
  const message = (name: string) => accepted(name)?.message
  return { fake, store, put, reason, message }
}
