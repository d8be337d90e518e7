import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { plainManifest } from '../../scripts/chart/manifest.ts'
import { kubeTools } from '../../src/testing/kube-tools.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { manifestsIn } from './chart.ts'
import { problemsOf } from './valid.ts'

test('the plain manifest is what the chart makes, and has no secret', async (t) => {
  const tools = await kubeTools(t)
  if (tools === undefined) return
  const text = await readFile(join(REPOSITORY, 'deploy/remora.yaml'), 'utf8')
  assert.equal(text, await plainManifest(tools.helm), 'mend it with: npm run gen')
  const manifests = manifestsIn(text)
  assert.deepEqual((await Promise.all(manifests.map(problemsOf))).flat(), [])
  const kinds = manifests.map(({ kind }) => kind)
  for (const kind of ['Namespace', 'DaemonSet', 'Deployment', 'StatefulSet'])
    assert.ok(kinds.includes(kind), kind)
  assert.ok(!kinds.includes('Secret'))
})
