import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** A port of the loopback on which nobody listens. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}

/** Ports of the loopback that nobody listens on now, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Waits until a program that was started accepts connections. */
export async function untilListening(port: number, server: ChildProcess): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(50)) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    })
    socket.destroy()
    if (isThere) return
    if (Date.now() > end || server.exitCode !== null)
      throw new Error(`nothing listens on port ${port}: ${server.spawnfile}`)
  }
}

const PATIENCE_MS = 20_000
