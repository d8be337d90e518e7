import { parentPort } from 'node:worker_threads'
import { Follower } from './follower.ts'
import type { FromReader, ToReader } from './reader-messages.ts'
import { Scanner } from './scanner.ts'

/** A thread that looks for entries, so that nobody else has to wait. */
class ReaderThread {
  readonly #scanner: Scanner
  readonly #follower: Follower
  /** Who waits for entries that come. */
  readonly #wanting = new Set<number>()
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string) {
    this.#scanner = new Scanner(folder)
    this.#follower = new Follower(folder)
  }

  receive(message: ToReader): void {
    switch (message.kind) {
      case 'scan':
      case 'sum':
        this.#scan(message)
        return
      case 'follow-sums': {
        const filter = this.#scanner.filter(message.filter)
        const place = this.#follower.startSumming(message.number, filter)
        this.#timer ??= setInterval(() => this.#poll(), POLL_MS)
        post({ kind: 'following-sums', number: message.number, place })
        return
      }
      case 'sums':
        post({ kind: 'sums', number: message.number, taken: this.#follower.takeSums(message.number) })
        return
      case 'follow-connections':
        this.#follower.startConnections(message.number)
        this.#timer ??= setInterval(() => this.#poll(), POLL_MS)
        post({ kind: 'following', number: message.number })
        return
      case 'connections': {
        const taken = this.#follower.takeConnections(message.number)
        post({ kind: 'connections', number: message.number, taken })
        return
      }
      case 'follow':
        this.#follower.start(message.number, this.#scanner.filter(message.filter))
        this.#timer ??= setInterval(() => this.#poll(), POLL_MS)
        post({ kind: 'following', number: message.number })
        return
      case 'more':
        this.#wanting.add(message.number)
        this.#answer(message.number)
        return
      case 'unfollow':
        this.#wanting.delete(message.number)
        this.#follower.stop(message.number)
        if (this.#follower.isIdle) this.#stopPolling()
        return
      case 'close':
        this.#stopPolling()
        port.close()
    }
  }

  #scan(message: Extract<ToReader, { kind: 'scan' | 'sum' }>): void {
    const { number, cancelled } = message
    const isCancelled = () => Atomics.load(cancelled, 0) !== 0
    if (isCancelled()) return
    try {
      if (message.kind === 'scan')
        post({ kind: 'scanned', number, result: this.#scanner.scan(message.task, isCancelled) })
      else post({ kind: 'summed', number, result: this.#scanner.sum(message.task, isCancelled) })
    } catch (error) {
      post({ kind: 'failed', number, message: (error as Error).message })
    }
  }

  #poll(): void {
    this.#follower.poll()
    for (const number of this.#wanting) this.#answer(number)
  }

  #answer(number: number): void {
    const taken = this.#follower.take(number)
    if (taken === undefined) return
    this.#wanting.delete(number)
    post({ kind: 'followed', number, ...taken })
  }

  #stopPolling(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function post(message: FromReader): void {
  port.postMessage(message)
}

if (parentPort === null) throw new Error('reader-thread.ts is started as a worker thread')
const port = parentPort
const POLL_MS = 50

port.once('message', (message: ToReader) => {
  if (message.kind !== 'open') throw new Error('the folder comes first')
  const thread = new ReaderThread(message.folder)
  port.on('message', (next: ToReader) => thread.receive(next))
})
