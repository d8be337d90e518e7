import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { eventually } from '../src/testing/eventually.ts'
import { canCapture } from '../src/testing/live-run.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'

test('entries of a live capture say which processes of this machine their ends are', async (t) => {
  if (!canCapture(t)) return
  // One connection for all of it, however long a busy machine takes between two requests.
  const script = `const server = require('http').createServer({ keepAliveTimeout: 600_000 }, (_, response) => response.end('hello'))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const server = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => server.kill('SIGKILL'))
  const [printed] = await once(server.stdout, 'data')
  const port = Number(String(printed))
  const settings = ['--set', 'tap.misc.processInterval=100ms']
  const args = ['tap', '--interface', 'lo', '--filter', `tcp port ${port}`, ...settings]
  const program = new Running(t, await tempFolder(t), args)
  const hub = await program.client(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const newest = async () => {
    await get(port, agent)
    const { entries } = await hub.entries({ filter: 'http and dst.processName != ""', limit: 1 })
    return entries[0]
  }
  await eventually('a process is known', async () => (await newest()) !== undefined)
  const { src, dst } = JSON.parse((await newest()) ?? '{}')
  assert.partialDeepStrictEqual(dst, {
    hostProcessId: server.pid,
    hostParentProcessId: process.pid,
    processPath: process.execPath,
  })
  assert.equal(src.hostProcessId, process.pid)
  assert.notEqual(src.socketId, dst.socketId)
  const byName = await hub.entries({ filter: `remote_process_name == "${dst.processName}"`, limit: 1 })
  assert.equal(byName.entries.length, 1)
  assert.equal(await program.stop(), 0)
})

function get(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', agent }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end()
  })
}
