import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readObject } from './objects.ts'
import { RecentPods } from './recent-pods.ts'

interface Given {
  readonly uid?: string
  readonly namespace?: string
  readonly ip?: string
  readonly startTime?: string
  readonly phase?: string
  readonly hostNetwork?: boolean
  readonly ports?: readonly object[]
}

function podChange(type: 'ADDED' | 'MODIFIED' | 'DELETED', at: number, name: string, given: Given = {}) {
  const {
    uid = `uid of ${name}`,
    namespace = 'shop',
    ip,
    startTime,
    phase = 'Running',
    hostNetwork,
    ports,
  } = given
  const object = readObject('pod', {
    metadata: { name, namespace, uid },
    spec: { nodeName: 'node-1', hostNetwork, containers: [{ name: 'main', ports }] },
    status: { phase, podIP: ip, startTime },
  })
  assert.ok(object !== undefined)
  return { kind: 'pod', type, at, object } as const
}

function spansOf(pods: RecentPods, name: string, uid?: string) {
  return pods
    .find({ name, uid })
    .map(({ spans, endMs }) => [endMs, ...spans.map((each) => [each.address, each.fromMs, each.untilMs])])
}

describe('recent pods', () => {
  test('are found by name, by namespace, and by uid, those that are there first', () => {
    const pods = new RecentPods()
    pods.take([
      podChange('ADDED', 1, 'cart', { uid: 'a', ip: '10.0.0.1' }),
      podChange('DELETED', 5, 'cart', { uid: 'a', ip: '10.0.0.1' }),
      podChange('ADDED', 6, 'cart', { uid: 'b', ip: '10.0.0.2' }),
      podChange('ADDED', 7, 'cart', { uid: 'c', ip: '10.0.0.3', namespace: 'test' }),
    ])
    const uids = (meant: Parameters<RecentPods['find']>[0]) => pods.find(meant).map(({ uid }) => uid)
    assert.deepEqual(uids({ name: 'cart' }), ['b', 'c', 'a'])
    assert.deepEqual(uids({ name: 'cart', namespace: 'test' }), ['c'])
    assert.deepEqual(uids({ name: 'cart', uid: 'a' }), ['a'])
    assert.deepEqual(uids({ name: 'pay' }), [])
  })

  test('have an address for as long as no other pod has it', () => {
    const pods = new RecentPods()
    const ip = '10.0.0.1'
    pods.take([
      podChange('ADDED', 100, 'one', { ip }),
      podChange('DELETED', 500, 'one', { ip }),
      podChange('ADDED', 600, 'two'),
      podChange('MODIFIED', 700, 'two', { ip }),
      podChange('MODIFIED', 900, 'two', { ip, phase: 'Failed' }),
      podChange('ADDED', 1000, 'three', { ip, startTime: '1970-01-01T00:00:00.950Z' }),
    ])
    const forever = Number.POSITIVE_INFINITY
    assert.deepEqual(spansOf(pods, 'one'), [[500, [ip, 0, 500]]])
    assert.deepEqual(spansOf(pods, 'two'), [[900, [ip, 500, 900]]])
    assert.deepEqual(spansOf(pods, 'three'), [[forever, [ip, 900, forever]]])
  })

  test('on the network of their node have its address, at the ports that they name', () => {
    const pods = new RecentPods()
    const ip = '192.168.0.1'
    const ports = [{ containerPort: 9100 }, { containerPort: 80, hostPort: 8080 }]
    pods.take([
      podChange('ADDED', 1, 'exporter', { ip, hostNetwork: true, ports }),
      podChange('ADDED', 2, 'other', { ip, hostNetwork: true }),
    ])
    const [exporter] = pods.find({ name: 'exporter' })
    assert.deepEqual(exporter?.spans, [
      { address: ip, ports: [9100, 8080], fromMs: 0, untilMs: Number.POSITIVE_INFINITY },
    ])
    assert.equal(exporter?.isOnHostNetwork, true)
  })

  test('are forgotten a quarter of an hour after they went, or when there are too many', () => {
    const pods = new RecentPods(3)
    for (let at = 1; at <= 5; at++) {
      pods.take([podChange('ADDED', at, `p${at}`), podChange('DELETED', at, `p${at}`)])
    }
    const left = () => [1, 2, 3, 4, 5].filter((at) => pods.find({ name: `p${at}` }).length > 0)
    assert.deepEqual(left(), [3, 4, 5])
    pods.take([podChange('ADDED', 6, 'late'), podChange('DELETED', 4 + 15 * 60_000, 'late')])
    assert.deepEqual(left(), [5])
  })
})
