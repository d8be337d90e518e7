/** Asks for what its arguments name, one after another: `http://…`, and `dns://SERVER:PORT/NAME`. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

for (const url of process.argv.slice(2)) await (url.startsWith('dns:') ? look(new URL(url)) : fetchText(url))

async function fetchText(url: string): Promise<void> {
  const response = await fetch(url, { headers: { connection: 'close' } })
  await response.text()
}

async function look({ hostname, port, pathname }: URL): Promise<void> {
  const socket = createSocket('udp4')
  socket.send(queryFor(pathname.slice(1)), Number(port), hostname)
  await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })
  socket.close()
}

/** RFC 1035 §4.1 */
function queryFor(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  const head = Buffer.from('123401000001000000000000', 'hex')
  return Buffer.concat([head, ...labels, Buffer.of(0, 0, 1, 0, 1)])
}
