import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { descendants, isThere, type OfProcess } from './processes.ts'

export interface SupervisedOptions {
  readonly name: string
  /** Its working folder, with all that it keeps. */
  readonly folder: string
  readonly args: readonly string[]
  readonly metricsPort: number
  /** Command and arguments in front of it: what leads into a network namespace. */
  readonly within?: readonly string[]
}

/** A program that is started again when it ends, whyever, until it is to end: what systemd does. */
export class Supervised {
  readonly name: string
  readonly folder: string
  readonly metricsPort: number
  readonly #command: readonly string[]
  #child: ChildProcess | undefined
  #isWanted = false
  #said = ''
  /** Wall clock of the last start. */
  startedAt = 0
  starts = 0
  /** Processes of runs that were killed. */
  readonly orphans: OfProcess[] = []

  constructor({ name, folder, args, metricsPort, within = [] }: SupervisedOptions) {
    this.name = name
    this.folder = folder
    this.metricsPort = metricsPort
    this.#command = [...within, process.execPath, join(REPOSITORY, 'bin/remora.cjs'), ...args]
    mkdirSync(join(folder, 'tmp'), { recursive: true })
  }

  start(): void {
    this.#isWanted = true
    this.#spawn()
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** What it has printed last. */
  get said(): string {
    return this.#said
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** As a machine that loses power, but for the disk. */
  kill(): void {
    if (this.#child === undefined) return
    this.orphans.push(...descendants(this.pid))
    this.#child.kill('SIGKILL')
  }

  /** In order. Answers how it ended and how long that took. */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    this.#isWanted = false
    const child = this.#child
    if (child === undefined) return { code: null, ms: 0 }
    this.orphans.push(...descendants(this.pid))
    const from = performance.now()
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = await ended
    return { code: typeof code === 'number' ? code : null, ms: performance.now() - from }
  }

  /** Whatever of it is left. */
  async destroy(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Whether it says that it can do its work. */
  isReady(): Promise<boolean> {
    return this.#answers('/readyz')
  }

  /** Whether it is there. */
  lives(): Promise<boolean> {
    return this.#answers('/healthz')
  }

  async #answers(path: string): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.metricsPort}${path}`, {
        signal: AbortSignal.timeout(2000),
      })
      await answer.text()
      return answer.ok
    } catch {
      return false
    }
  }

  /** Processes of runs that were killed or ended, and that are there still. */
  leftovers(): OfProcess[] {
    return this.orphans.filter(isThere)
  }

  #spawn(): void {
    const [program = '', ...args] = this.#command
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...process.env, TMPDIR: join(this.folder, 'tmp') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.startedAt = Date.now()
    this.starts++
    const hear = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-MOST_SAID)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', (code, signal) => {
      this.#said += `[${this.name} ended: ${code ?? signal}]\n`
      if (this.#child === child) this.#child = undefined
      void this.#again()
    })
  }

  async #again(): Promise<void> {
    // RestartSec of systemd.
    await setTimeout(RESTART_MS)
    if (this.#isWanted && this.#child === undefined) this.#spawn()
  }
}

const RESTART_MS = 100
const MOST_SAID = 200_000
