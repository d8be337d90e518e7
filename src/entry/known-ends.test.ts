import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { entryProtocols } from '../dissectors/index.ts'
import { Entry, type EntryOrigin, type EntryProtocol, type Exchange } from './entry.ts'
import type { Identity } from './identity.ts'
import { KubernetesObject } from './kubernetes-object.ts'
import { decodeRow, encodeRow, layoutsOf } from './layout.ts'
import { object } from './shape.ts'
import { EntryTexts } from './text.ts'

const POD = {
  metadata: { name: 'cart-1', namespace: 'shop', labels: { app: 'cart' }, uid: 'u' },
  spec: { nodeName: 'node-1', containers: [] },
  status: { hostIP: '192.168.0.1', phase: 'Running' },
}
const CART: Identity = {
  ...{ name: 'cart-1', namespace: 'shop', mechanism: 'ip' },
  ...{ pod: new KubernetesObject(POD, 'pod'), service: null, endpointSlice: null },
  ...{ workload: { kind: 'Deployment', name: 'cart' }, nodeName: 'node-1' },
}
const PROCESS = {
  ...{ socketId: '4711', cgroupId: '/kubepods/x', containerId: 'c1', processId: 7, parentProcessId: 1 },
  ...{ hostProcessId: 4007, hostParentProcessId: 4001, processName: 'node', processPath: '/usr/bin/node' },
  owner: CART,
}

describe('ends of entries', () => {
  test('have what the cluster says before what DNS said, and that before what was asked for', () => {
    const named = (origin: Partial<EntryOrigin>) => {
      const { name, namespace, resolutionMechanism } = new Entry(exchange(), { ...ORIGIN, ...origin }).dst
      return [name, namespace, resolutionMechanism].join(' ')
    }
    const dns = { nameOf: () => 'cart.example.com' }
    assert.equal(named({ ...dns, identityOf: () => CART }), 'cart-1 shop ip')
    assert.equal(named({ ...dns, processOf: () => PROCESS }), 'cart.example.com  dns')
    assert.equal(named({ processOf: () => PROCESS }), 'asked.example.com  http-header')
    const direct = new Entry(exchange(), { ...ORIGIN, processOf: () => PROCESS }).src
    assert.deepEqual([direct.name, direct.resolutionMechanism], ['cart-1', 'container-id'])
  })

  test('cross whole to agents, and are kept in the reduced form', () => {
    const origin: EntryOrigin = {
      ...ORIGIN,
      identityOf: (ip, port, atMs) =>
        `${ip} ${port} ${atMs}` === '10.1.0.2 50000 1000123' ? CART : undefined,
      processOf: (end) => (end.ip === '10.1.0.2' ? PROCESS : undefined),
    }
    const { src, dst } = JSON.parse(new EntryTexts([HTTP], origin).of(exchange()))
    assert.deepEqual(src, {
      ...{ ip: '10.1.0.2', port: '50000', name: 'cart-1', namespace: 'shop' },
      pod: {
        metadata: { name: 'cart-1', namespace: 'shop', labels: { app: 'cart' } },
        ...{ spec: { nodeName: 'node-1' }, status: { hostIp: '192.168.0.1' } },
      },
      ...{ endpointSlice: null, service: null, workload: CART.workload, nodeName: 'node-1' },
      ...{ cgroupId: '/kubepods/x', containerId: 'c1', socketId: '4711', processId: 7, parentProcessId: 1 },
      ...{ hostProcessId: 4007, hostParentProcessId: 4001, processName: 'node' },
      ...{ processPath: '/usr/bin/node', cpuUsage: 0, memoryUsage: 0, resolutionMechanism: 'ip' },
    })
    assert.deepEqual(
      [dst.name, dst.pod, dst.workload, dst.nodeName, dst.processId],
      ['asked.example.com', null, null, '', 0],
    )

    const fields = layoutsOf(HTTP, new Set(['src', 'dst']))[0]?.fields ?? []
    const row = JSON.parse(JSON.stringify(encodeRow(fields, new Entry(exchange(), origin))))
    const crossed = decodeRow(fields, row) as { src: Record<string, unknown>; dst: Record<string, unknown> }
    assert.deepEqual(JSON.parse(String(crossed.src.pod)), POD)
    assert.deepEqual({ ...crossed.src, pod: src.pod }, src)
    assert.deepEqual(crossed.dst, dst)
  })
})

const HTTP = {
  ...entryProtocols.find(({ name }) => name === 'http'),
  request: object('A request', {}),
  summarize: () => ({
    method: '',
    methodQuery: '',
    summary: '',
    summaryQuery: '',
    status: 0,
    statusQuery: '',
  }),
  authority: () => 'asked.example.com',
} as unknown as EntryProtocol
const ORIGIN: EntryOrigin = {
  ...{ worker: 'w:1', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => undefined },
}

function exchange(): Exchange {
  return {
    dissector: HTTP,
    ...{ variant: 0, index: 0, response: null, data: null, requestSize: 1, responseSize: 0 },
    request: {},
    stream: {
      ...{ name: 'a.pcap', vlan: -1, interfaceName: '' },
      ...{ client: { ip: '10.1.0.2', port: '50000' }, server: { ip: '10.1.0.9', port: '80' } },
    },
    ...{ seconds: 1000, nanos: 123_456_789, elapsedTime: 0, error: null, matcherKey: '' },
  }
}
