import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { SpdyReader, SpdyWriter } from './spdy.ts'

export interface PodAddress {
  readonly host: string
  readonly port: number
}

/** Where a port of a pod really is; undefined when nothing listens there, as in a pod that has none such. */
export type AddressOfPort = (namespace: string, pod: string, port: number) => PodAddress | undefined

/**
 * The sub-resource `pods/portforward` over WebSocket, in both ways that API servers have: `v4.channel.k8s.io`, which
 * @kubernetes/client-node speaks (channel 2n for data, 2n+1 for errors, each begins with its port in two bytes), and
 * `SPDY/3.1+portforward.k8s.io`, what kubectl has asked for since 1.31 (KEP-4006): SPDY frames inside of messages, a
 * pair of streams for each connection.
 */
export class PortForwards {
  readonly #addressOf: AddressOfPort
  readonly #server = new WebSocketServer({
    noServer: true,
    handleProtocols: (asked) => (asked.has(CHANNELS) ? CHANNELS : false),
  })
  readonly #open = new Map<WebSocket, string>()

  constructor(addressOf: AddressOfPort) {
    this.#addressOf = addressOf
  }

  /** Connections that are open to a pod, or to all of them. */
  count(pod?: string): number {
    return [...this.#open.values()].filter((each) => pod === undefined || each === pod).length
  }

  /** Breaks those of a pod off, as when it ends. */
  drop(pod: string): void {
    for (const [socket, of] of this.#open) if (of === pod) socket.terminate()
  }

  close(): void {
    for (const socket of this.#open.keys()) socket.terminate()
    this.#server.close()
  }

  /** Takes over a request that was found to be permitted and for a pod that is there. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, namespace: string, pod: string): void {
    const ports = new URL(request.url ?? '', 'http://api').searchParams.getAll('ports').map(Number)
    const { [HEADER]: asked = '', ...headers } = request.headers
    const isTunnel = asked.split(/, */).includes(TUNNEL)
    // A slash is in no name of a protocol (RFC 6455, section 4.1), and ws refuses it.
    if (isTunnel) {
      request.headers = headers
      this.#server.once('headers', (lines: string[]) => lines.push(`${HEADER}: ${TUNNEL}`))
    }
    this.#server.handleUpgrade(request, socket, head, (client) => {
      this.#open.set(client, pod)
      client.on('close', () => this.#open.delete(client))
      client.on('error', () => client.terminate())
      const dial = (port: number) => this.#dial(namespace, pod, port)
      if (isTunnel) serveSpdy(client, dial)
      else serveChannels(client, ports, dial)
    })
  }

  #dial(namespace: string, pod: string, port: number): Socket | undefined {
    const address = this.#addressOf(namespace, pod, port)
    return address === undefined ? undefined : connect(address.port, address.host)
  }
}

type Dial = (port: number) => Socket | undefined

function serveChannels(client: WebSocket, ports: readonly number[], dial: Dial): void {
  const sockets = ports.map((port, at) => {
    const send = (channel: number, data: Uint8Array) =>
      client.send(Buffer.concat([Buffer.from([channel]), data]))
    const prefix = Buffer.alloc(2)
    prefix.writeUInt16LE(port)
    send(2 * at, prefix)
    send(2 * at + 1, prefix)
    const fail = (why: string) => {
      send(2 * at + 1, Buffer.from(refusedText(port, why)))
      client.close(1000)
    }
    const socket = dial(port)
    socket?.on('data', (data: Buffer) => send(2 * at, data))
    socket?.on('end', () => client.close(1000))
    socket?.on('error', (error) => fail(error.message))
    if (socket === undefined) fail('connect: connection refused')
    return socket
  })
  client.on('message', (data: Buffer) => {
    const channel = data[0] ?? 0
    if (channel % 2 === 0) sockets[channel / 2]?.write(data.subarray(1))
  })
  client.on('close', () => {
    for (const socket of sockets) socket?.destroy()
  })
}

interface Pair {
  readonly port: number
  error?: number
  data?: number
  socket?: Socket
}

function serveSpdy(client: WebSocket, dial: Dial): void {
  const reader = new SpdyReader()
  const writer = new SpdyWriter()
  const pairs = new Map<string, Pair>()
  const sockets = new Map<number, Socket>()
  const send = (bytes: Buffer) => {
    if (client.readyState === client.OPEN) client.send(bytes)
  }
  const begin = ({ port, error = 0, data = 0 }: Pair) => {
    const end = (why = '') => {
      if (!sockets.delete(data) && why === '') return
      send(writer.data(error, Buffer.from(why === '' ? '' : refusedText(port, why)), true))
      send(writer.data(data, Buffer.alloc(0), true))
    }
    const socket = dial(port)
    if (socket === undefined) return end('connect: connection refused')
    sockets.set(data, socket)
    socket.on('data', (bytes: Buffer) => send(writer.data(data, bytes)))
    socket.on('end', () => end())
    socket.on('error', (failure) => end(failure.message))
  }
  client.on('message', (message: Buffer) => {
    for (const frame of reader.push(message)) {
      if (frame.kind === 'ping') send(writer.pong(frame.id))
      else if (frame.kind === 'open') {
        send(writer.accept(frame.stream))
        const id = frame.headers.get('requestid') ?? ''
        const pair = pairs.get(id) ?? { port: Number(frame.headers.get('port')) }
        pairs.set(id, pair)
        if (frame.headers.get('streamtype') === 'error') pair.error = frame.stream
        else pair.data = frame.stream
        if (pair.error !== undefined && pair.data !== undefined) begin(pair)
      } else if (frame.kind === 'data') {
        const socket = sockets.get(frame.stream)
        if (frame.data.length > 0) socket?.write(frame.data)
        if (frame.isLast) socket?.end()
      } else if (frame.kind === 'reset') sockets.get(frame.stream)?.destroy()
      else client.close(1000)
    }
  })
  client.on('close', () => {
    for (const socket of sockets.values()) socket.destroy()
  })
}

function refusedText(port: number, why: string): string {
  return `error forwarding port ${port} to pod, uid : failed to execute portforward in network namespace: ${why}`
}

const TUNNEL = 'SPDY/3.1+portforward.k8s.io'
const CHANNELS = 'v4.channel.k8s.io'
const HEADER = 'sec-websocket-protocol'
