import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

/** CPU time and memory of another process, cheap enough to ask a hundred times a second. */
export class ProcessMeter {
  readonly #pid: number
  readonly #schedstat: number | undefined
  readonly #statm: number | undefined
  readonly #buffer = Buffer.alloc(128)

  constructor(pid: number) {
    this.#pid = pid
    this.#schedstat = open(`/proc/${pid}/schedstat`)
    this.#statm = open(`/proc/${pid}/statm`)
  }

  /** Whether it tells work from waiting. */
  get isExact(): boolean {
    return this.#schedstat !== undefined
  }

  /** ms that its main thread has run; without /proc, wall clock time. */
  cpuMs(): number {
    const nanos = this.#first(this.#schedstat)
    return nanos === undefined ? performance.now() : nanos / 1e6
  }

  /** Resident memory; 0 without /proc. */
  residentMb(): number {
    const text = this.#read(this.#statm)
    const pages = text === undefined ? Number.NaN : Number(text.split(' ')[1])
    return Number.isNaN(pages) ? 0 : (pages * PAGE) / (1 << 20)
  }

  /** Whether a thread of this name (15 characters at most) is ready to run and waits for a core; false without /proc. */
  isWaiting(thread: string): boolean {
    try {
      const tasks = `/proc/${this.#pid}/task`
      // proc(5): `tid (name) state …`
      return readdirSync(tasks).some((tid) =>
        readFileSync(`${tasks}/${tid}/stat`, 'latin1').includes(`(${thread}) R`),
      )
    } catch {
      return false
    }
  }

  close(): void {
    for (const fd of [this.#schedstat, this.#statm]) if (fd !== undefined) closeSync(fd)
  }

  #first(fd: number | undefined): number | undefined {
    const text = this.#read(fd)
    return text === undefined ? undefined : Number.parseInt(text, 10)
  }

  /** Undefined once the process is gone. */
  #read(fd: number | undefined): string | undefined {
    if (fd === undefined) return undefined
    try {
      return this.#buffer.toString('latin1', 0, readSync(fd, this.#buffer, 0, 128, 0))
    } catch {
      return undefined
    }
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

const PAGE = 4096
