import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Numbers of streams that nothing in a folder of entries has yet: entries are named after them, and outlive the process that
 * made them. Some are set aside in advance, so that a process that is killed needs to say nothing.
 */
export class StreamNumbers {
  /** The first that may be given. */
  readonly first: number
  readonly #path: string
  #reserved: number

  /** Where the folder cannot be written they begin at 0. */
  static open(folder: string): StreamNumbers {
    const path = join(folder, FILE)
    return new StreamNumbers(path, nextIn(path))
  }

  private constructor(path: string, first: number) {
    this.first = first
    this.#path = path
    this.#reserved = first + AT_ONCE
    this.#write()
  }

  /** So many were given from `first` on. */
  used(count: number): void {
    if (this.first + count + AT_ONCE / 2 < this.#reserved) return
    this.#reserved = this.first + count + AT_ONCE
    this.#write()
  }

  /** All of it or nothing. What cannot be written is in the way of entries as well, and they say so. */
  #write(): void {
    const made = `${this.#path}.tmp`
    try {
      mkdirSync(join(this.#path, '..'), { recursive: true })
      writeFileSync(made, String(this.#reserved))
      renameSync(made, this.#path)
    } catch {
      // See above.
    }
  }
}

function nextIn(path: string): number {
  try {
    const text = readFileSync(path, 'utf8')
    return /^\d{1,12}$/.test(text) ? Number(text) : 0
  } catch {
    return 0
  }
}

const FILE = 'next-stream'
/** More than begin before anybody is told how many there were, even where connections are a flood. */
const AT_ONCE = 1_000_000
