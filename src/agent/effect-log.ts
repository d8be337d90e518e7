import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EffectRecord, type EffectsQuery, effectRecord } from '../wire/effects.ts'

export interface EffectLogOptions {
  readonly folder: string
  /** Of all files together; the oldest lines go for newer ones. */
  readonly mostBytes: number
}

/**
 * What agents have done, a line of JSON each, in files that are never larger together than they may be. Lines are on the disk
 * within a second, and when the program ends; who adds one never waits for that.
 */
export class EffectLog {
  readonly #options: EffectLogOptions
  #waiting: string[] = []
  #waitingLength = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #bytes: number
  #lost = 0

  constructor(options: EffectLogOptions) {
    this.#options = options
    this.#bytes = statSync(this.#file(0), { throwIfNoEntry: false })?.size ?? 0
    process.once('exit', this.#atExit)
  }

  /** Lines that could not be written, or for which there was no room while the disk was slow. */
  get lost(): number {
    return this.#lost
  }

  add(record: EffectRecord): void {
    const line = `${JSON.stringify(record)}\n`
    if (this.#waitingLength + line.length > MOST_WAITING) {
      this.#lost++
      return
    }
    this.#waiting.push(line)
    this.#waitingLength += line.length
    this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref()
  }

  /** Those that are asked for, newest first. */
  async read({ agent, helper, outcome, entry, since = 0, limit }: EffectsQuery): Promise<EffectRecord[]> {
    await this.#flush()
    const found: EffectRecord[] = []
    for (let number = 0; number < FILES && found.length < limit; number++) {
      const text = await readFile(this.#file(number), 'utf8').catch(() => '')
      for (const line of text.split('\n').reverse()) {
        if (found.length >= limit) break
        const record = readLine(line)
        if (record === undefined) continue
        // They are in order of time, as far as the clock of a machine is: who asks often does not make it read all files.
        if (record.at < since - CLOCK_MS) return found
        if (record.at < since) continue
        if (agent !== undefined && record.agent !== agent && record.title !== agent) continue
        if (helper !== undefined && record.helper !== helper) continue
        if (entry !== undefined && record.entry !== entry) continue
        if (outcome === undefined || record.outcome === outcome) found.push(record)
      }
    }
    return found
  }

  async close(): Promise<void> {
    await this.#flush()
    process.off('exit', this.#atExit)
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const lines = this.#take()
    if (lines.length === 0) return
    try {
      const text = lines.join('')
      mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 })
      this.#makeRoom(Buffer.byteLength(text))
      await appendFile(this.#file(0), text, { mode: 0o600 })
    } catch {
      this.#lost += lines.length
    }
  }

  #take(): string[] {
    const lines = this.#waiting
    this.#waiting = []
    this.#waitingLength = 0
    return lines
  }

  /** Nobody is there to wait for it any more. */
  readonly #atExit = () => {
    const lines = this.#take()
    if (lines.length === 0) return
    try {
      mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 })
      appendFileSync(this.#file(0), lines.join(''), { mode: 0o600 })
    } catch {
      // There is nobody left to tell.
      this.#lost += lines.length
    }
  }

  #makeRoom(bytes: number): void {
    const most = this.#options.mostBytes / FILES
    if (this.#bytes > 0 && this.#bytes + bytes > most) {
      rmSync(this.#file(FILES - 1), { force: true })
      for (let number = FILES - 2; number >= 0; number--)
        if (statSync(this.#file(number), { throwIfNoEntry: false }) !== undefined)
          renameSync(this.#file(number), this.#file(number + 1))
      this.#bytes = 0
    }
    this.#bytes += bytes
  }

  /** 0 is the one that is written. */
  #file(number: number): string {
    return join(this.#options.folder, number === 0 ? 'effects.jsonl' : `effects.${number}.jsonl`)
  }
}

/** The last line of a program that was killed may be half a one. */
function readLine(line: string): EffectRecord | undefined {
  if (line === '') return undefined
  try {
    return effectRecord.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

const FILES = 4
/** How far a clock that is set may go back, ms. */
const CLOCK_MS = 60_000
const EVERY_MS = 500
/** Characters that wait for the disk. */
const MOST_WAITING = 8 << 20
