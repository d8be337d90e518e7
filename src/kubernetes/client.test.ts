import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FakeKubernetes } from '../../test/kube/fake-kubernetes.ts'
import type { Mistake } from '../mistake/mistake.ts'
import { hasTools } from '../testing/loopback.ts'
import { rejects } from '../testing/rejects.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import { accessInCluster } from './access.ts'
import { KubernetesClient, type WatchEvent, type WatchOptions } from './client.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

describe('the Kubernetes client', () => {
  test('creates, reads, replaces, patches, lists and deletes', async (t) => {
    const { client } = await started(t)
    const made = await client.create(MAPS, map('a', { x: '1' }))
    assert.deepEqual((await client.get(`${MAPS}/a`)).data, { x: '1' })
    const replaced = await client.update(`${MAPS}/a`, { ...made, data: { x: '2' } })
    await rejects(
      client.update(`${MAPS}/a`, { ...made, data: { x: '3' } }),
      'E_CONFLICT',
      /has been modified/,
    )
    assert.notEqual(replaced.metadata.resourceVersion, made.metadata.resourceVersion)
    assert.deepEqual((await client.patch(`${MAPS}/a`, { data: { x: null, y: '4' } })).data, { y: '4' })
    await rejects(client.create(MAPS, map('a')), 'E_CONFLICT', /already exists/)
    assert.equal((await client.list(MAPS)).objects.length, 1)
    await client.delete(`${MAPS}/a`)
    await rejects(client.get(`${MAPS}/a`), 'E_NOT_FOUND', /configmaps "a" not found/)
  })

  test('lists more than fits in a page, from the beginning again when that is gone', async (t) => {
    const { fake, client } = await started(t)
    for (let n = 0; n < 1203; n++) fake.put(`m${n}`, { data: {} })
    fake.fail({ kind: 'status', code: 410 }, (asked) => asked.includes('continue='))
    const trim = (object: { metadata: { name: string } }) => ({ metadata: { name: object.metadata.name } })
    const { objects } = await client.list(MAPS, { trim })
    assert.equal(objects.length, 1203)
    assert.equal(new Set(objects.map(({ metadata }) => metadata.name)).size, 1203)
    assert.deepEqual(Object.keys(objects[7] ?? {}), ['metadata'])
    assert.equal(fake.seen.filter((asked) => asked.includes('limit=')).length, 5)
  })

  for (const [code, mistake] of [
    [400, 'E_REQUEST'],
    [401, 'E_UNAUTHENTICATED'],
    [403, 'E_FORBIDDEN'],
    [404, 'E_NOT_FOUND'],
    [409, 'E_CONFLICT'],
    [413, 'E_TOO_LARGE'],
    [422, 'E_REQUEST'],
    [500, 'E_KUBERNETES'],
    [418, 'E_KUBERNETES'],
  ] as const)
    test(`says what the server says with ${code}`, async (t) => {
      const { fake, client } = await started(t)
      for (let n = 0; n < 6; n++) fake.fail({ kind: 'status', code })
      const error = await rejects(client.update(`${MAPS}/a`, map('a')), mistake, new RegExp(`fault ${code}`))
      assert.ok(error.hint)
      assert.equal(fake.seen.length, code === 401 ? 2 : 1)
    })

  test('reads again what failed, and writes only what was refused for now', async (t) => {
    const { fake, client } = await started(t)
    fake.put('a', { data: {} })
    for (const fault of [{ kind: 'reset', after: false } as const, status(500), status(429), status(503)])
      fake.fail(fault)
    await client.get(`${MAPS}/a`)
    assert.equal(fake.seen.length, 5)
    fake.fail(status(429))
    await client.patch(`${MAPS}/a`, { data: { n: '1' } })
    fake.fail({ kind: 'reset', after: false })
    await rejects(client.patch(`${MAPS}/a`, { data: { n: '2' } }), 'E_KUBERNETES', /cannot be reached/)
    assert.deepEqual(fake.find('a')?.data, { n: '1' })
  })

  test('says so when nobody is there, when something else is, and when it is told to stop', async (t) => {
    const { fake, client } = await started(t)
    fake.fail({ kind: 'garbage' })
    await rejects(client.get(`${MAPS}/a`), 'E_KUBERNETES', /no object of Kubernetes/)
    const nobody = new KubernetesClient({ ...fake.access(), url: 'http://127.0.0.1:1' })
    t.after(() => nobody.close())
    const begun = Date.now()
    await rejects(
      nobody.get(`${MAPS}/a`, { signal: AbortSignal.timeout(100) }),
      'E_KUBERNETES',
      /127\.0\.0\.1:1/,
    )
    assert.ok(Date.now() - begun < 30_000)
  })

  test('takes a token that was mounted anew, and shows none in what it says', async (t) => {
    const { fake, client } = await started(t, { token: 'first-secret' })
    fake.put('a', {})
    await client.get(`${MAPS}/a`)
    fake.token = 'second-secret'
    await client.get(`${MAPS}/a`)
    const wrong = new KubernetesClient({ ...fake.access(), token: async () => 'wrong-secret' })
    t.after(() => wrong.close())
    const error = await rejects(wrong.get(`${MAPS}/a`), 'E_UNAUTHENTICATED', /Unauthorized/)
    assert.ok(!JSON.stringify([error.message, error.hint, error.stack]).includes('secret'))
  })

  test('follows what happens, and what happened while nobody listened', async (t) => {
    const { fake, client } = await started(t)
    fake.put('a', { data: { n: '1' } })
    const { seen, names } = watched(t, client)
    await until(() => fake.watches === 1)
    assert.deepEqual(names(), ['all:a'])
    fake.put('b', { data: {} })
    fake.remove('a')
    await until(() => names().join() === 'all:a,put:b,delete:a')
    fake.endWatches('reset')
    fake.put('c', { data: {} })
    await until(() => names().at(-1) === 'put:c')
    fake.put('d', {}, 'secrets')
    await until(() => fake.watches === 1)
    fake.bookmark()
    fake.endWatches('end')
    fake.put('e', { data: {} })
    await until(() => names().at(-1) === 'put:e')
    assert.deepEqual(names(), ['all:a', 'put:b', 'delete:a', 'put:c', 'put:e'])
    assert.equal(seen.filter(({ kind }) => kind === 'all').length, 1)
  })

  for (const how of ['as an answer', 'as an event', 'as the first event'])
    test(`reads all again when what it missed is gone, told ${how}`, async (t) => {
      const { fake, client } = await started(t)
      fake.put('a', { data: {} })
      const { names } = watched(t, client)
      await until(() => fake.watches === 1)
      // Told when it asks what it missed, or when it has fallen behind.
      if (how === 'as an answer') fake.fail(status(410), (asked) => asked.includes('watch=true'))
      else fake.forget()
      fake.endWatches(how === 'as an event' ? 'gone' : 'reset')
      fake.remove('a')
      fake.put('b', { data: {} })
      fake.forget()
      await until(() => names().includes('all:b'))
      fake.put('c', { data: {} })
      await until(() => names().at(-1) === 'put:c')
    })

  test('says nothing of a watch that breaks off and goes on, as behind a proxy that ends what is idle', async (t) => {
    const { fake, client } = await started(t)
    const troubles: Mistake[] = []
    const { names } = watched(t, client, { onTrouble: (mistake) => troubles.push(mistake) })
    await until(() => fake.watches === 1)
    await sleep(1100)
    fake.endWatches('reset')
    fake.put('a', { data: {} })
    await until(() => names().at(-1) === 'put:a')
    assert.deepEqual(troubles, [])
    // One that does not go on is told.
    await sleep(1100)
    for (let n = 0; n < 5; n++) fake.fail({ kind: 'reset', after: false })
    fake.endWatches('reset')
    await until(() => troubles.length === 1)
  })

  test('follows one object without the right to list', async (t) => {
    const { fake, client } = await started(t)
    fake.put('other', { data: {} })
    const { names } = watched(t, client, { name: 'mine' })
    await until(() => fake.watches === 1)
    fake.put('other', { data: { n: '1' } })
    fake.put('mine', { data: {} })
    fake.remove('mine')
    await until(() => names().join() === 'all:,put:mine,delete:mine')
    assert.ok(fake.seen.every((asked) => asked.includes('watch=true') || asked.endsWith('/configmaps/mine')))
  })

  test('is not in a hurry when a watch fails or ends again and again, and tells of trouble once', async (t) => {
    const { fake, client } = await started(t)
    const troubles: Mistake[] = []
    for (let n = 0; n < 4; n++) fake.fail(status(403), (asked) => asked.includes('watch=true'))
    const begun = Date.now()
    watched(t, client, { onTrouble: (mistake) => troubles.push(mistake) })
    await until(() => fake.watches === 1)
    assert.deepEqual(
      troubles.map(({ code }) => code),
      ['E_FORBIDDEN'],
    )
    assert.ok(Date.now() - begun > 300)
    const before = fake.seen.length
    const ending = setInterval(() => fake.endWatches('end'), 5)
    t.after(() => clearInterval(ending))
    await sleep(1000)
    clearInterval(ending)
    assert.ok(fake.seen.length - before < 20, `${fake.seen.length - before} requests`)
  })

  test('ends a watch with the signal, also between two tries', async (t) => {
    const { fake, client } = await started(t)
    const abort = new AbortController()
    const { ended } = watched(t, client, {}, abort)
    await until(() => fake.watches === 1)
    abort.abort()
    await ended
    await until(() => fake.watches === 0)
    const again = new AbortController()
    for (let n = 0; n < 100; n++) fake.fail(status(500))
    const second = watched(t, client, {}, again)
    await until(() => fake.seen.length > 4)
    again.abort()
    await second.ended
  })

  test('goes on after what is no answer, and ends when the client is closed', async (t) => {
    const { fake, client } = await started(t)
    const troubles: Mistake[] = []
    const isWatch = (asked: string) => asked.includes('watch=true')
    fake.fail({ kind: 'garbage' }, (asked) => !isWatch(asked))
    // Half a line says nothing, and the watch is begun anew.
    fake.fail({ kind: 'garbage' }, isWatch)
    const { ended, names } = watched(t, client, { onTrouble: (mistake) => troubles.push(mistake) })
    await until(() => fake.watches === 1)
    fake.put('a', { data: {} })
    await until(() => names().join() === 'all:,put:a')
    assert.deepEqual(
      troubles.map(({ code }) => code),
      ['E_KUBERNETES'],
    )
    await client.close()
    await ended
  })

  test('reads a line of a watch that comes in pieces', async (t) => {
    const { fake, client } = await started(t)
    const { seen } = watched(t, client)
    await until(() => fake.watches === 1)
    const long = 'ä'.repeat(400_000)
    fake.put('a', { data: { long } })
    await until(() => seen.length === 2)
    const [, event] = seen
    assert.ok(event?.kind === 'put')
    assert.deepEqual(event.object.data, { long })
  })

  test('applies what it wants to be said, and takes fields of others only by force', async (t) => {
    const { fake, client } = await started(t)
    const path = `${MAPS}/a`
    const remora = { fieldManager: 'remora' }
    await client.apply(path, map('a', { x: '1', y: '1' }), remora)
    await client.patch(path, { data: { z: 'of somebody else' } })
    assert.deepEqual((await client.apply(path, map('a', { x: '2' }), remora)).data, {
      x: '2',
      z: 'of somebody else',
    })
    const version = fake.find('a')?.metadata.resourceVersion
    await client.apply(path, map('a', { x: '2' }), remora)
    assert.equal(fake.find('a')?.metadata.resourceVersion, version)
    const other = { fieldManager: 'other' }
    await rejects(
      client.apply(path, map('a', { x: '3' }), other),
      'E_CONFLICT',
      /conflict with "remora": \.data\.x/,
    )
    assert.equal(
      (await client.apply(path, map('a', { x: '3' }), { ...other, force: true })).metadata.name,
      'a',
    )
    assert.deepEqual(fake.find('a')?.data, { x: '3', z: 'of somebody else' })
  })

  test('changes the status of an object by its own path, and nothing else there', async (t) => {
    const { fake, client } = await started(t)
    const pod = { spec: { containers: [{ name: 'web', image: 'nginx' }] }, status: { phase: 'Pending' } }
    fake.put('web', pod, 'pods')
    const path = '/api/v1/namespaces/default/pods/web'
    await client.patch(`${path}/status`, { metadata: { labels: { a: 'b' } }, status: { phase: 'Running' } })
    await client.patch(path, { status: { phase: 'Failed' } })
    assert.deepEqual(fake.find('web', 'pods')?.status, { phase: 'Running' })
    assert.equal(fake.find('web', 'pods')?.metadata.labels, undefined)
  })

  for (const where of ['default', undefined] as const)
    for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const)
      test(`names the right to ${verb} where it is missing ${where === undefined ? 'in the cluster' : 'in a namespace'}, and the role that it belongs in`, async (t) => {
        const fake = await FakeKubernetes.start(t)
        const resource = where === undefined ? 'nodes' : 'endpointslices'
        const group = where === undefined ? '' : 'discovery.k8s.io'
        const root =
          where === undefined ? '/api/v1/nodes' : `/apis/${group}/v1/namespaces/${where}/${resource}`
        fake.put('a', { addressType: 'IPv4' }, resource)
        const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'].filter(
          (each) => each !== verb,
        )
        const rule = { apiGroups: [group], resources: [resource] }
        const token = fake.addServiceAccount('remora', 'remora-hub', [{ ...rule, verbs }])
        const client = new KubernetesClient(fake.access(token))
        t.after(() => client.close())
        const object = { addressType: 'IPv4', metadata: { name: 'a' } }
        const watch = async () => {
          const abort = new AbortController()
          let trouble: Mistake | undefined
          const onTrouble = (mistake: Mistake) => {
            trouble = mistake
            abort.abort()
          }
          for await (const event of client.watch(root, { signal: abort.signal, onTrouble }))
            assert.equal(event.kind, 'all')
          throw trouble
        }
        const asked = {
          get: () => client.get(`${root}/a`),
          list: () => client.list(root),
          watch,
          create: () => client.create(root, { ...object, metadata: { name: 'b' } }),
          update: () => client.update(`${root}/a`, object),
          patch: () => client.patch(`${root}/a`, { metadata: { labels: { a: 'b' } } }),
          delete: () => client.delete(`${root}/a`),
        }
        const mistake = await rejects(
          asked[verb](),
          'E_FORBIDDEN',
          new RegExp(`cannot ${verb} resource "${resource}"`),
        )
        const role =
          where === undefined
            ? 'a ClusterRole, and bind it to service account remora-hub with a ClusterRoleBinding.'
            : 'a Role in namespace default, and bind it to service account remora-hub with a RoleBinding there.'
        assert.equal(
          mistake.hint,
          `Add the rule {apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]} to ${role}`,
        )
        const place = where === undefined ? {} : { namespace: where }
        for (const each of [verb, ...verbs])
          assert.equal(await client.may({ verb: each, resource, group, ...place }), each !== verb, each)
        for (const each of verbs) if (each !== 'watch') await asked[each as keyof typeof asked]()
      })

  test('does not speak of rights where something else is refused', async (t) => {
    const { fake, client } = await started(t)
    fake.admission = () => 'exceeded quota: maps, requested: count/configmaps=1'
    const mistake = await rejects(client.create(MAPS, map('a')), 'E_FORBIDDEN', /exceeded quota/)
    assert.match(mistake.hint ?? '', /quota/)
  })

  test('is let in as a pod is: by its files, its authority and its token', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const folder = await tempFolder(t)
    const fake = await FakeKubernetes.start(t, { token: 'mounted', tls: certificate(folder) })
    fake.put('a', { data: { n: '1' } })
    mkdirSync(join(folder, 'account'))
    writeFileSync(join(folder, 'account/token'), 'mounted\n')
    writeFileSync(join(folder, 'account/namespace'), 'prod\n')
    writeFileSync(join(folder, 'account/ca.crt'), readFileSync(join(folder, 'cert.pem')))
    const { port } = new URL(fake.url)
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port }
    const access = await accessInCluster(environment, join(folder, 'account'))
    const client = new KubernetesClient(access)
    t.after(() => client.close())
    assert.equal(client.namespace, 'prod')
    assert.deepEqual((await client.get(`${MAPS}/a`)).data, { n: '1' })
    const strict = new KubernetesClient({ ...access, ca: undefined })
    t.after(() => strict.close())
    await rejects(
      strict.get(`${MAPS}/a`, { signal: AbortSignal.timeout(20_000) }),
      'E_KUBERNETES',
      /certificate/i,
    )
    await rejects(accessInCluster({}, folder), 'E_KUBERNETES', /KUBERNETES_SERVICE_HOST/)
    await rejects(accessInCluster(environment, folder), 'E_KUBERNETES', /namespace/)
  })
})

async function started(t: TestContext, options: { token?: string } = {}) {
  const fake = await FakeKubernetes.start(t, options)
  const client = new KubernetesClient(fake.access())
  t.after(() => client.close())
  return { fake, client }
}

/** Follows config maps in the background, until the test is over. */
function watched(
  t: TestContext,
  client: KubernetesClient,
  options: Omit<WatchOptions, 'signal'> = {},
  abort = new AbortController(),
) {
  const seen: WatchEvent[] = []
  const follow = async () => {
    for await (const event of client.watch(MAPS, { ...options, signal: abort.signal })) seen.push(event)
  }
  const ended = follow()
  t.after(async () => {
    abort.abort()
    await ended
  })
  const names = () =>
    seen.map((event) => {
      const objects = event.kind === 'all' ? event.objects : [event.object]
      return `${event.kind}:${objects.map(({ metadata }) => metadata.name).join('+')}`
    })
  return { seen, ended, names }
}

function certificate(folder: string) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

function map(name: string, data: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
}

function status(code: number) {
  return { kind: 'status', code } as const
}
