import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A way to a server that can be cut. */
export class Relay {
  readonly #sockets = new Set<Socket>()
  #isOpen = true
  #port = 0

  static async to(t: Pick<TestContext, 'after'>, target: string): Promise<Relay> {
    const relay = new Relay()
    const server = createServer((socket) => relay.#pass(socket, Number(new URL(target).port)))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    relay.#port = (server.address() as AddressInfo).port
    t.after(() => {
      relay.cut()
      server.close()
    })
    return relay
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#sockets.size / 2
  }

  /** Breaks all connections off; new ones are refused until it is mended. */
  cut(): void {
    this.#isOpen = false
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isOpen = true
  }

  #pass(socket: Socket, port: number): void {
    if (!this.#isOpen) {
      socket.destroy()
      return
    }
    const other = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }
}
