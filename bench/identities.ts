/**
 * What names of a cluster cost the capture thread: µs of CPU to find who has an address, of 10,000 pods behind 1,000 services on 500
 * nodes, to take a change of a pod, and memory.
 *
 *     node --expose-gc bench/identities.ts
 */
import { Identities } from '../src/cluster/identities.ts'
import { aNode, aPod, aService, aSlice, change, START, seconds } from '../src/cluster/test-objects.ts'
import { print } from './measure.ts'

const [PODS, SERVICES, NODES] = [10_000, 1000, 500]
const ENOUGH_MS = 1000
const ipOf = (at: number) => `10.${1 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`
const identities = new Identities({ keepMs: 600_000, mostPast: 200_000 })
const pods = Array.from({ length: PODS }, (_, at) => aPod(`pod-${at}`, ipOf(at)))

const before = heap()
for (let at = 0; at < NODES; at++)
  identities.apply(change('node', 'ADDED', START, aNode(`node-${at}`, `192.168.${at >> 8}.${at & 255}`)))
for (const pod of pods) identities.apply(change('pod', 'ADDED', START, pod))
for (let at = 0; at < SERVICES; at++) {
  const spec = { clusterIP: `172.20.${at >> 8}.${at & 255}`, ports: [{ port: 80, nodePort: 30_000 + at }] }
  identities.apply(change('service', 'ADDED', START, aService(`service-${at}`, spec)))
  const behind = Array.from({ length: 10 }, (_, each) => at * 10 + each)
  const endpoints = Object.fromEntries(behind.map((pod) => [ipOf(pod), `pod-${pod}`]))
  identities.apply(change('endpointSlice', 'ADDED', START, aSlice(`service-${at}`, 8080, endpoints)))
}
const megabytes = (heap() - before) / 2 ** 20

const now = START + 60_000
const rows = [
  ['what', 'µs each'],
  ['find: endpoint of a service', cost((at) => identities.find(ipOf(at % PODS), '8080', now))],
  ['find: pod', cost((at) => identities.find(ipOf(at % PODS), '50000', now))],
  ['find: cluster IP', cost((at) => identities.find(`172.20.${(at >> 8) & 3}.${at & 255}`, '80', now))],
  ['find: nobody', cost((at) => identities.find(`93.184.${(at >> 8) & 255}.${at & 255}`, '443', now))],
  [
    'change of a pod',
    cost((at) => {
      const pod = pods[at % PODS] as (typeof pods)[number]
      const status = { ...pod.status, startTime: seconds(START), message: String(at) }
      identities.apply(change('pod', 'MODIFIED', now, { ...pod, status }))
    }),
  ],
  ['memory, MiB', megabytes.toFixed(0)],
]
print(rows)

function cost(run: (at: number) => unknown): string {
  for (let at = 0; at < 10_000; at++) run(at)
  const begun = process.cpuUsage()
  let count = 0
  const micros = () => {
    const { user, system } = process.cpuUsage(begun)
    return user + system
  }
  while (micros() < ENOUGH_MS * 1000) for (let at = 0; at < 1000; at++) run(count++)
  return (micros() / count).toFixed(2)
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
