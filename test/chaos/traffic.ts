import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** Numbered calls, on a port of their own. */
export interface Traffic {
  readonly port: number
  readonly calls: number
  stop(): Promise<void>
}

export async function startTraffic(perSecond: number): Promise<Traffic> {
  const server = createServer((_, response) => response.end('{"ok":true}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connections = new Agent({ keepAlive: true, maxSockets: 4 })
  const ending = new AbortController()
  let calls = 0
  const call = () =>
    new Promise<void>((resolve) => {
      const request = get(
        { port, host: '127.0.0.1', path: `/n/${++calls}`, agent: connections },
        (response) => {
          response.resume()
          response.on('close', resolve)
        },
      )
      request.on('error', () => resolve())
    })
  const running = (async () => {
    while (!ending.signal.aborted) {
      await call()
      await setTimeout(1000 / perSecond)
    }
  })()
  return {
    port,
    get calls() {
      return calls
    },
    async stop() {
      ending.abort()
      await running
      connections.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}
