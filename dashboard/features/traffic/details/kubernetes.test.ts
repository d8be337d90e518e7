import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueAt } from '../../../components/filter-box/clause.ts'
import { kubernetesOf, withoutKubernetes } from './kubernetes.ts'

const SRC = {
  ...{ ip: '10.1.0.2', port: '51544', name: 'cart-1', namespace: 'shop' },
  pod: {
    metadata: {
      name: 'cart-1',
      namespace: 'shop',
      labels: { app: 'cart', 'app.kubernetes.io/name': 'cart' },
    },
    spec: { nodeName: 'node-1' },
  },
  ...{
    service: null,
    endpointSlice: null,
    workload: { kind: 'Deployment', name: 'cart' },
    nodeName: 'node-1',
  },
}

test('what Kubernetes says of an end is shown in parts of its own, under the paths where it is', () => {
  const sections = kubernetesOf(SRC, ['src'])
  const shown = sections.map((each) =>
    each.kind === 'values' ? [each.title, ...each.values.map(({ name, value }) => `${name}=${value}`)] : [],
  )
  assert.deepEqual(shown, [
    ['Kubernetes', 'pod=cart-1', 'workload kind=Deployment', 'workload=cart', 'node=node-1'],
    ['Labels of the pod', 'app=cart', 'app.kubernetes.io/name=cart'],
  ])
  for (const section of sections)
    if (section.kind === 'values')
      for (const { path, value } of section.values) assert.equal(valueAt({ src: SRC }, path), value)
  assert.deepEqual(Object.keys(withoutKubernetes(SRC) as object), ['ip', 'port', 'name', 'namespace'])
})

test('of an end of which Kubernetes says nothing nothing is shown', () => {
  for (const end of [
    null,
    undefined,
    'text',
    { ip: '1.2.3.4', pod: null, service: null, workload: null, nodeName: '' },
  ])
    assert.deepEqual(kubernetesOf(end, ['dst']), [])
})
