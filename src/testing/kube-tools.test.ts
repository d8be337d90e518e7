import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubeTools, unpackKubeTools } from './kube-tools.ts'
import { run } from './programs.ts'

test('unpacks kubectl and Helm, also for several at once', async (t) => {
  const tools = await kubeTools(t)
  if (tools === undefined) return
  assert.deepEqual(await Promise.all([1, 2, 3].map(unpackKubeTools)), [tools, tools, tools])
  assert.match((await run(tools.kubectl, ['version', '--client'])).stdout, /v1\.35/)
  assert.match((await run(tools.helm, ['version'])).stdout, /v4\./)
})
