import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { WebSocket } from 'ws'

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

/** Waits until something is so, for long. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !isSo(); await setTimeout(5))
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
}

const PATIENCE_MS = 60_000
