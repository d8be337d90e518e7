import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { stringify } from 'yaml'
import { FakeKubernetes } from '../../test/kube/fake-kubernetes.ts'
import type { MistakeCode } from '../mistake/mistake.ts'
import { authority } from '../testing/authority.ts'
import { hasTools } from '../testing/loopback.ts'
import { rejects } from '../testing/rejects.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { KubernetesClient } from './client.ts'
import { accessByKubeconfig } from './kubeconfig.ts'

const MAP = '/api/v1/namespaces/default/configmaps/a'

describe('access by a kubeconfig', () => {
  test('goes by token to a server without TLS, in the namespace of the context', async (t) => {
    const fake = await served(t, { token: 'secret' })
    const file = await kubeconfig(t, { server: fake.url, user: { token: 'secret' }, namespace: 'prod' })
    const access = await accessByKubeconfig({ file })
    assert.equal(access.namespace, 'prod')
    await reads(t, access)
  })

  test('takes a file of a token beside it, also when that is another one by now', async (t) => {
    const fake = await served(t, { token: 'first' })
    const file = await kubeconfig(t, { server: fake.url, user: { tokenFile: 'my/token' } })
    const token = join(dirname(file), 'my/token')
    await mkdir(dirname(token))
    await writeFile(token, 'first\n')
    const access = await accessByKubeconfig({ file })
    await reads(t, access)
    fake.token = 'second'
    await writeFile(token, 'second\n')
    await reads(t, access)
  })

  test('asks an exec plugin beside it as kubectl does', async (t) => {
    const fake = await served(t, { token: 'from-plugin' })
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin.sh',
      args: ['from'],
      env: [{ name: 'WHO', value: 'plugin' }],
      interactiveMode: 'Never',
    }
    const file = await kubeconfig(t, { server: fake.url, user: { exec } })
    await plugin(
      file,
      `case $KUBERNETES_EXEC_INFO in *client.authentication.k8s.io/v1*) ;; *) exit 3;; esac
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$1-$WHO'"}}'`,
    )
    await reads(t, await accessByKubeconfig({ file }))
    await plugin(file, 'echo who are you >&2; exit 1')
    await rejects(accessByKubeconfig({ file }), 'E_KUBERNETES', /plugin\.sh.*who are you/)
  })

  test('tells a plugin of the cluster where it wants to know', async (t) => {
    const fake = await served(t, { token: 'from-plugin' })
    const exec = {
      ...{ apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.sh', provideClusterInfo: true },
      interactiveMode: 'Never',
    }
    const extension = { tenant: 'shop' }
    const cluster = { extensions: [{ name: 'client.authentication.k8s.io/exec', extension }] }
    const file = await kubeconfig(t, { server: fake.url, user: { exec }, cluster })
    const told = join(dirname(file), 'told')
    await plugin(file, `echo "$KUBERNETES_EXEC_INFO" > ${told}\necho '{"status":{"token":"from-plugin"}}'`)
    await reads(t, await accessByKubeconfig({ file }))
    const { spec } = JSON.parse(await readFile(told, 'utf8'))
    assert.equal(spec.cluster.server, fake.url)
    assert.deepEqual(spec.cluster.config, extension)
  })

  test('takes what a login has written since, and asks a plugin again, when a token is refused', async (t) => {
    const fake = await served(t, { token: 'first' })
    const written = { server: fake.url, user: { token: 'first' } }
    const file = await kubeconfig(t, written)
    const client = new KubernetesClient(await accessByKubeconfig({ file }))
    t.after(() => client.close())
    await client.get(MAP)
    fake.token = 'second'
    await writeFile(file, stringify(content({ ...written, user: { token: 'second' } })))
    await client.get(MAP)

    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.sh' }
    const byPlugin = await kubeconfig(t, { server: fake.url, user: { exec } })
    await plugin(byPlugin, `echo '{"status":{"token":"second"}}'`)
    const other = new KubernetesClient(await accessByKubeconfig({ file: byPlugin }))
    t.after(() => other.close())
    await other.get(MAP)
    fake.token = 'third'
    await plugin(byPlugin, `echo '{"status":{"token":"third"}}'`)
    await other.get(MAP)
  })

  test('shows its certificate, and looks at that of the server', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const ca = await authority(t)
    const [own, server] = [await ca.sign('ann'), await ca.sign('kube.test')]
    const fake = await served(t, { tls: { ...server, ca: ca.cert }, rbac: true })
    fake.put(
      'reader',
      { rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] },
      'clusterroles',
    )
    const binding = {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
    }
    fake.put('reader', binding, 'clusterrolebindings')
    const inline = (text: string) => Buffer.from(text).toString('base64')
    const user = { 'client-certificate-data': inline(own.cert), 'client-key-data': inline(own.key) }
    const cluster = { 'certificate-authority-data': inline(ca.cert) }
    const file = await kubeconfig(t, {
      ...{ server: fake.url, user },
      cluster: { ...cluster, 'tls-server-name': 'kube.test' },
    })
    await reads(t, await accessByKubeconfig({ file }))
    const other = await kubeconfig(t, { server: fake.url, user, cluster })
    await rejects(read(t, await accessByKubeconfig({ file: other })), 'E_KUBERNETES', /altnames|certificate/i)
    const blind = await kubeconfig(t, {
      ...{ server: fake.url, user },
      cluster: { 'insecure-skip-tls-verify': true },
    })
    await reads(t, await accessByKubeconfig({ file: blind }))
    const nobody = await kubeconfig(t, {
      server: fake.url,
      user: {},
      cluster: { 'insecure-skip-tls-verify': true },
    })
    await rejects(read(t, await accessByKubeconfig({ file: nobody })), 'E_FORBIDDEN', /system:anonymous/)
  })

  test('finds the file as kubectl does, and the first of several says what a name means', async (t) => {
    const fake = await served(t, { token: 'secret' })
    const [first, second] = [
      await kubeconfig(t, { server: fake.url, user: { token: 'secret' }, name: 'one' }),
      await kubeconfig(t, { server: 'https://127.0.0.1:1', user: { token: 'wrong' }, name: 'one' }),
    ]
    const third = await kubeconfig(t, { server: fake.url, user: { token: 'secret' }, name: 'two' })
    const environment = { KUBECONFIG: ['/does-not-exist', first, second, third].join(':') }
    await reads(t, await accessByKubeconfig({ environment }))
    await reads(t, await accessByKubeconfig({ environment, context: 'two' }))
    const home = await tempFolder(t)
    await mkdir(join(home, '.kube'))
    await writeFile(
      join(home, '.kube/config'),
      stringify(content({ server: fake.url, user: { token: 'secret' } })),
    )
    await reads(t, await accessByKubeconfig({ environment: { HOME: home } }))
  })

  test('says what is wrong with it, and what there is', async (t) => {
    const server = 'https://127.0.0.1:1'
    const folder = await tempFolder(t)
    const wrong = async (text: unknown, code: MistakeCode, says: RegExp, context?: string) => {
      const file = join(folder, 'config')
      await writeFile(file, typeof text === 'string' ? text : stringify(text))
      return rejects(accessByKubeconfig({ file, context }), code, says)
    }
    const good = content({ server, user: {} })
    await rejects(accessByKubeconfig({ file: '/nowhere/config' }), 'E_KUBERNETES', /\/nowhere\/config/)
    const other = await wrong(good, 'E_USAGE', /no context "other"/, 'other')
    assert.match(other.hint ?? '', /contexts: main/)
    await wrong('a:\n\t- b: [', 'E_KUBERNETES', /cannot be read/)
    await wrong('users: [{name: a, user: 7}]', 'E_KUBERNETES', /cannot be read/)
    await wrong('{}', 'E_USAGE', /no current context/)
    await wrong({ ...good, 'current-context': '' }, 'E_USAGE', /no current context/)
    await wrong({ ...good, clusters: [] }, 'E_KUBERNETES', /cluster main/)
    await wrong(content({ server: '::', user: {} }), 'E_KUBERNETES', /no address/)
    await wrong(content({ server, user: {}, cluster: { 'proxy-url': 'http://p' } }), 'E_KUBERNETES', /proxy/)
    await wrong(content({ server, user: { username: 'a', password: 'b' } }), 'E_KUBERNETES', /1\.19/)
    const gone = { 'certificate-authority': 'gone.pem' }
    await wrong(content({ server, user: {}, cluster: gone }), 'E_KUBERNETES', /gone\.pem/)
    await wrong(content({ server, user: { tokenFile: 'gone' } }), 'E_KUBERNETES', /gone/)
  })
})

interface Written {
  readonly server: string
  readonly user: object
  readonly cluster?: object
  readonly namespace?: string
  readonly name?: string
}

function content({ server, user, cluster = {}, namespace, name = 'main' }: Written) {
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': name },
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user }],
    contexts: [
      { name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } },
    ],
  }
}

async function kubeconfig(t: TestContext, written: Written): Promise<string> {
  const file = join(await tempFolder(t), 'config')
  await writeFile(file, stringify(content(written)))
  return file
}

async function plugin(kubeconfigFile: string, script: string): Promise<void> {
  const file = join(dirname(kubeconfigFile), 'plugin.sh')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

async function served(t: TestContext, options: Parameters<typeof FakeKubernetes.start>[1]) {
  const fake = await FakeKubernetes.start(t, options)
  fake.put('a', { data: { n: '1' } })
  return fake
}

async function read(t: TestContext, access: Awaited<ReturnType<typeof accessByKubeconfig>>) {
  const client = new KubernetesClient(access)
  t.after(() => client.close())
  return (await client.get(MAP, { signal: AbortSignal.timeout(20_000) })).data
}

async function reads(t: TestContext, access: Awaited<ReturnType<typeof accessByKubeconfig>>): Promise<void> {
  assert.deepEqual(await read(t, access), { n: '1' })
}
