import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { TestGroup, testAgent } from '../testing/group.ts'
import { TestPods, testPod } from '../testing/pods.ts'

const PRINTS = `function onPodEvent(event, pod, meta, why) {
  console.log(event, pod.metadata.name, why ? why.reason + ' ' + why.container : '-')
}`
const CRASH = { reason: 'crash', container: 'main' } as const

async function withPods(t: TestContext) {
  const pods = new TestPods()
  const told = await new TestGroup(t, { pods }).begin()
  return { pods, told, group: told.group }
}

describe('onPodEvent', () => {
  test('gets the pods that there are, then what changes, in order', async (t) => {
    const { pods, told, group } = await withPods(t)
    pods.tell('ADDED', testPod('a'), { reason: 'started', container: '' })
    pods.tell('ADDED', testPod('b'))
    assert.equal(await group.reload(testAgent(0, PRINTS)), undefined)
    pods.tell('ADDED', testPod('c'))
    pods.tell('MODIFIED', testPod('a'), CRASH)
    pods.tell('DELETED', testPod('b'))
    pods.tell('DELETED', testPod('nobody'))
    await group.podsTold()
    assert.deepEqual(told.texts(), [
      'ADDED a -',
      'ADDED b -',
      'ADDED c -',
      'MODIFIED a crash main',
      'DELETED b -',
    ])
    const { pods: fate, calls } = group.results()[0]?.account ?? {}
    assert.deepEqual([fate?.received, fate?.delivered, calls], [5, 5, 5])
    assert.deepEqual(group.discrepancies(), [])
  })

  test('is told that a pod is another one, though it has the name of one before', async (t) => {
    const { pods, told, group } = await withPods(t)
    pods.tell('ADDED', testPod('a'))
    await group.reload(testAgent(0, PRINTS))
    await group.podsTold()
    pods.tell('MODIFIED', testPod('a', {}, { uid: 'another' }), CRASH)
    pods.tell('DELETED', testPod('a'))
    pods.tell('ADDED', testPod('a', {}, { uid: 'another' }))
    await group.podsTold()
    assert.deepEqual(told.texts(), ['ADDED a -', 'DELETED a -', 'ADDED a crash main', 'MODIFIED a -'])
  })

  test('gets those pods alone that are meant, from when they are', async (t) => {
    const { pods, told, group } = await withPods(t)
    let meant = 'a'
    pods.isMeant = ({ metadata }) => metadata.name === meant
    for (const name of ['a', 'b', 'c']) pods.tell('ADDED', testPod(name))
    await group.reload(testAgent(0, PRINTS))
    pods.tell('MODIFIED', testPod('b'), CRASH)
    meant = 'b'
    group.lookAtPods()
    pods.tell('MODIFIED', testPod('a'), CRASH)
    pods.tell('DELETED', testPod('c'))
    pods.tell('DELETED', testPod('a'))
    await group.podsTold()
    assert.deepEqual(told.texts(), ['ADDED a -', 'ADDED b -', 'MODIFIED a crash main', 'DELETED a -'])
    assert.equal(pods.listeners, 1)
  })

  test('begins anew with each version, and only there', async (t) => {
    const { pods, told, group } = await withPods(t)
    pods.tell('ADDED', testPod('a'))
    await group.reload(testAgent(0, PRINTS))
    await group.reload(testAgent(1, PRINTS))
    await group.podsTold()
    const loading = group.reload(
      testAgent(0, PRINTS.replace('log(event', 'log("new", event'), { version: 2 }),
    )
    pods.tell('ADDED', testPod('b'))
    await loading
    pods.tell('MODIFIED', testPod('a'))
    await group.podsTold()
    assert.deepEqual(told.texts(1), ['ADDED a -', 'ADDED b -', 'MODIFIED a -'])
    const ofNew = told.texts(0).filter((text) => text.startsWith('new'))
    assert.deepEqual(ofNew, ['new ADDED a -', 'new ADDED b -', 'new MODIFIED a -'])
    // One that does not load leaves the one before as it is.
    assert.match((await group.reload(testAgent(0, 'throw new Error("no")', { version: 3 }))) ?? '', /no/)
    pods.tell('DELETED', testPod('a'))
    await group.podsTold()
    assert.equal(told.texts(0).at(-1), 'new DELETED a -')
    assert.deepEqual(group.discrepancies(), [])
  })

  test('costs nothing where nobody has it', async (t) => {
    const { pods, group } = await withPods(t)
    await group.reload(testAgent(0, 'function onLogCall() {}'))
    assert.equal(pods.listeners, 0)
    await group.reload(testAgent(0, PRINTS, { version: 2 }))
    assert.equal(pods.listeners, 1)
    await group.remove(0)
    assert.equal(pods.listeners, 0)
    await group.reload(testAgent(1, PRINTS))
    await group.reload(testAgent(1, 'var nothing = 1', { version: 2 }))
    assert.equal(pods.listeners, 0)
  })

  test('may throw, and is called again', async (t) => {
    const { pods, told, group } = await withPods(t)
    await group.reload(testAgent(0, 'function onPodEvent(event, pod) { pod.nothing.at.all() }'))
    for (const name of ['a', 'b', 'c']) pods.tell('ADDED', testPod(name))
    await group.podsTold()
    const { account, runs } = group.results()[0] ?? {}
    assert.deepEqual([account?.errors, account?.pods.delivered, runs], [3, 3, true])
    const errors = told.lines.filter(({ level }) => level === 'error')
    assert.match(errors[0]?.text ?? '', /^onPodEvent: TypeError: Cannot read properties of undefined/)
    assert.equal(errors.length, 1)
  })

  test('is stopped when it takes too long; others go on, and nothing is counted twice', async (t) => {
    const { pods, told, group } = await withPods(t)
    await group.reload(
      testAgent(0, 'function onPodEvent(event, pod) { if (pod.metadata.name === "b") for (;;); }'),
    )
    await group.reload(testAgent(1, PRINTS))
    for (const name of ['a', 'b', 'c', 'd']) pods.tell('ADDED', testPod(name))
    await group.podsTold()
    await group.settled()
    const [slow, other] = group.results()
    assert.match(slow?.account.stopped ?? '', /CPU|time|long/)
    assert.deepEqual([slow?.account.pods.delivered, other?.account.pods.delivered], [2, 4])
    assert.deepEqual(told.texts(1), ['ADDED a -', 'ADDED b -', 'ADDED c -', 'ADDED d -'])
    assert.deepEqual(group.discrepancies(), [])
  })

  test('gets all pods again in a new process, and no change is lost', async (t) => {
    const { pods, told, group } = await withPods(t)
    pods.tell('ADDED', testPod('a'))
    await group.reload(testAgent(0, PRINTS))
    await group.podsTold()
    process.kill(group.pid as number, 'SIGKILL')
    pods.tell('MODIFIED', testPod('a'), CRASH)
    pods.tell('ADDED', testPod('b'))
    await told.until(() => told.texts().includes('ADDED b -'))
    await group.podsTold()
    assert.equal(group.restarts, 1)
    const seen = told.texts()
    assert.deepEqual(seen.slice(0, 1), ['ADDED a -'])
    assert.deepEqual(seen.slice(-3), ['ADDED a -', 'MODIFIED a crash main', 'ADDED b -'])
    assert.deepEqual(group.discrepancies(), [])
  })

  test('loses the oldest changes when there are too many, and says so', async (t) => {
    const { pods, told, group } = await withPods(t)
    await group.reload(
      testAgent(
        0,
        `${PRINTS.replace('console.log', 'if (pod.metadata.name !== "a") return; hub.action("wait"); console.log')}`,
      ),
    )
    const CHANGES = 12_000
    pods.tell('ADDED', testPod('a'))
    for (let change = 0; change < CHANGES; change++) pods.tell('MODIFIED', testPod('b'))
    pods.tell('DELETED', testPod('a'))
    await group.podsTold()
    const { pods: fate } = group.results()[0]?.account ?? {}
    assert.equal(fate?.received, CHANGES + 2)
    assert.ok((fate?.dropped['queue-full'] ?? 0) > 0)
    assert.deepEqual(told.texts().at(-1), 'DELETED a -')
    assert.deepEqual(group.discrepancies(), [])
    // Whoever comes later knows what is there.
    await group.reload(testAgent(1, PRINTS))
    await group.podsTold()
    assert.deepEqual(told.texts(1), ['ADDED b -'])
  })

  test('has pods under the names of Kubernetes, and under those of Go', async (t) => {
    const { pods, told, group } = await withPods(t)
    const terminated = { exitCode: 137, reason: 'OOMKilled', containerID: 'containerd://1' }
    const status = {
      phase: 'Running',
      podIP: '10.0.0.7',
      hostIP: '192.168.0.1',
      podIPs: [{ ip: '10.0.0.7' }],
      qosClass: 'Burstable',
      containerStatuses: [
        { name: 'main', restartCount: 3, state: { running: {} }, lastState: { terminated } },
        { name: 'side' },
      ],
    }
    pods.tell('ADDED', testPod('a', status))
    pods.tell('ADDED', testPod('b', undefined, { labels: undefined }))
    const code = `
      function onPodEvent(event, pod, meta) {
        if (pod.metadata.name === 'b') { console.log(pod.ObjectMeta.Labels['app'], pod.Status.ContainerStatuses.length); return }
        console.log(Object.keys(pod).join(), Object.keys(pod.metadata).join());
        console.log(Object.keys(pod.ObjectMeta).join());
        console.log(JSON.parse(JSON.stringify(pod.ObjectMeta)).CreationTimestamp, pod.ObjectMeta.Labels['app.kubernetes.io/name'], pod.ObjectMeta.DeletionTimestamp);
        console.log(pod.metadata.Name, pod.status.PodIP, pod.status.PodIPs[0].IP, pod.spec.NodeName, pod.metadata.labels.App);
        console.log(pod.Spec.NodeName, pod.Spec.Containers[0].Image, pod.Status.Phase, pod.Status.HostIP, pod.Status.PodIPs[0].IP, pod.Status.QOSClass);
        var one = pod.Status.ContainerStatuses[0];
        console.log(one.RestartCount, Object.keys(one.State).join(), one.LastTerminationState.Terminated.ExitCode, one.LastTerminationState.Terminated.ContainerID, pod.Status.ContainerStatuses[1].LastTerminationState);
        console.log(pod.TypeMeta, meta, arguments.length, String(arguments[3]), pod.ObjectMeta === pod.ObjectMeta);
        pod.metadata.Name = 'mine'; console.log(pod.metadata.name, JSON.stringify(pod).indexOf('ObjectMeta'));
      }`
    await group.reload(testAgent(0, code))
    await group.podsTold()
    assert.deepEqual(
      told.lines.filter(({ level }) => level === 'error'),
      [],
    )
    assert.deepEqual(told.texts(), [
      'metadata,spec,status name,namespace,uid,resourceVersion,creationTimestamp,labels',
      'Name,Namespace,UID,Labels,Annotations,OwnerReferences,CreationTimestamp,DeletionTimestamp,ResourceVersion',
      '2026-11-28T10:00:00Z a null',
      'a 10.0.0.7 10.0.0.7 node-1 undefined',
      'node-1 main:1 Running 192.168.0.1 10.0.0.7 Burstable',
      '3 Running 137 containerd://1 {}',
      '{"Kind":"Pod","APIVersion":"v1"} {"node":"node-1","time":1795860000000} 4 undefined true',
      'mine -1',
      'undefined 0',
    ])
  })

  test('cannot be fooled by names that objects have', async (t) => {
    const { pods, told, group } = await withPods(t)
    const odd = JSON.parse(
      '{"__proto__": {"x": 1}, "constructor": "c", "toString": "t", "Name": "n", "name": "m", "": 1}',
    )
    pods.tell('ADDED', testPod('a', odd, { labels: odd, annotations: odd }))
    const code = `
      Object.prototype.value = 7; Array.prototype.join = null;
      function onPodEvent(event, pod) {
        console.log(JSON.stringify(pod.status) === JSON.stringify(pod.metadata.labels), pod.x, pod.status.constructor, ({}).x);
        console.log(JSON.stringify(pod.ObjectMeta.Labels) === JSON.stringify(pod.metadata.labels), pod.Status.Name);
      }`
    await group.reload(testAgent(0, code))
    await group.podsTold()
    assert.deepEqual(
      told.lines.filter(({ level }) => level === 'error'),
      [],
    )
    assert.deepEqual(told.texts(), ['true undefined c undefined', 'true m'])
  })
})
