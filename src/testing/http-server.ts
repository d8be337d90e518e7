import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** A request as it arrived. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface HttpServer {
  readonly url: string
  readonly port: number
  readonly seen: readonly Seen[]
  /** How often somebody has connected, also to ask for nothing. */
  readonly connections: () => number
}

/** An HTTP server on the loopback for one test; `answer` replies to each request, read whole. */
export async function httpServer(
  t: Pick<TestContext, 'after'>,
  answer: (seen: Seen, response: ServerResponse) => void,
): Promise<HttpServer> {
  const seen: Seen[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request
    const arrived = { method, path, headers, body: await text(request) }
    seen.push(arrived)
    answer(arrived, response)
  }
  const server = createServer((request, response) => void serve(request, response))
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, seen, connections: () => connections }
}
