import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { remora } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'

test('a hub whose NATS accepts connections and says nothing ends, to be started again', async (t) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await remora(['hub', '--nats', `nats://127.0.0.1:${port}`], {
    cwd: await tempFolder(t),
  })
  assert.equal(code, 2)
  assert.match(stderr, /cannot connect: timeout/)
})
