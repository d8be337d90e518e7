import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Manifest } from './chart.ts'
import { violations } from './pod-security.ts'
import { problemsOf } from './valid.ts'

const container = { name: 'a', image: 'b', securityContext: { privileged: true } }

function daemonSet(containers: readonly object[]): Manifest {
  const spec = { selector: { matchLabels: { a: 'b' } }, template: { metadata: {}, spec: { containers } } }
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'x' }, spec }
}

test('manifests are held to the types and the fields of Kubernetes', async () => {
  assert.deepEqual(await problemsOf(daemonSet([container])), [])
  assert.match(
    String(await problemsOf(daemonSet([{ ...container, imagePolicy: 'Always' }]))),
    /containers\[0\].imagePolicy: there is no such field/,
  )
  assert.match(
    String(await problemsOf(daemonSet([{ ...container, ports: [{ containerPort: 'abc' }] }]))),
    /containerPort/,
  )
  assert.match(
    String(await problemsOf({ ...daemonSet([]), kind: 'DemonSet' })),
    /there is no DemonSet in apps\/v1/,
  )
})

test('pods are held to the level restricted', () => {
  assert.deepEqual(
    violations({ hostPID: true, volumes: [{ name: 'h', hostPath: { path: '/' } }], containers: [container] }),
    [
      'hostPID',
      'volume h is hostPath',
      'a: privileged',
      'a: allowPrivilegeEscalation',
      'a: runAsNonRoot',
      'a: seccomp ',
      'a: capabilities are not dropped',
    ],
  )
})
