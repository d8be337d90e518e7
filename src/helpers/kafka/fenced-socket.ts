import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/**
 * What a library takes for a socket that connects, though it is `connecting` that decides where to, and whether. Emits
 * `connect`, and as `error` what `connecting` rejects with, or `check` throws for what comes.
 */
export class FencedSocket extends Duplex {
  readonly #check: (chunk: Buffer) => void
  #socket: Socket | undefined
  #waiting: (() => void) | undefined

  constructor(connecting: Promise<Socket>, check: (chunk: Buffer) => void) {
    super()
    this.#check = check
    connecting.then(
      (socket) => this.#connected(socket),
      (error: Error) => this.destroy(error),
    )
  }

  /** What libraries set on sockets is set already, or no concern of theirs. */
  setKeepAlive(): this {
    return this
  }

  unref(): this {
    this.#socket?.unref()
    return this
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#whenConnected((socket) => socket.write(chunk, done))
  }

  override _final(done: () => void): void {
    this.#whenConnected((socket) => socket.end(done))
  }

  override _read(): void {
    this.#socket?.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket?.destroy()
    done(error)
  }

  #whenConnected(use: (socket: Socket) => void): void {
    const socket = this.#socket
    if (socket !== undefined) use(socket)
    else this.#waiting = () => this.#whenConnected(use)
  }

  #connected(socket: Socket): void {
    if (this.destroyed) {
      socket.destroy()
      return
    }
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    this.emit('connect')
    this.#waiting?.()
  }

  #received(chunk: Buffer): void {
    try {
      this.#check(chunk)
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    if (!this.push(chunk)) this.#socket?.pause()
  }
}

const KEEP_ALIVE_MS = 60_000
