/**
 * The API server of tests as a program: `node test/kube/main.ts --port 6443 --kubeconfig FILE`, until it is told to end.
 *
 *     --host ADDRESS        where it listens, 127.0.0.1 without
 *     --port NUMBER         any that is free without
 *     --kubeconfig FILE     written for kubectl, Helm and Remora, whose user may do anything
 *     --controllers NAMES   endpoint-slices, garbage-collector, kubelet; with commas between, or all
 *     --nodes NAMES         nodes that are there from the start, each as NAME or NAME=ADDRESS; with commas between
 *     --tls                 with a certificate for that address, whose authority is in the kubeconfig (needs openssl)
 *     --rbac                service accounts may do what roles and bindings say, and no more; with TLS, or kubectl shows no token
 *
 * Writes one line when it listens: its URL.
 */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { certificateFor } from './certificate.ts'
import type { ControllerName } from './controllers.ts'
import { FakeKubernetes } from './fake-kubernetes.ts'
import { kubeconfigText } from './kubeconfig.ts'

const CONTROLLERS: readonly ControllerName[] = ['endpoint-slices', 'garbage-collector', 'kubelet']

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    kubeconfig: { type: 'string' },
    controllers: { type: 'string', default: '' },
    nodes: { type: 'string', default: '' },
    rbac: { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
  },
})
const { host, rbac } = values
const ends: (() => unknown)[] = []
const tls = values.tls || rbac ? await certificateFor(host) : undefined
const wanted = values.controllers === 'all' ? CONTROLLERS : listed(values.controllers)
const unknown = wanted.find((name) => !CONTROLLERS.some((known) => known === name))
if (unknown !== undefined) throw new Error(`no controller ${unknown}: there are ${CONTROLLERS.join(', ')}`)
const token = rbac || tls === undefined ? undefined : randomUUID()
const kube = await FakeKubernetes.start(
  { after: (end) => void ends.push(end as () => unknown) },
  {
    ...{ host, rbac, port: Number(values.port) },
    ...(tls === undefined ? {} : { tls }),
    ...(token === undefined ? {} : { token }),
    controllers: CONTROLLERS.filter((name) => wanted.includes(name)),
  },
)
const admin = token ?? randomUUID()
if (rbac) kube.addUser(admin, 'kubernetes-admin', [], ['system:masters'])
for (const node of listed(values.nodes)) {
  const [name = '', address] = node.split('=')
  const addresses = address === undefined ? [] : [{ type: 'InternalIP', address }]
  const ready = { type: 'Ready', status: 'True' }
  kube.put(name, { spec: {}, status: { addresses, conditions: [ready] } }, 'nodes')
}
if (values.kubeconfig !== undefined)
  await writeFile(
    values.kubeconfig,
    kubeconfigText({ kube: { url: kube.url, token: admin, ...(tls === undefined ? {} : { ca: tls.cert }) } }),
  )
process.stdout.write(`${kube.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const end of ends) end()
  })

function listed(text: string): readonly string[] {
  return text.split(',').filter((each) => each !== '')
}
