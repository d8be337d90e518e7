import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Mistake } from '../mistake/mistake.ts'
import { whoListens } from './listener.ts'
import type { Metrics } from './metrics.ts'

export interface OpsOptions {
  /** There are no secrets in what is told here, and no passwords before it. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
  /** Whether the program can do its work now, and why not. */
  readonly ready: () => { readonly ready: boolean; readonly reasons: readonly string[] }
  /** What `/healthz` tells beside `status`. */
  readonly health: () => Record<string, unknown>
}

export interface OpsServer {
  /** `127.0.0.1:49100`, for `address` of the node's status. */
  readonly address: string
  readonly port: number
  close(): Promise<void>
}

/**
 * For those who run Remora: GET `/metrics`, `/healthz` (the program lives), `/readyz` (it can do its work; 503 with reasons
 * when not). Rejects with a Mistake when the port cannot be had.
 */
export async function startOpsServer(options: OpsOptions): Promise<OpsServer> {
  const { host, port } = options
  const server = createServer(LIMITS, (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      // Whatever is wrong with the numbers, the program that they are about goes on.
      send(response, 500, 'text/plain; charset=utf-8', `${(error as Error).message}\n`)
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  server.on('clientError', (_, socket) => socket.destroy())
  await listen(server, host, port)
  const address = server.address()
  const actual = typeof address === 'object' && address !== null ? address.port : port
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${actual}`,
    port: actual,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why =
      code === 'EADDRINUSE' ? `${whoListens(port) ?? 'another program'} listens there already` : message
    throw new Mistake('E_CONFIG_VALUE', `metrics cannot be offered on ${host}:${port}: ${why}`, {
      hint: 'choose another port with --set tap.metrics.port=PORT, or end the other program',
      cause,
    })
  }
}

async function answer(
  { metrics, ready, health }: OpsOptions,
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    send(response, 405, TEXT, 'only GET\n')
    return
  }
  switch (url.split('?')[0]) {
    case '/metrics':
      send(response, 200, metrics.contentType, await metrics.text())
      return
    case '/healthz':
      send(response, 200, JSON_TYPE, `${JSON.stringify({ status: 'ok', ...health() })}\n`)
      return
    case '/readyz': {
      const { ready: isReady, reasons } = ready()
      send(response, isReady ? 200 : 503, JSON_TYPE, `${JSON.stringify({ ready: isReady, reasons })}\n`)
      return
    }
    default:
      send(response, 404, TEXT, '/metrics, /healthz, /readyz\n')
  }
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'
const MOST_CONNECTIONS = 64
/** Who connects and says nothing does not stay. */
const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16 << 10,
} as const
