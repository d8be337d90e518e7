import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import {
  ApiException,
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  DiscoveryV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  Watch,
} from '@kubernetes/client-node'
import { KubernetesClient, type WatchEvent } from '../../src/kubernetes/client.ts'
import { accessByKubeconfig } from '../../src/kubernetes/kubeconfig.ts'
import { Mistake } from '../../src/mistake/mistake.ts'
import { until } from '../../src/testing/until.ts'
import { fakeOnly, serverUnderTest } from './under-test.ts'

/** What the Kubernetes client of Node and our own take for an API server: these hold for a real one, too (REMORA_TEST_KUBECONFIG). */
describe('the API server of tests, for the Kubernetes client of Node', () => {
  test('creates, reads, lists in pages, replaces, and refuses what is late or not there', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const { core, namespace } = server
    for (const n of [1, 2, 3, 4, 5]) await core.createNamespacedConfigMap({ namespace, body: map(`m${n}`) })
    const names: (string | undefined)[] = []
    const labelSelector = 'app=web'
    for (let next: string | undefined = ''; next !== undefined; ) {
      const page = await core.listNamespacedConfigMap({ namespace, limit: 2, _continue: next, labelSelector })
      names.push(...page.items.map(({ metadata }) => metadata?.name))
      next = page.metadata?._continue || undefined
    }
    assert.deepEqual(names, ['m1', 'm2', 'm3', 'm4', 'm5'])
    const old = await core.readNamespacedConfigMap({ namespace, name: 'm1' })
    await core.replaceNamespacedConfigMap({ namespace, name: 'm1', body: { ...old, data: { x: '1' } } })
    await fails(core.replaceNamespacedConfigMap({ namespace, name: 'm1', body: old }), 409, 'Conflict')
    await fails(core.readNamespacedConfigMap({ namespace, name: 'none' }), 404, 'NotFound')
    await fails(core.createNamespacedConfigMap({ namespace, body: map('m1') }), 409, 'AlreadyExists')
    await fails(core.createNamespacedConfigMap({ namespace, body: map('M') }), 422, 'Invalid')
    await fails(
      core.deleteNamespacedConfigMap({ namespace, name: 'm1', body: { preconditions: { uid: 'another' } } }),
      409,
      'Conflict',
    )
    const { metadata } = await core.listNamespacedConfigMap({ namespace, limit: 1 })
    const spoiled = core.listNamespacedConfigMap({
      namespace,
      limit: 1,
      _continue: `x${metadata?._continue}`,
    })
    await fails(spoiled, 400, 'BadRequest')
  })

  test('watches from a version, with bookmarks, and from the beginning when asked to send all first', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const { core, config, namespace } = server
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    await core.createNamespacedConfigMap({ namespace, body: map('before') })
    const { metadata } = await core.listNamespacedConfigMap({ namespace })
    await core.createNamespacedConfigMap({ namespace, body: map('after') })
    const labelSelector = 'app=web'
    const from = await watched(t, config, path, { resourceVersion: metadata?.resourceVersion, labelSelector })
    await until(() => from.join() === 'ADDED after')
    await core.deleteNamespacedConfigMap({ namespace, name: 'after' })
    await until(() => from.at(-1) === 'DELETED after')
    const all = await watched(t, config, path, {
      ...{
        labelSelector,
        sendInitialEvents: true,
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: true,
      },
    })
    await until(() => all.includes('BOOKMARK initial-events-end') || all.some(isWithoutWatchList))
    if (all.some(isWithoutWatchList)) return t.diagnostic('this API server sends no initial events')
    assert.deepEqual(all.slice(0, 2), ['ADDED before', 'BOOKMARK initial-events-end'])
  })

  test('is followed by an informer, which learns what it missed', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const { core, config, namespace, fake } = server
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
      core.listNamespacedConfigMap({ namespace }),
    )
    const names = () => informer.list().map(({ metadata }) => metadata?.name ?? '')
    let isOver = false
    informer.on('error', () => {
      if (!isOver) informer.start().catch(() => {})
    })
    const stop = async () => {
      isOver = true
      await informer.stop()
    }
    t.after(stop)
    await informer.start()
    await core.createNamespacedConfigMap({ namespace, body: map('a') })
    await until(() => names().includes('a'))
    fake?.endWatches('gone')
    await core.createNamespacedConfigMap({ namespace, body: map('b') })
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' })
    await until(() => names().includes('b') && !names().includes('a'))
    // Before the server is away, or it would be asked for ever.
    await stop()
  })

  test('applies objects of any kind, and reviews rights', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const { config, namespace } = server
    const objects = config.makeApiClient(KubernetesObjectApi)
    const lease = {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', namespace } },
      spec: { holderIdentity: 'one', leaseDurationSeconds: 15 },
    }
    await objects.create(lease)
    const leases = config.makeApiClient(CoordinationV1Api)
    assert.equal((await leases.readNamespacedLease({ namespace, name: 'l' })).spec?.holderIdentity, 'one')
    const slice = {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 's', namespace } },
      ...{ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] },
    }
    await objects.create(slice)
    const slices = await config.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({ namespace })
    assert.deepEqual(slices.items[0]?.endpoints?.[0]?.addresses, ['10.0.0.1'])
    const everywhere = await config
      .makeApiClient(CustomObjectsApi)
      .listClusterCustomObject({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases' })
    assert.ok(everywhere.items.some(({ metadata }: { metadata: { name: string } }) => metadata.name === 'l'))
    const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { verb: 'list', resource: 'pods', namespace } } },
    })
    assert.equal(review.status?.allowed, true)
  })
})

describe('the API server of tests, for our client', () => {
  test('follows a collection over a change, an apply and a right', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const { kubeconfig, namespace, core } = server
    const client = new KubernetesClient(await accessByKubeconfig({ file: kubeconfig }))
    t.after(() => client.close())
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const abort = new AbortController()
    const events: WatchEvent[] = []
    const follow = async () => {
      for await (const event of client.watch(path, { signal: abort.signal, labelSelector: 'app=web' }))
        events.push(event)
    }
    const following = follow()
    t.after(async () => {
      abort.abort()
      await following
    })
    await until(() => events.length === 1, 'all that there is')
    await core.createNamespacedConfigMap({ namespace, body: map('a') })
    await until(() => events.length === 2, 'the first')
    const body = { ...map('a'), data: { x: '1' } }
    await client.apply(`${path}/a`, body, { fieldManager: 'remora' })
    await until(() => events.length === 3, 'what is applied')
    await client.delete(`${path}/a`)
    await until(() => events.at(-1)?.kind === 'delete', 'its end')
    assert.equal(await client.may({ verb: 'list', resource: 'pods' }), true)
    const missing: unknown = await client.get(`${path}/none`).catch((error: unknown) => error)
    assert.ok(missing instanceof Mistake && missing.code === 'E_NOT_FOUND')
  })

  test('is asked for what is too old, and says so in both ways', async (t) => {
    const server = await connected(t)
    if (server === undefined) return
    const fake = fakeOnly(t, server)
    if (fake === undefined) return
    const { core, namespace } = server
    for (const n of [1, 2, 3]) await core.createNamespacedConfigMap({ namespace, body: map(`m${n}`) })
    const { metadata } = await core.listNamespacedConfigMap({ namespace, limit: 1 })
    fake.forget()
    const next = core.listNamespacedConfigMap({ namespace, limit: 1, _continue: metadata?._continue ?? '' })
    await fails(next, 410, 'Expired')
    const refused = await watched(t, server.config, `/api/v1/namespaces/${namespace}/configmaps`, {
      resourceVersion: '50',
    })
    await until(() => refused.some((each) => each === 'ERROR 410'))
    const told = await watched(t, server.config, `/api/v1/namespaces/${namespace}/configmaps`, {})
    await until(() => fake.watches > 0)
    fake.endWatches('gone')
    await until(() => told.some((each) => each.startsWith('ERROR 410')))
  })
})

async function connected(t: TestContext) {
  const server = await serverUnderTest(t)
  if (server === undefined) return undefined
  const config = new KubeConfig()
  config.loadFromFile(server.kubeconfig)
  // The library speaks plain HTTP only to those who check no certificates.
  for (const cluster of config.clusters)
    if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
  return { ...server, config, core: config.makeApiClient(CoreV1Api) }
}

/** What a watch tells, as `ADDED name`. */
async function watched(
  t: TestContext,
  config: KubeConfig,
  path: string,
  query: Readonly<Record<string, string | boolean | undefined>>,
): Promise<readonly string[]> {
  const told: string[] = []
  const watch = new Watch(config)
  const abort = await watch.watch(
    path,
    query,
    (phase, object: { code?: number; metadata?: { name?: string; annotations?: object } }) => {
      const { name, annotations } = object.metadata ?? {}
      const isEnd = annotations !== undefined && 'k8s.io/initial-events-end' in annotations
      told.push(`${phase} ${isEnd ? 'initial-events-end' : (name ?? object.code ?? '')}`)
    },
    (error: unknown) => {
      const { statusCode } = (error ?? {}) as { statusCode?: number }
      if (statusCode !== undefined) told.push(`REFUSED ${statusCode}`)
    },
  )
  t.after(() => abort.abort())
  return told
}

/** Before Kubernetes 1.34 it is a choice of who runs it. */
function isWithoutWatchList(told: string): boolean {
  return told === 'REFUSED 422'
}

async function fails(promise: Promise<unknown>, code: number, reason: string): Promise<void> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (why) => why,
  )
  if (!(error instanceof ApiException)) throw error
  assert.equal(error.code, code)
  const body: unknown = typeof error.body === 'string' ? JSON.parse(error.body) : error.body
  assert.equal((body as { reason?: string }).reason, reason)
}

function map(name: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'web' } } }
}
