import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { until } from './until.ts'

/** Rejects when the other side refuses. */
export async function untilOpen(socket: WebSocket): Promise<void> {
  await once(socket, 'open')
}

/** Resolves to the code with which it was closed. */
export async function untilClosed(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, 'close')
  return Number(code)
}

/** Messages of a WebSocket, one after another. */
export class Inbox {
  readonly messages: string[] = []
  #taken = 0

  constructor(socket: WebSocket) {
    socket.on('message', (data) => this.messages.push(String(data)))
  }

  async next(): Promise<string> {
    await until(() => this.messages.length > this.#taken, 'a message')
    return this.messages[this.#taken++] ?? ''
  }
}
