import { parentPort } from 'node:worker_threads'
import { EntryLog } from './log.ts'
import type { FromWriter, ToWriter } from './writer-messages.ts'

/** The thread that writes entries, makes their columns and lets go of the oldest. */
class WriterThread {
  #log: EntryLog | undefined
  #characters = 0
  #isSealing = false
  readonly #waiting: number[] = []
  #timer: NodeJS.Timeout | undefined

  receive(message: ToWriter): void {
    if (message.kind === 'open') this.#open(new EntryLog(message.limits))
    else if (this.#log === undefined) return
    else if (message.kind === 'entries') this.#write(this.#log, message)
    else if (message.kind === 'flush') this.#flush(this.#log, message.number, message.settled)
    else this.#close(this.#log)
  }

  #open(log: EntryLog): void {
    this.#log = log
    this.#tell()
    this.#seal()
    this.#timer = setInterval(() => {
      log.tidy()
      this.#tell()
      this.#seal()
    }, TIDY_MS)
  }

  #write(log: EntryLog, { times, text, marks }: Extract<ToWriter, { kind: 'entries' }>): void {
    if (times.length > 0) log.append(times, text.split('\n'))
    if (marks.length > 0) log.mark(marks)
    this.#characters += text.length
    this.#tell()
    this.#seal()
  }

  #flush(log: EntryLog, number: number, settled: boolean): void {
    if (!settled) {
      post({ kind: 'done', number })
      return
    }
    log.finish()
    this.#waiting.push(number)
    this.#seal()
  }

  /** Between other messages. */
  #seal(): void {
    if (this.#isSealing) return
    this.#isSealing = true
    setImmediate(() => {
      this.#isSealing = false
      if (this.#log?.seal() === true) this.#seal()
      else {
        this.#tell()
        for (const number of this.#waiting.splice(0)) post({ kind: 'done', number })
      }
    })
  }

  #tell(): void {
    if (this.#log === undefined) return
    post({ kind: 'counters', counters: this.#log.counters, characters: this.#characters })
  }

  #close(log: EntryLog): void {
    clearInterval(this.#timer)
    log.finish()
    this.#log = undefined
    post({ kind: 'closed', counters: log.counters })
    port.close()
  }
}

function post(message: FromWriter): void {
  port.postMessage(message)
}

if (parentPort === null) throw new Error('writer-thread.ts is started as a worker thread')
const port = parentPort
const thread = new WriterThread()
port.on('message', (message: ToWriter) => thread.receive(message))
/** How often old segments are looked for. */
const TIDY_MS = 500
