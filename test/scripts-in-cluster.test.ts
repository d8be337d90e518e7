import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { natsServer } from '../src/testing/nats-server.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { FakeKubernetes } from './kube/fake-kubernetes.ts'
import { hubPod } from './kube/hub-pod.ts'
import { kubeconfigFile } from './kube/kubeconfig.ts'
import { PortForwards } from './kube/port-forward.ts'

const MAP = 'remora-config-map'
const COUNTS = `// Counts
var n = 0
if (utils.nodeName() === 'hub') jobs.schedule('count', '* * * * * *', function () { console.log('count', ++n) })`

test('a folder is synced from a laptop: through kubectl edits, a map that is deleted, and hubs that are replaced', async (t) => {
  const cluster = await started(t)
  if (cluster === undefined) return
  const { fake, folder, laptop, startHub } = cluster
  const first = await startHub('hub-1')
  await writeFile(join(folder, 'counts.js'), COUNTS)
  await writeFile(join(folder, 'quiet.js'), '// Quiet\nvar quiet')
  const scripts = laptop('scripts', '.', '--activate')
  const console = laptop('console')
  await scripts.says(/created +counts\.js/)
  await scripts.says(/created +quiet\.js/)
  await until(() => titles(fake).join() === 'Counts,Quiet')
  await console.says(/count 1\b/)

  await t.test(
    'what others edit meanwhile is merged, and what is deleted as a whole is there again',
    async () => {
      const { data } = fake.find(MAP) as unknown as { data: Record<string, string> }
      const all = JSON.parse(data.SCRIPTING_SCRIPTS ?? '{}') as Record<string, unknown>
      const edited = { ...all, 7: { title: 'By kubectl', code: '// By kubectl\n', active: false } }
      fake.put(MAP, { data: { ...data, SCRIPTING_SCRIPTS: JSON.stringify(edited) } })
      await writeFile(join(folder, 'quiet.js'), '// Quiet\nvar other')
      await scripts.says(/changed +quiet\.js|updated +quiet\.js/)
      await until(() => titles(fake).join() === 'Counts,Quiet,By kubectl')
      fake.remove(MAP)
      await until(() => titles(fake).join() === 'Counts,Quiet,By kubectl')
      await writeFile(join(folder, 'more.js'), '// More\n')
      await until(() => titles(fake).includes('More'))
      // As a release that is rendered anew: what is synced comes back, and keeps what it was.
      fake.put(MAP, { data: { SCRIPTING_SCRIPTS: '{}' } })
      await until(() => titles(fake).sort().join() === 'Counts,More,Quiet')
      assert.ok(
        scripts.stderr.split('\n').every((line) => !/^\s+at /.test(line)),
        scripts.stderr,
      )
    },
  )

  await t.test('a hub that is replaced by another one is followed there, and nothing is lost', async () => {
    const second = await startHub('hub-2')
    fake.remove('hub-1', 'pods')
    cluster.forwards.drop('hub-1')
    await writeFile(join(folder, 'late.js'), '// Late\n')
    assert.equal(await first.stop('SIGTERM'), 0, first.stderr)
    await until(() => titles(fake).includes('Late'))
    await rm(join(folder, 'late.js'))
    await until(() => !titles(fake).includes('Late'))
    const last = numbers(console.stdout).at(-1) ?? 0
    await until(() => (numbers(console.stdout).at(-1) ?? 0) > last + 2)
    const counted = numbers(console.stdout)
    // One run of the agent after another, each without a hole.
    assert.deepEqual(
      counted.filter((n, at) => n !== 1 && n !== (counted[at - 1] ?? 0) + 1),
      [],
      console.stdout,
    )
    assert.equal(await scripts.stop(), 0, scripts.stderr)
    await console.stop()
    assert.equal(await second.stop('SIGTERM'), 0, second.stderr)
  })
})

function titles(fake: FakeKubernetes): string[] {
  const { data = {} } = (fake.find(MAP) ?? {}) as { data?: Record<string, string> }
  const all = JSON.parse(data.SCRIPTING_SCRIPTS ?? '{}') as Record<string, { title: string }>
  return Object.values(all).map(({ title }) => title)
}

function numbers(text: string): number[] {
  return [...text.matchAll(/count (\d+)$/gm)].map(([, n]) => Number(n))
}

async function started(t: TestContext) {
  const server = await natsServer(t)
  if (server === undefined) return undefined
  const fake = await FakeKubernetes.start(t)
  const ports = new Map<string, number>()
  const forwards = new PortForwards((_namespace, pod) => {
    const port = ports.get(pod)
    return port === undefined ? undefined : { host: '127.0.0.1', port }
  })
  t.after(() => forwards.close())
  fake.forwards = forwards
  const config = await kubeconfigFile(t, { here: { url: fake.url } })
  const settings = ['hub.store=configmap', 'kubernetes.context=here'].flatMap((each) => ['--set', each])
  const startHub = async (pod: string) => {
    const hub = new Running(
      t,
      await tempFolder(t),
      ['hub', '--nats', server.url],
      [...settings, '--set-string', `kubernetes.kubeconfig=${config}`],
    )
    await hub.says(/the API is at \S+,/)
    ports.set(pod, Number(new URL(hub.apiUrl).port))
    fake.put(pod, hubPod('remora'), 'pods')
    return hub
  }
  const folder = await tempFolder(t)
  const laptop = (...args: string[]) => new Running(t, folder, [...args, '--kubeconfig', config])
  return { fake, forwards, folder, laptop, startHub }
}
