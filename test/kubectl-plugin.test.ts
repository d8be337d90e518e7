import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { buildPlugin } from '../scripts/krew.ts'
import { startTestApi } from '../src/testing/api.ts'
import { kubeTools } from '../src/testing/kube-tools.ts'
import { hasTools } from '../src/testing/loopback.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { certificateFor } from './kube/certificate.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { hubPod } from './kube/hub-pod.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'
import { PortForwards } from './kube/port-forward.ts'

const run = promisify(execFile)

describe('kubectl remora', () => {
  test('is what krew installs: an archive with all that it needs, of which the manifest is true', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined || !hasTools(t, 'tar', 'gzip')) return
    const folder = await tempFolder(t)
    const { manifest, archives } = await buildPlugin({
      out: join(folder, 'out'),
      url: 'https://example.com/v1/',
      compression: 1,
    })
    const built = parse(readFileSync(manifest, 'utf8')) as Manifest
    assert.deepEqual(problemsOf(built), [])
    const { spec } = built
    const [platform] = spec.platforms
    const [archive = ''] = archives
    assert.equal(platform?.uri, `https://example.com/v1/${basename(archive)}`)
    assert.equal(platform.sha256, createHash('sha256').update(readFileSync(archive)).digest('hex'))
    // As krew unpacks and links it.
    const store = join(folder, 'store')
    mkdirSync(store)
    await run('tar', ['-xzf', archive, '-C', store])
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    symlinkSync(join(store, platform.bin), join(bin, 'kubectl-remora'))
    const { stdout } = await cluster.kubectl(bin, 'remora', 'agents')
    assert.match(stdout, /DNS counter/)
    assert.equal((await cluster.kubectl(bin, 'remora', '--version')).stdout.trim(), spec.version.slice(1))
  })

  test('has a manifest that krew takes, of the version of Remora', () => {
    const manifest = parse(readFileSync(join(REPOSITORY, 'deploy/krew/remora.yaml'), 'utf8')) as Manifest
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      version: string
    }
    assert.deepEqual(problemsOf(manifest), [])
    assert.equal(manifest.spec.version, `v${version}`)
    for (const { uri, selector } of manifest.spec.platforms) {
      const { os, arch } = selector.matchLabels
      assert.equal(basename(uri), `kubectl-remora-v${version}-${os}-${arch}.tar.gz`)
    }
    // The rules themselves.
    assert.deepEqual(
      problemsOf({
        ...manifest,
        spec: { ...manifest.spec, version: '0.1', shortDescription: 'a\nb', platforms: [] },
      }),
      ['version', 'shortDescription', 'platforms'],
    )
  })

  test('has all commands that talk to a hub', async (t) => {
    const bin = await tempFolder(t)
    symlinkSync(join(REPOSITORY, 'bin/remora.cjs'), join(bin, 'kubectl-remora'))
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
    const commands = async (program: string) => {
      const { stdout } = await run(program, ['--help'], { env })
      return [...stdout.matchAll(/^ {2}([a-z]+) (?=.*)/gm)].map(([, name]) => name)
    }
    const missing = new Set(await commands(join(REPOSITORY, 'bin/remora.cjs')))
    for (const name of await commands(join(bin, 'kubectl-remora'))) missing.delete(name)
    assert.deepEqual([...missing].sort(), [
      'check',
      'config',
      'doctor',
      'hub',
      'run',
      'tap',
      'test',
      'worker',
    ])
  })

  test('takes the options of kubectl, before its own command and behind it', async (t) => {
    const cluster = await started(t)
    if (cluster === undefined) return
    const bin = await tempFolder(t)
    symlinkSync(join(REPOSITORY, 'bin/remora.cjs'), join(bin, 'kubectl-remora'))
    symlinkSync(process.execPath, join(bin, 'node'))
    for (const args of [
      ['agents', '--context', 'there', '-n', 'default'],
      ['--context', 'there', '--namespace', 'default', 'agents', 'list'],
      ['--kubeconfig', cluster.config, 'agents', '--json', '--context=there'],
    ])
      assert.match((await cluster.kubectl(bin, 'remora', ...args)).stdout, /DNS counter/)
    await assert.rejects(cluster.kubectl(bin, 'remora', 'agents', '-n', 'other'), {
      code: 2,
      stderr: /there is no hub of Remora in namespace other\n.*remora \(-s default\)/,
    })
  })
})

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly version: string
    readonly shortDescription: string
    readonly platforms: readonly {
      readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
      readonly uri: string
      readonly sha256: string
      readonly bin: string
    }[]
  }
}

/** What krew would refuse (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/), by the names of fields. */
function problemsOf({ apiVersion, kind, metadata, spec }: Manifest): readonly string[] {
  const holds: Readonly<Record<string, boolean>> = {
    apiVersion: apiVersion === 'krew.googlecontainertools.github.com/v1alpha2',
    kind: kind === 'Plugin',
    name: metadata.name === 'remora',
    version: /^v\d+\.\d+\.\d+(-[\w.]+)?$/.test(spec.version),
    shortDescription: /^[^\r\n]{1,80}$/.test(spec.shortDescription),
    platforms: spec.platforms.length > 0,
    selector: spec.platforms.every(
      ({ selector }) => Object.keys(selector.matchLabels).sort().join() === 'arch,os',
    ),
    uri: spec.platforms.every(({ uri }) => /^https:\/\/.+\.tar\.gz$/.test(uri)),
    sha256: spec.platforms.every(({ sha256 }) => /^[a-f0-9]{64}$/.test(sha256)),
    bin: spec.platforms.every(({ bin }) => bin === 'kubectl-remora'),
  }
  return Object.keys(holds).filter((name) => holds[name] !== true)
}

async function started(t: TestContext) {
  const tools = await kubeTools(t)
  if (tools === undefined || !hasTools(t, 'openssl')) return undefined
  const { hub, url } = await startTestApi(t)
  await hub.createAgent({ title: 'DNS counter', code: '// DNS counter\n' }, 'ann')
  const tls = await certificateFor('127.0.0.1')
  const fake = await FakeKubernetes.start(t, { tls })
  const { hostname: host, port } = new URL(url)
  const forwards = new PortForwards(() => ({ host, port: Number(port) }))
  t.after(() => forwards.close())
  fake.forwards = forwards
  fake.put('remora-hub-1', hubPod('remora'), 'pods')
  const here = { url: fake.url, ca: tls.cert }
  const config = await kubeconfigFile(t, { here, there: here })
  const home = await tempFolder(t)
  const kubectl = (bin: string, ...args: string[]) =>
    run(tools.kubectl, args, {
      env: { PATH: `${bin}:${dirname(tools.kubectl)}:/usr/bin:/bin`, HOME: home, KUBECONFIG: config },
    })
  return { fake, config, kubectl }
}
