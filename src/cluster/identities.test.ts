import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Identity } from '../entry/identity.ts'
import { KubernetesObject } from '../entry/kubernetes-object.ts'
import { Identities } from './identities.ts'
import type { KnownChange } from './objects.ts'
import { aNode, aPod, aService, aSlice, change, START, seconds } from './test-objects.ts'

const LATER = START + 60_000

describe('who has an address in a cluster', () => {
  test('is a pod, with its namespace, node and workload', () => {
    const identities = known(
      added('pod', aPod('cart-6b5f', '10.1.0.2', { metadata: OF_DEPLOYMENT }), START + 1500),
    )
    const found = identities.find('10.1.0.2', '51544', LATER)
    assert.deepEqual(plain(found), {
      name: 'cart-6b5f',
      namespace: 'shop',
      mechanism: 'ip',
      pod: 'cart-6b5f',
      service: '',
      endpointSlice: '',
      workload: { kind: 'Deployment', name: 'cart' },
      nodeName: 'node-1',
    })
    assert.equal(identities.find('10.1.0.3', '80', LATER), undefined)
    assert.equal(identities.find('10.1.0.2', '80', START - 1), undefined, 'it had not begun')
  })

  test('is the service rather than a pod where the port is that of a service, in all the ways there are', () => {
    const ports = [{ port: 80, targetPort: 8080, nodePort: 30_080 }]
    const spec = {
      clusterIP: '10.9.0.1',
      clusterIPs: ['10.9.0.1', 'fd00::9'],
      externalIPs: ['203.0.113.1'],
      ports,
    }
    const balanced = { loadBalancer: { ingress: [{ ip: '203.0.113.2' }, { hostname: 'example.com' }] } }
    const identities = known(
      added('node', aNode('node-1', '192.168.0.1')),
      added('service', aService('price', spec, balanced)),
      added('pod', aPod('price-1', '10.1.0.3')),
      added('endpointSlice', aSlice('price', 8080, { '10.1.0.3': 'price-1' })),
    )
    const named = (ip: string, port: string) => {
      const { name = '', mechanism, pod } = identities.find(ip, port, LATER) ?? {}
      return `${name} ${mechanism} ${nameOf(pod) || '-'}`
    }
    for (const ip of ['10.9.0.1', 'fd00::9', '203.0.113.1', '203.0.113.2', '::ffff:10.9.0.1'])
      assert.equal(named(ip, '80'), 'price ip-and-port -', ip)
    assert.equal(named('192.168.0.1', '30080'), 'price ip-and-port -')
    assert.equal(named('10.1.0.3', '8080'), 'price ip-and-port price-1')
    assert.equal(named('10.1.0.3', '9090'), 'price-1 ip price-1')
    assert.equal(named('10.9.0.1', '81'), 'price ip -')
    assert.equal(named('192.168.0.1', '22'), 'node-1 ip -')
    assert.equal(named('203.0.113.1', '22'), ' undefined -', 'it may be that of another')
    assert.equal(named('10.1.0.4', '30080'), ' undefined -', 'not a node')
    const { service, endpointSlice } = plain(identities.find('10.1.0.3', '8080', LATER)) ?? {}
    assert.deepEqual([service, endpointSlice], ['price', 'price-x1'])
  })

  test('is the service of that protocol, where several share an address and port', () => {
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.2' }] } }
    const port = (protocol?: string) => [{ port: 53, nodePort: 30_053, ...(protocol ? { protocol } : {}) }]
    const identities = known(
      added('node', aNode('node-1', '192.168.0.1')),
      added('service', aService('dns-tcp', { clusterIP: '10.9.0.1', ports: port() }, status)),
      added('service', aService('dns-udp', { clusterIP: '10.9.0.2', ports: port('UDP') }, status), START + 9),
      added('pod', aPod('dns-1', '10.1.0.3')),
      added('endpointSlice', aSlice('dns-tcp', 53, { '10.1.0.3': 'dns-1' })),
      added('endpointSlice', {
        ...aSlice('dns-udp', 53, { '10.1.0.3': 'dns-1' }),
        ports: [{ port: 53, protocol: 'UDP' }],
      }),
    )
    for (const [ip, at] of [
      ['203.0.113.2', '53'],
      ['192.168.0.1', '30053'],
      ['10.1.0.3', '53'],
    ] as const) {
      assert.equal(identities.find(ip, at, LATER)?.name, 'dns-tcp', ip)
      assert.equal(identities.find(ip, at, LATER, 'udp')?.name, 'dns-udp', ip)
    }
    assert.equal(identities.find('203.0.113.2', '53', LATER, 'sctp'), undefined)
    assert.equal(identities.find('10.1.0.3', '0', LATER, '')?.name, 'dns-1')
    assert.ok([...identities.history()].every(({ address }) => !address.includes('/')))
  })

  test('is the service that has an address, of several with the same pods', () => {
    const identities = known(
      added('service', aService('all', { clusterIP: 'None', ports: [{ port: 8080 }] })),
      added('service', aService('price', { clusterIP: '10.9.0.1', ports: [{ port: 80 }] })),
      added('pod', aPod('price-1', '10.1.0.3')),
      added('endpointSlice', aSlice('all', 8080, { '10.1.0.3': 'price-1' })),
      added('endpointSlice', aSlice('price', 8080, { '10.1.0.3': 'price-1' })),
    )
    assert.equal(identities.find('10.1.0.3', '8080', LATER)?.name, 'price')
  })

  test('is no service of another namespace that says that a pod is behind it: only its own namespace has a say', () => {
    const inOther = (slice: ReturnType<typeof aSlice>) => ({
      ...slice,
      metadata: { ...slice.metadata, namespace: 'other' },
    })
    const identities = known(
      added('pod', aPod('price-1', '10.1.0.3')),
      added('endpointSlice', inOther(aSlice('taken', 8080, { '10.1.0.3': undefined }))),
      added('endpointSlice', inOther(aSlice('claimed', 8081, { '10.1.0.3': 'price-1' }))),
      added('endpointSlice', aSlice('manual', 8082, { '10.1.0.3': undefined })),
      added('endpointSlice', inOther(aSlice('outside', 5432, { '198.51.100.7': undefined }))),
    )
    const named = (ip: string, port: string) => identities.find(ip, port, LATER)?.name
    assert.deepEqual(
      ['8080', '8081', '8082'].map((port) => named('10.1.0.3', port)),
      ['price-1', 'price-1', 'manual'],
    )
    assert.equal(nameOf(identities.find('10.1.0.3', '8082', LATER)?.pod), 'price-1')
    assert.equal(named('198.51.100.7', '5432'), 'outside', 'a database beside the cluster')
  })

  test('is a pod on the network of its node where it alone has the port there, else the node', () => {
    const onHost = (name: string, port: number) =>
      aPod(name, '192.168.0.1', {
        spec: { hostNetwork: true, containers: [{ name: 'main', ports: [{ containerPort: port }] }] },
      })
    const identities = known(
      added('node', aNode('node-1', '192.168.0.1')),
      added('pod', onHost('exporter', 9100)),
      added('pod', onHost('one', 53)),
      added('pod', onHost('two', 53)),
      added(
        'pod',
        aPod('ingress', '10.1.0.5', {
          spec: { containers: [{ name: 'main', ports: [{ containerPort: 80, hostPort: 8000 }] }] },
        }),
      ),
    )
    const named = (port: string) => identities.find('192.168.0.1', port, LATER)?.name
    assert.equal(named('9100'), 'exporter')
    assert.equal(named('53'), 'node-1')
    assert.equal(named('40000'), 'node-1')
    assert.equal(named('8000'), 'ingress')
    assert.equal(identities.find('10.1.0.5', '80', LATER)?.name, 'ingress')
  })

  test('is found by both addresses of a pod that has two, however they are written', () => {
    const status = { podIPs: [{ ip: '10.1.0.2' }, { ip: 'FD00:0::0002' }] }
    const identities = known(added('pod', aPod('cart', '10.1.0.2', { status })))
    for (const ip of ['10.1.0.2', '::ffff:10.1.0.2', 'fd00::2'])
      assert.equal(identities.find(ip, '1', LATER)?.name, 'cart', ip)
  })

  test('is nobody between two that have had it, and each in its time', () => {
    const finished = {
      state: { terminated: { startedAt: seconds(START), finishedAt: seconds(START + 10_000) } },
    }
    const over = {
      metadata: { deletionTimestamp: seconds(START + 30_000) },
      status: { containerStatuses: [{ name: 'main', ...finished }] },
    }
    const identities = known(
      added('pod', aPod('one', '10.1.0.2'), START + 1500),
      modified('pod', aPod('one', '10.1.0.2', over), START + 11_500),
      deleted('pod', aPod('one', '10.1.0.2', over), START + 14_000),
      added(
        'pod',
        aPod('two', '10.1.0.2', { status: { startTime: seconds(START + 12_000) } }),
        START + 14_500,
      ),
    )
    const at = (ms: number) => identities.find('10.1.0.2', '80', START + ms)?.name
    assert.equal(at(9999), 'one')
    assert.equal(at(10_998), 'one', 'it ended at some time in that second')
    assert.equal(at(11_000), undefined)
    assert.equal(at(12_000), 'two', 'though it was told of later')
  })

  test('is the pod that has it now, however those are listed that had it before', () => {
    const of = (name: string, from: number, status: Record<string, unknown>) =>
      aPod(name, '10.1.0.2', { status: { startTime: seconds(START + from), ...status } })
    const ran = (from: number, more: Record<string, unknown>) => [
      { name: 'main', state: { terminated: { startedAt: seconds(START + from), ...more } } },
    ]
    const running = [{ name: 'main', state: { running: { startedAt: seconds(START + 300_500) } } }]
    const pods = [
      of('finished', 0, {
        phase: 'Succeeded',
        containerStatuses: ran(1000, { finishedAt: seconds(START + 50_000) }),
      }),
      of('evicted', 100_000, { phase: 'Failed', reason: 'Evicted' }),
      of('lost', 200_000, {
        phase: 'Failed',
        containerStatuses: [{ name: 'main', state: { running: { startedAt: seconds(START + 201_000) } } }],
      }),
      of('here', 300_000, { containerStatuses: running }),
    ]
    const listed = START + 400_000
    fc.assert(
      fc.property(fc.shuffledSubarray(pods, { minLength: pods.length }), (inOrder) => {
        const identities = known(...inOrder.map((pod) => added('pod', pod, listed)))
        const at = (ms: number) => identities.find('10.1.0.2', '80', START + ms)?.name
        assert.deepEqual(
          [at(20_000), at(100_000 - 1), at(310_000), at(390_000), at(500_000)],
          ['finished', undefined, 'here', 'here', 'here'],
        )
        const others = [120_000, 180_000, 210_000, 299_000].map((ms) => at(ms) ?? '')
        assert.ok(
          others.slice(0, 2).every((name) => ['', 'evicted'].includes(name)),
          others.join(),
        )
        assert.ok(
          others.slice(2).every((name) => ['', 'lost'].includes(name)),
          others.join(),
        )
      }),
    )
  })

  test('is the one before until shortly before the next one can have been made, however soon that was told of', () => {
    const waiting = aPod('second', '', { status: { phase: 'Pending', startTime: undefined } })
    const identities = known(
      added('pod', aPod('first', '10.1.0.2')),
      deleted('pod', aPod('first', '10.1.0.2'), START + 20_900),
      added('pod', waiting, START + 20_920),
      modified(
        'pod',
        aPod('second', '10.1.0.2', { status: { startTime: seconds(START + 20_920) } }),
        START + 21_900,
      ),
    )
    const at = (ms: number) => identities.find('10.1.0.2', '80', START + ms)?.name
    assert.deepEqual(
      [at(20_790), at(20_869), at(20_870), at(20_899), at(20_900), at(21_900)],
      ['first', 'first', undefined, undefined, 'second', 'second'],
    )
  })

  test('is a pod that was given another address, from then on, as when its node has started again', () => {
    const status = {
      containerStatuses: [{ name: 'main', state: { running: { startedAt: seconds(START) } } }],
    }
    const identities = known(
      added('pod', aPod('mover', '10.1.0.2', { status }), START + 1500),
      added(
        'pod',
        aPod('before', '10.1.0.3', { status: { startTime: seconds(START + 20_000) } }),
        START + 21_000,
      ),
      deleted(
        'pod',
        aPod('before', '10.1.0.3', { status: { startTime: seconds(START + 20_000) } }),
        START + 40_000,
      ),
      modified('pod', aPod('mover', '10.1.0.2', { status: { ...status, message: 'x' } }), START + 50_000),
      modified('pod', aPod('mover', '10.1.0.3', { status }), START + 52_000),
      modified('pod', aPod('mover', '10.1.0.3', { status: { ...status, message: 'y' } }), START + 58_000),
    )
    const at = (ip: string, ms: number) => identities.find(ip, '80', START + ms)?.name
    assert.deepEqual(
      [at('10.1.0.2', 45_000), at('10.1.0.2', 53_000), at('10.1.0.3', 10_000), at('10.1.0.3', 30_000)],
      ['mover', undefined, undefined, 'before'],
    )
    assert.deepEqual([at('10.1.0.3', 45_000), at('10.1.0.3', 52_000)], [undefined, 'mover'])
  })

  test('is a service that is told of a new address from then on, and by then where the API server is ahead', () => {
    const balanced = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } })
    const spec = { clusterIP: '10.9.0.1', ports: [{ port: 80 }] }
    const identities = known(
      added('service', aService('price', spec), START - 9000),
      modified('service', aService('price', spec, balanced('203.0.113.2')), START + 20_000),
    )
    const at = (ip: string, ms: number) => identities.find(ip, '80', START + ms)?.name
    assert.deepEqual(
      [at('10.9.0.1', -9500), at('10.9.0.1', -5000), at('203.0.113.2', 19_000), at('203.0.113.2', 20_000)],
      [undefined, 'price', undefined, 'price'],
    )
  })

  test('keeps its address when a container starts again', () => {
    const again = {
      state: { terminated: { startedAt: seconds(START), finishedAt: seconds(START + 10_000) } },
    }
    const identities = known(
      added('pod', aPod('one', '10.1.0.2'), START + 1500),
      modified(
        'pod',
        aPod('one', '10.1.0.2', { status: { containerStatuses: [{ name: 'main', ...again }] } }),
        START + 11_500,
      ),
    )
    assert.equal(identities.find('10.1.0.2', '80', LATER)?.name, 'one')
  })

  test('is a pod of its own when another one with its name has come', () => {
    const second = aPod('db-0', '10.1.0.9', {
      metadata: { uid: 'another' },
      status: { startTime: seconds(START + 20_000) },
    })
    const identities = known(
      added('pod', aPod('db-0', '10.1.0.2'), START + 1500),
      added('pod', second, START + 21_000),
    )
    assert.equal(identities.find('10.1.0.2', '1', START + 10_000)?.name, 'db-0')
    assert.equal(identities.find('10.1.0.2', '1', LATER), undefined)
    assert.equal(identities.find('10.1.0.9', '1', LATER)?.name, 'db-0')
  })

  test('may become known in the networks of the cluster, and of who is about to go', () => {
    const identities = known(
      added('node', aNode('node-1', '192.168.0.1', { podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'] })),
      added('pod', aPod('one', '10.1.0.2')),
      added('pod', aPod('going', '10.1.0.3', { metadata: { deletionTimestamp: seconds(LATER) } })),
      added('pod', aPod('elsewhere', '172.30.5.1')),
    )
    const may = (ip: string) => identities.mayChange(ip, '80', LATER)
    assert.deepEqual(
      [
        '10.1.0.2',
        '10.1.0.3',
        '10.1.0.4',
        'fd00:1::5',
        '172.30.5.9',
        '172.30.6.9',
        '192.168.0.1',
        '8.8.8.8',
      ].filter(may),
      ['10.1.0.3', '10.1.0.4', 'fd00:1::5', '172.30.5.9'],
    )
    const silent = known(added('node', aNode('node-1', '192.168.0.1')))
    assert.deepEqual(
      ['10.5.0.1', '8.8.8.8'].map((ip) => silent.mayChange(ip, '80', LATER)),
      [true, false],
    )
    assert.equal(
      new Identities(LIMITS).mayChange('10.5.0.1', '80', LATER),
      false,
      'nothing is known of a cluster',
    )
  })

  test('may become known of pods whose node has gone, as another node may have its network by now', () => {
    const node = aNode('node-1', '192.168.0.1', { podCIDRs: ['10.1.0.0/24'] })
    const changes = [added('node', node), added('pod', aPod('left-behind', '10.1.0.2'))]
    const may = (...more: readonly KnownChange[]) =>
      known(...changes, ...more).mayChange('10.1.0.2', '80', LATER)
    const gone = deleted('node', node, LATER - 1000)
    assert.equal(may(), false)
    assert.equal(may(gone), true)
    assert.equal(known(...changes, gone).find('10.1.0.2', '80', LATER)?.name, 'left-behind')
    assert.equal(may(gone, added('node', node, LATER - 500)), false)
  })

  test('is remembered for a while, and not of too many', () => {
    const identities = new Identities({ keepMs: 60_000, mostPast: 10 })
    const live = (name: string, from: number, until: number) => {
      const pod = aPod(name, '10.1.0.2', { status: { startTime: seconds(START + from) } })
      identities.apply(change('pod', 'ADDED', START + from, pod))
      identities.apply(change('pod', 'DELETED', START + until, pod))
    }
    live('one', 0, 10_000)
    live('two', 20_000, 30_000)
    assert.equal(identities.find('10.1.0.2', '1', START + 5000)?.name, 'one')
    live('three', 80_000, 90_000)
    assert.equal(identities.find('10.1.0.2', '1', START + 5000), undefined)
    assert.equal(identities.find('10.1.0.2', '1', START + 30_000 - 1)?.name, 'two')
    assert.equal(identities.forgotten, 0)
    for (let at = 0; at < 20; at++) live(`x${at}`, 100_000 + at, 100_000 + at)
    assert.ok(identities.forgotten > 0)
    assert.equal(identities.size, 0)
  })

  test('is remembered of endpoints that a slice had, and not for ever', () => {
    const identities = new Identities({ keepMs: 60_000, mostPast: 100 })
    for (let at = 0; at < 500; at++) {
      const pods = { [`10.1.0.${at % 250}`]: `price-${at}` }
      identities.apply(
        change('endpointSlice', at === 0 ? 'ADDED' : 'MODIFIED', START + at * 100, aSlice('price', 80, pods)),
      )
    }
    assert.ok([...identities.history()].length <= 101)
  })

  test('is told with the time since when it is known', () => {
    const identities = known(
      added('node', aNode('node-1', '192.168.0.1')),
      added('service', aService('price', { clusterIP: '10.9.0.1', ports: [{ port: 80 }] })),
      added(
        'pod',
        aPod('price-1', '10.1.0.3', { status: { startTime: seconds(START + 5000) } }),
        START + 6000,
      ),
      added('endpointSlice', aSlice('price', 8080, { '10.1.0.3': 'price-1' })),
    )
    const told = [...identities.history()].map(
      ({ since, address, name }) => `${since - START} ${address} ${name}`,
    )
    assert.deepEqual(told.sort(), [
      '0 10.9.0.1 price',
      '0 10.9.0.1:80 price',
      '0 192.168.0.1 node-1',
      '5000 10.1.0.3 price-1',
      '5000 10.1.0.3:8080 price',
    ])
  })
})

describe('who is named, while pods come and go on few addresses', () => {
  /** What was: a pod has its address from `begin` to `end`, and the hub learns of all a while later. */
  interface Life {
    readonly name: string
    readonly ip: string
    readonly begin: number
    readonly end: number
  }
  const gap = fc.integer({ min: 0, max: 3000 })
  const lives = fc
    .array(fc.array(fc.tuple(gap, fc.integer({ min: 1500, max: 20_000 })), { minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((addresses): Life[] =>
      addresses.flatMap((each, address) => {
        let now = START
        return each.map(([before, length], at) => {
          const begin = now + before
          now = begin + length
          return { name: `pod-${address}-${at}`, ip: `10.1.0.${address + 1}`, begin, end: now }
        })
      }),
    )

  /** The kubelet tells of an address late, of the end with or without a time; times are whole seconds. */
  function toldOf({ name, ip, begin, end }: Life, late: number, tellsEnd: boolean): KnownChange[] {
    const startTime = seconds(begin)
    const running = (more = {}) => aPod(name, ip, { status: { startTime, ...more } })
    const terminated = { startedAt: startTime, finishedAt: seconds(end) }
    const last = aPod(name, ip, {
      metadata: { deletionTimestamp: seconds(end) },
      status: {
        startTime,
        ...(tellsEnd ? { containerStatuses: [{ name: 'main', state: { terminated } }] } : {}),
      },
    })
    return [
      change('pod', 'ADDED', begin, aPod(name, '', { status: { startTime } })),
      change('pod', 'MODIFIED', begin + Math.min(late, end - begin), running()),
      change('pod', 'DELETED', end + 50, last),
    ]
  }

  test('is who had the address, or nobody where that is not certain', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 0, max: 1400 }), fc.boolean(), (all, late, tellsEnd) => {
        const identities = new Identities(LIMITS)
        const changes = all.flatMap((life) => toldOf(life, late, tellsEnd)).sort((a, b) => a.at - b.at)
        for (const each of changes) identities.apply(each)
        let [asked, named] = [0, 0]
        for (const { ip, name, begin, end } of all)
          for (let at = begin; at < end; at += 97) {
            const found = identities.find(ip, '80', at)?.name
            assert.ok(found === undefined || found === name, `${name} at ${at - START}: ${found}`)
            asked++
            if (found !== undefined) named++
            // Away from the ends of its life there is nobody else whom it can have been.
            if (at >= begin + 1100 && at < end - 1100) assert.equal(found, name)
          }
        assert.ok(named > 0 || asked < 40)
      }),
      { numRuns: 200 },
    )
  })

  test('is never somebody else where the clock of the node is off, either way', () => {
    // Of the first pod of a node it shows when it is more than the second in which times are told and the time that news takes.
    const skew = fc.oneof(
      fc.constant(0),
      fc.integer({ min: 3000, max: 9000 }),
      fc.integer({ min: -9000, max: -3000 }),
    )
    fc.assert(
      fc.property(
        lives,
        fc.integer({ min: 50, max: 1400 }),
        fc.boolean(),
        skew,
        (all, late, tellsEnd, off) => {
          const identities = new Identities(LIMITS)
          const changes = all
            .flatMap(({ name, ip, begin, end }) => {
              const byKubelet = { name, ip, begin: begin + off, end: end + off }
              const [, told, gone] = toldOf(byKubelet, 0, tellsEnd) as [KnownChange, KnownChange, KnownChange]
              return [
                change('pod', 'ADDED', begin - 20, aPod(name, '', { status: { startTime: undefined } })),
                { ...told, at: begin + Math.min(late, end - begin) },
                { ...gone, at: end + 50 },
              ]
            })
            .sort((a, b) => a.at - b.at)
          for (const each of changes) identities.apply(each)
          for (const { ip, name, begin, end } of all)
            for (let at = begin; at < end; at += 97) {
              const found = identities.find(ip, '80', at)?.name
              assert.ok(found === undefined || found === name, `${name} at ${at - START}: ${found}`)
              if (at >= begin + 1500 && at < end - 2600) assert.equal(found, name)
            }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is never somebody else in the midst of it, by what was told until then', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 0, max: 1400 }), (all, late) => {
        const identities = new Identities(LIMITS)
        const changes = all.flatMap((life) => toldOf(life, late, true)).sort((a, b) => a.at - b.at)
        for (const each of changes) {
          identities.apply(each)
          const now = each.at
          for (const { ip, name, begin, end } of all) {
            // What happened within the time that news takes waits for the news, and where more may come, for longer.
            const at = now - 200
            if (at < begin || at >= end || identities.mayChange(ip, '80', at)) continue
            const found = identities.find(ip, '80', at)?.name
            assert.ok(found === undefined || found === name, `${name} at ${at - START}: ${found}`)
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})

const LIMITS = { keepMs: 600_000, mostPast: 10_000 }
const OF_DEPLOYMENT = {
  labels: { 'pod-template-hash': '6b5f' },
  ownerReferences: [{ kind: 'ReplicaSet', name: 'cart-6b5f', uid: 'r', controller: true }],
}

function known(...changes: readonly KnownChange[]): Identities {
  const identities = new Identities(LIMITS)
  for (const each of changes) identities.apply(each)
  return identities
}

function added(kind: KnownChange['kind'], object: Record<string, unknown>, at = START): KnownChange {
  return change(kind, 'ADDED', at, object)
}

function modified(kind: KnownChange['kind'], object: Record<string, unknown>, at: number): KnownChange {
  return change(kind, 'MODIFIED', at, object)
}

function deleted(kind: KnownChange['kind'], object: Record<string, unknown>, at: number): KnownChange {
  return change(kind, 'DELETED', at, object)
}

function nameOf(object: Identity['pod'] | undefined): string {
  return object instanceof KubernetesObject ? object.value.metadata.name : ''
}

/** With the names of objects for the objects. */
function plain(found: ReturnType<Identities['find']>) {
  return (
    found && {
      ...found,
      pod: nameOf(found.pod),
      service: nameOf(found.service),
      endpointSlice: nameOf(found.endpointSlice),
    }
  )
}
