import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isIPv4, type Socket } from 'node:net'
import { addressText } from '../packet/address.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'

/**
 * TCP connections of this process, whoever makes them and whatever they carry: what helpers send, buses, stores, the API. The
 * thread that captures reads of them in shared memory. A connection is known from when it is made until a minute after its
 * end: nobody else can have the same ports before.
 */
export class OwnSockets {
  /** For `OwnConnections`. */
  readonly shared = new SharedArrayBuffer(PORTS * PER_PORT * 4)
  readonly #slots = new Uint32Array(this.shared)

  constructor() {
    subscribe('net.client.socket', this.#onClient)
    subscribe('net.server.socket', this.#onServer)
  }

  close(): void {
    unsubscribe('net.client.socket', this.#onClient)
    unsubscribe('net.server.socket', this.#onServer)
  }

  readonly #onClient = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    // No port is known before; what is sent goes afterwards.
    socket.once('connect', () => this.#note(socket, socket.localAddress, socket.localPort, socket.remotePort))
  }

  readonly #onServer = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    this.#note(socket, socket.remoteAddress, socket.remotePort, socket.localPort)
  }

  /** A socket of the file system has no ports. */
  #note(
    socket: Socket,
    address: string | undefined,
    port: number | undefined,
    server: number | undefined,
  ): void {
    if (address === undefined || port === undefined || server === undefined) return
    const mark = markOf(plain(address), server)
    const first = port * PER_PORT
    const slots = this.#slots.subarray(first, first + PER_PORT)
    const at = Math.max(slots.indexOf(mark), slots.indexOf(0), 0)
    slots[at] = mark
    socket.once('close', () => {
      setTimeout(() => {
        if (slots[at] === mark) slots[at] = 0
      }, FORGET_MS).unref()
    })
  }
}

/** What the thread that captures knows of the connections of this process. */
export class OwnConnections {
  readonly #slots: Uint32Array

  constructor(shared: SharedArrayBuffer) {
    this.#slots = new Uint32Array(shared)
  }

  has(packet: Packet): boolean {
    if (packet.protocol !== PROTOCOL.tcp) return false
    const { srcPort, dstPort, ipVersion: version } = packet
    // Nearly always there is nothing to look for.
    if (this.#slots[srcPort * PER_PORT] !== 0) {
      const { src0, src1, src2, src3 } = packet
      if (this.#knows(addressText(version, src0, src1, src2, src3), srcPort, dstPort)) return true
    }
    if (this.#slots[dstPort * PER_PORT] === 0) return false
    const { dst0, dst1, dst2, dst3 } = packet
    return this.#knows(addressText(version, dst0, dst1, dst2, dst3), dstPort, srcPort)
  }

  /** Of what was begun before it was known. */
  hasEntry(
    client: { readonly ip: string; readonly port: string },
    server: { readonly port: string },
  ): boolean {
    return this.#knows(client.ip, Number(client.port), Number(server.port))
  }

  #knows(address: string, port: number, server: number): boolean {
    const first = port * PER_PORT
    if (!(first + PER_PORT <= this.#slots.length)) return false
    return this.#slots.subarray(first, first + PER_PORT).includes(markOf(plain(address), server))
  }
}

/** As IPv4 where it is that. */
function plain(address: string): string {
  const bare = address.replace(/^::ffff:/, '')
  return isIPv4(bare) ? bare : address
}

/** FNV-1a of an address with the port of the other end; never 0. */
function markOf(address: string, server: number): number {
  let hash = 0x811c9dc5 ^ server
  for (let at = 0; at < address.length; at++) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193)
  return hash >>> 0 || 1
}

const PORTS = 65_536
/** Connections from one port to different servers. */
const PER_PORT = 4
/** As long as a port rests after a connection: RFC 9293 §3.6.1, as Linux has it. */
const FORGET_MS = 60_000
