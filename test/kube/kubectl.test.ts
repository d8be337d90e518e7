import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { unpackKubeTools } from '../../src/testing/kube-tools.ts'
import { until } from '../../src/testing/until.ts'
import { fakeOnly, type ServerUnderTest, serverUnderTest } from './under-test.ts'

/** What the real kubectl takes for an API server: these hold for a real one, too (REMORA_TEST_KUBECONFIG). */
describe('the API server of tests, for kubectl', () => {
  testWith('says what there is', async ({ kubectl }) => {
    const resources = await kubectl(['api-resources', '-o', 'name'])
    for (const name of [
      'pods',
      'deployments.apps',
      'endpointslices.discovery.k8s.io',
      'leases.coordination.k8s.io',
    ])
      assert.match(resources, new RegExp(`^${name.replaceAll('.', '\\.')}$`, 'm'))
    const namespaced = await kubectl(['api-resources', '--namespaced=false', '-o', 'name'])
    assert.match(namespaced, /^nodes$/m)
    assert.doesNotMatch(namespaced, /^pods$/m)
    assert.match(await kubectl(['api-versions']), /^networking\.k8s\.io\/v1$/m)
    assert.match(await kubectl(['version']), /Server Version: v1\./)
    assert.match(await kubectl(['explain', 'configmaps']), /KIND: +ConfigMap/)
    assert.equal(await kubectl(['get', '--raw', '/readyz']), 'ok')
  })

  testWith('creates, applies, changes and deletes', async ({ kubectl, try: attempt }) => {
    await kubectl(['apply'], map('a', { x: '1', y: '1' }))
    assert.match(await kubectl(['apply'], map('a', { x: '1', y: '1' })), /unchanged/)
    // What is no longer said goes; what others have said stays.
    await kubectl(['patch', 'cm', 'a', '--type=merge', '-p', '{"data":{"z":"1"}}'])
    assert.match(await kubectl(['apply'], map('a', { x: '2' })), /configured/)
    assert.deepEqual(await json(kubectl, 'cm/a', 'data'), { x: '2', z: '1' })
    await kubectl([
      'patch',
      'cm',
      'a',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/data/x","value":"2"},{"op":"remove","path":"/data/z"}]',
    ])
    const failed = await attempt([
      'patch',
      'cm',
      'a',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/data/x","value":"9"}]',
    ])
    assert.notEqual(failed.code, 0)
    await kubectl(['label', 'cm', 'a', 'app=web'])
    await kubectl(['annotate', 'cm', 'a', 'note=1'])
    assert.equal(await kubectl(['get', 'cm', '-l', 'app in (web,db)', '-o', 'name']), 'configmap/a\n')
    assert.equal(
      await kubectl(['get', 'cm', '-l', 'app!=web', '--field-selector', 'metadata.name=a', '-o', 'name']),
      '',
    )
    const read = JSON.parse(await kubectl(['get', 'cm', 'a', '-o', 'json']))
    await kubectl(['label', 'cm', 'a', 'app=db', '--overwrite'])
    const late = await attempt(['replace'], { ...read, data: { late: '1' } })
    assert.match(late.stderr, /Operation cannot be fulfilled on configmaps "a": the object has been modified/)
    assert.match((await attempt(['create'], map('a'))).stderr, /configmaps "a" already exists/)
    await kubectl(['apply', '--dry-run=server'], map('b'))
    assert.match((await attempt(['get', 'cm', 'b'])).stderr, /configmaps "b" not found/)
    const generated = await kubectl(['create', '-o', 'name'], {
      ...map(''),
      metadata: { generateName: 'many-' },
    })
    assert.match(generated, /^configmap\/many-[a-z0-9]{5}$/m)
    await kubectl(['delete', 'cm', 'a'])
    assert.match((await attempt(['get', 'cm', 'a'])).stderr, /NotFound/)
    await kubectl(['delete', 'cm', '--all'])
    assert.doesNotMatch(await kubectl(['get', 'cm', '-o', 'name']), /many-/)
  })

  testWith('lists in pages, and watches', async ({ kubectl, kubeconfig, namespace, try: attempt }, t) => {
    const maps = Array.from({ length: 7 }, (_, n) => map(`m${n}`))
    await kubectl(['create'], { apiVersion: 'v1', kind: 'List', items: maps })
    const listed = await kubectl(['get', 'cm', '--chunk-size=3', '-o', 'name', '-l', '!kube'])
    assert.equal(listed.match(/configmap\/m/g)?.length, 7)
    assert.match((await attempt(['get', 'cm', '-l', 'a==='])).stderr, /unable to parse|BadRequest/)
    const { kubectl: program } = await unpackKubeTools()
    const format = 'jsonpath={.type} {.object.metadata.name}{"\\n"}'
    const args = ['-n', namespace, 'get', 'cm', '-w', '--output-watch-events', '-o', format, '-l', 'app=web']
    const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfig } })
    t.after(async () => {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    // With a selector, what begins to fit is added, and what no longer does is deleted.
    await until(async () => {
      await kubectl(['label', 'cm', 'm1', 'app=web', '--overwrite'])
      await kubectl(['label', 'cm', 'm1', 'app=db', '--overwrite'])
      return /^ADDED m1$/m.test(said) && /^DELETED m1$/m.test(said)
    })
    assert.doesNotMatch(said, /m2/)
  })

  testWith(
    'keeps account of who says what, and does not let others overrule it',
    async ({ kubectl, try: attempt }) => {
      const applied = (manager: string, data: object, ...more: readonly string[]) =>
        attempt(['apply', '--server-side', '--field-manager', manager, ...more], map('a', data))
      assert.equal((await applied('one', { x: '1', y: '1' })).code, 0)
      assert.equal((await applied('two', { z: '1' })).code, 0)
      const conflict = await applied('two', { x: '2', z: '1' })
      assert.match(conflict.stderr, /Apply failed with 1 conflict: conflict with "one": \.data\.x/)
      assert.equal((await applied('two', { x: '2', z: '1' }, '--force-conflicts')).code, 0)
      assert.equal((await applied('one', { y: '1' })).code, 0)
      assert.equal((await applied('one', {})).code, 0)
      const found = JSON.parse(await kubectl(['get', 'cm', 'a', '-o', 'json', '--show-managed-fields']))
      assert.deepEqual(found.data, { x: '2', z: '1' })
      const two = found.metadata.managedFields.find((each: { manager: string }) => each.manager === 'two')
      assert.deepEqual(two.fieldsV1, { 'f:data': { 'f:x': {}, 'f:z': {} } })
      await kubectl(['patch', 'cm', 'a', '--type=merge', '-p', '{"data":{"x":"3"}}', '--field-manager=three'])
      const after = await applied('two', { x: '2', z: '1' })
      assert.match(after.stderr, /conflict with "three" using v1: \.data\.x/)
    },
  )

  testWith('merges lists by what their elements are called', async ({ kubectl }) => {
    const pod = (image: string, ...more: readonly object[]) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image, env: [{ name: 'A', value: '1' }] }, ...more] },
        },
      },
    })
    await kubectl(['apply'], pod('nginx:1', { name: 'side', image: 'side:1' }))
    const change = {
      spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'B', value: '2' }] }] } } },
    }
    await kubectl(['patch', 'deploy', 'web', '-p', JSON.stringify(change)])
    const containers = await json(kubectl, 'deploy/web', 'spec.template.spec.containers')
    assert.deepEqual(
      containers.map(({ name, image }: { name: string; image: string }) => `${name} ${image}`),
      ['web nginx:1', 'side side:1'],
    )
    assert.deepEqual(containers[0].env.map(({ name }: { name: string }) => name).sort(), ['A', 'B'])
    await kubectl(['set', 'image', 'deploy/web', 'web=nginx:2'])
    await kubectl(['apply'], pod('nginx:2'))
    const left = await json(kubectl, 'deploy/web', 'spec.template.spec.containers')
    assert.deepEqual(
      left.map(({ name, image }: { name: string; image: string }) => `${name} ${image}`),
      ['web nginx:2'],
    )
    assert.ok((await json(kubectl, 'deploy/web', 'metadata')).generation > 1)
  })

  testWith('finds what is wrong, in the words of a real one', async (server) => {
    const { kubectl, try: attempt } = server
    await server.hasControllers()
    const wrong = async (object: object, says: RegExp) => {
      const { code, stderr } = await attempt(['create', '--validate=false'], object)
      assert.notEqual(code, 0, JSON.stringify(object))
      assert.match(stderr, says)
    }
    await wrong(
      map('Upper'),
      /The ConfigMap "Upper" is invalid: metadata\.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain/,
    )
    await wrong(map('a', { 'a b': '1' }), /data\[a b\]: Invalid value: "a b": a valid config key/)
    await wrong(
      { ...map('a'), metadata: { name: 'a', labels: { 'a b': 'c' } } },
      /metadata\.labels: Invalid value: "a b"/,
    )
    await wrong(
      map('a', { big: 'x'.repeat((1 << 20) + 1) }),
      /\[\]: Too long: (may not be more than|must have at most) 1048576 bytes/,
    )
    await wrong(
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [] } },
      /spec\.containers: Required value/,
    )
    await wrong(
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: {} },
      /spec\.ports: Required value/,
    )
    await wrong({ ...map('a'), metadata: { name: 'a', namespace: 'elsewhere' } }, /namespace/)
    await kubectl(['create', 'secret', 'generic', 's', '--from-literal=a=b'])
    assert.deepEqual(await json(kubectl, 'secret/s', 'data'), { a: 'Yg==' })
    assert.match((await attempt(['get', 'nothings'])).stderr, /doesn't have a resource type "nothings"/)
    assert.match(
      (await attempt(['create', '-n', 'not-there', 'cm', 'a'])).stderr,
      /namespaces "not-there" not found/,
    )
  })

  testWith(
    'makes kinds of definitions, and holds their objects to them',
    async ({ kubectl, try: attempt, namespace }, t) => {
      const group = `${namespace}.remora.test`
      t.after(() => attempt(['delete', 'crd', `drills.${group}`, '--wait=false']))
      await kubectl(['apply'], definition(group))
      await kubectl(['wait', '--for=condition=Established', `crd/drills.${group}`, '--timeout=30s'])
      const drill = (spec: object) => ({
        apiVersion: `${group}/v1`,
        kind: 'Drill',
        metadata: { name: 'a' },
        spec,
      })
      await until(
        async () => (await attempt(['apply'], drill({ size: 3 }))).code === 0,
        'the kind to be served',
      )
      assert.deepEqual(await json(kubectl, 'drill/a', 'spec'), { size: 3, mode: 'fast' })
      assert.match(
        (await attempt(['apply'], drill({ size: 'x' }))).stderr,
        /spec\.size.*must be of type integer: "string"/,
      )
      assert.match((await attempt(['apply'], drill({}))).stderr, /spec\.size: Required value/)
      assert.match(
        (await attempt(['apply'], drill({ size: 3, typo: 1 }))).stderr,
        /unknown field "spec\.typo"/,
      )
      await kubectl(['apply', '--validate=false'], drill({ size: 4, typo: 1 }))
      assert.deepEqual(await json(kubectl, 'dr/a', 'spec'), { size: 4, mode: 'fast' })
      await kubectl([
        'patch',
        'drill',
        'a',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"done":true},"spec":{"size":9}}',
      ])
      await kubectl(['patch', 'drill', 'a', '--type=merge', '-p', '{"status":{"done":false}}'])
      assert.deepEqual(await json(kubectl, 'drill/a', 'status'), { done: true })
      assert.equal((await json(kubectl, 'drill/a', 'spec')).size, 4)
      await until(
        async () => /How large it is/.test((await attempt(['explain', 'drill.spec'])).stdout),
        'the schema to be published',
      )
      const { metadata, ...unversioned } = JSON.parse(await kubectl(['get', 'drill', 'a', '-o', 'json']))
      const blind = await attempt(['replace', '--raw', pathOf(group, namespace)], {
        ...unversioned,
        metadata: { name: metadata.name },
      })
      assert.match(
        blind.stderr,
        /metadata\.resourceVersion: Invalid value: .*: must be specified for an update/,
      )
      const strategic = await attempt(['patch', 'drill', 'a', '--type=strategic', '-p', '{}'])
      assert.match(
        strategic.stderr,
        /strategic merge patch is not supported|unknown format|UnsupportedMediaType/,
      )
      await kubectl(['wait', '--for=jsonpath={.status.done}=true', 'drill/a', '--timeout=30s'])
      await kubectl(['delete', 'drill', 'a'])
    },
  )

  testWith(
    'lets nobody do what no role gives them',
    { rbac: true },
    async ({ kubectl, try: attempt, namespace }) => {
      await kubectl(['create', 'serviceaccount', 'reader'])
      const account = `system:serviceaccount:${namespace}:reader`
      const as = [`--as=${account}`]
      const refused = await attempt(['get', 'pods', ...as])
      assert.ok(
        refused.stderr.includes(
          `pods is forbidden: User "${account}" cannot list resource "pods" in API group "" in the namespace "${namespace}"`,
        ),
        refused.stderr,
      )
      assert.equal((await attempt(['auth', 'can-i', 'list', 'pods', ...as])).stdout, 'no\n')
      await kubectl(['create', 'role', 'r', '--verb=get,list', '--resource=pods'])
      await kubectl(['create', 'rolebinding', 'r', '--role=r', `--serviceaccount=${namespace}:reader`])
      await until(
        async () => (await attempt(['auth', 'can-i', 'list', 'pods', ...as])).stdout === 'yes\n',
        'the right',
      )
      await kubectl(['get', 'pods', ...as])
      const everywhere = await attempt(['get', 'pods', '-A', ...as])
      assert.match(everywhere.stderr, /cannot list resource "pods" in API group "" at the cluster scope/)
      assert.match(
        (await attempt(['delete', 'pod', 'x', ...as])).stderr,
        /pods "x" is forbidden: User .* cannot delete resource/,
      )
      assert.match(await kubectl(['auth', 'can-i', '--list', ...as]), /^pods +\[\] +\[\] +\[get list\]$/m)
      const token = (await kubectl(['create', 'token', 'reader'])).trim()
      const server = await kubectl([
        'config',
        'view',
        '--minify',
        '-o',
        'jsonpath={.clusters[0].cluster.server}',
      ])
      // Options of the command line go before those of the kubeconfig, and leave out its user.
      const by = (shown: string) => [
        '--kubeconfig=/dev/null',
        `--server=${server}`,
        '--insecure-skip-tls-verify',
        `--token=${shown}`,
      ]
      assert.equal((await attempt(['get', 'pods', ...by(token)])).code, 0)
      assert.match((await attempt(['get', 'pods', ...by('wrong')])).stderr, /must be logged in|Unauthorized/)
    },
  )

  testWith(
    'deletes when finalizers are done, and what is owned with its owner',
    { controllers: ['garbage-collector'] },
    async ({ kubectl, try: attempt, hasControllers }, t) => {
      await kubectl(['create'], {
        ...map('held'),
        metadata: { name: 'held', finalizers: ['remora.test/hold'] },
      })
      await kubectl(['delete', 'cm', 'held', '--wait=false'])
      assert.ok((await json(kubectl, 'cm/held', 'metadata')).deletionTimestamp)
      await kubectl([
        'patch',
        'cm',
        'held',
        '--type=json',
        '-p',
        '[{"op":"remove","path":"/metadata/finalizers"}]',
      ])
      await kubectl(['wait', '--for=delete', 'cm/held', '--timeout=30s'])
      if (!(await hasControllers()))
        return t.diagnostic('this API server has nothing behind it that collects garbage')
      await kubectl(['create'], map('owner'))
      const { uid } = await json(kubectl, 'cm/owner', 'metadata')
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }]
      await kubectl(['create'], { ...map('owned'), metadata: { name: 'owned', ownerReferences } })
      await kubectl(['delete', 'cm', 'owner'])
      await until(async () => (await attempt(['get', 'cm', 'owned'])).code !== 0, 'the owned one to go')
    },
  )

  testWith(
    'has a cluster behind it where that is wanted: pods get ready, services get endpoints',
    { controllers: ['kubelet', 'endpoint-slices'] },
    async (server, t) => {
      const fake = fakeOnly(t, server)
      if (fake === undefined) return
      const { kubectl, namespace } = server
      fake.put('n1', { status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } }, 'nodes')
      await kubectl(['create'], {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
      })
      await kubectl(['create'], {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web-1', labels: { app: 'web' }, annotations: { 'kube.test/ip': '10.9.9.9' } },
        spec: {
          containers: [{ name: 'web', image: 'nginx', ports: [{ name: 'web', containerPort: 8080 }] }],
        },
      })
      await kubectl(['wait', '--for=condition=Ready', 'pod/web-1', '--timeout=30s'])
      assert.equal(
        await kubectl(['get', 'pods', '-A', '--field-selector', 'spec.nodeName=n1', '-o', 'name']),
        'pod/web-1\n',
      )
      await until(() => fake.objects('endpointslices', namespace).length === 1, 'a slice')
      const [slice] = JSON.parse(
        await kubectl(['get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', 'json']),
      ).items
      assert.deepEqual(slice.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }])
      assert.deepEqual(slice.endpoints[0].addresses, ['10.9.9.9'])
      assert.deepEqual(slice.endpoints[0].conditions, { ready: true, serving: true, terminating: false })
      await kubectl(['delete', 'pod', 'web-1'])
      await kubectl(['delete', 'service', 'web'])
      await until(() => fake.objects('endpointslices', namespace).length === 0, 'no slice')
    },
  )
})

type Work = (server: ServerUnderTest, t: TestContext) => Promise<void>

function testWith(
  name: string,
  ...rest: readonly [Work] | readonly [Parameters<typeof serverUnderTest>[1], Work]
): void {
  const [options, work] = rest.length === 1 ? [{}, rest[0]] : rest
  test(name, async (t) => {
    const server = await serverUnderTest(t, options)
    if (server !== undefined) await work(server, t)
  })
}

async function json(kubectl: ServerUnderTest['kubectl'], what: string, path: string) {
  const object = JSON.parse(await kubectl(['get', what, '-o', 'json']))
  return path.split('.').reduce((value, step) => value?.[step], object)
}

function pathOf(group: string, namespace: string): string {
  return `/apis/${group}/v1/namespaces/${namespace}/drills/a`
}

function map(name: string, data: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
}

function definition(group: string) {
  const openAPIV3Schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        description: 'What is wanted.',
        required: ['size'],
        properties: {
          size: { type: 'integer', minimum: 1, description: 'How large it is.' },
          mode: { type: 'string', enum: ['fast', 'slow'], default: 'fast', description: 'How it goes.' },
        },
      },
      status: { type: 'object', properties: { done: { type: 'boolean' } } },
    },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `drills.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'drills', singular: 'drill', kind: 'Drill', shortNames: ['dr'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          subresources: { status: {} },
        },
      ],
    },
  }
}
