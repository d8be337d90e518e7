import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubeTools } from '../../src/testing/kube-tools.ts'
import { hasTools } from '../../src/testing/loopback.ts'
import { run, startProgram } from '../../src/testing/programs.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { until } from '../../src/testing/until.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

for (const more of [[], ['--rbac']])
  test(`the API server of tests is a program that kubectl finds by its kubeconfig ${more.join(' ')}`, async (t) => {
    const tools = await kubeTools(t)
    if (tools === undefined || !hasTools(t, 'openssl')) return
    const folder = await tempFolder(t)
    const kubeconfig = join(folder, 'config')
    const args = ['--kubeconfig', kubeconfig, '--controllers', 'all', '--nodes', 'n1=10.0.0.1,n2', ...more]
    const server = startProgram(t, process.execPath, [MAIN, ...args])
    let said = ''
    server.stdout?.on('data', (chunk) => {
      said += chunk
    })
    await until(
      () => said.endsWith('\n'),
      () => said,
    )
    assert.match(said, more.length === 0 ? /^http:/ : /^https:/)
    assert.ok(existsSync(kubeconfig))
    const env = { KUBECONFIG: kubeconfig, HOME: folder }
    const kubectl = async (...asked: readonly string[]) => (await run(tools.kubectl, asked, env)).stdout
    assert.equal(await kubectl('get', 'nodes', '-o', 'name'), 'node/n1\nnode/n2\n')
    assert.equal(await kubectl('auth', 'can-i', '*', '*'), 'yes\n')
    const anybody = await kubectl('auth', 'can-i', 'list', 'pods', '--as=system:serviceaccount:default:x')
    assert.equal(anybody, more.length === 0 ? 'yes\n' : 'no\n')
    server.kill('SIGTERM')
    if (server.exitCode === null) await once(server, 'exit')
    assert.equal(server.exitCode, 0)
  })

test('it says which controllers there are', async () => {
  const { code, stderr } = await run(process.execPath, [MAIN, '--controllers', 'nothing'])
  assert.notEqual(code, 0)
  assert.match(stderr, /no controller nothing: there are endpoint-slices/)
})
