import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { HubClient } from '../client/hub-client.ts'
import { openHubClient } from '../client/open-hub-client.ts'
import { REPOSITORY } from './remora.ts'
import { until } from './until.ts'

/** A real program that goes on until it is stopped, in a folder of its own; ended after the test. */
export class Running {
  readonly #child: ChildProcess
  readonly #closed: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(
    t: Pick<TestContext, 'after'>,
    cwd: string,
    args: readonly string[],
    last: readonly string[] = [],
    /** What starts it elsewhere: `ip netns exec name`. */
    within: readonly string[] = [],
  ) {
    const remora = [process.execPath, join(REPOSITORY, 'bin/remora.cjs'), ...args, ...ANY_PORTS, ...last]
    const [program = '', ...more] = [...within, ...remora]
    this.#child = spawn(program, more, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    this.#closed = once(this.#child, 'close').then(([code]) => code)
    t.after(async () => {
      this.#child.kill('SIGKILL')
      await this.#closed
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves when it has printed this; rejects with what it has printed instead. */
  async says(text: RegExp): Promise<void> {
    const said = () => this.stdout + this.stderr
    await until(() => {
      if (this.#child.exitCode !== null && !text.test(said())) throw new Error(`ended, and said ${said()}`)
      return text.test(said())
    }, said)
  }

  /** Where its API is, once it has said so. */
  get apiUrl(): string {
    return /the API is at (\S+),/.exec(this.stderr)?.[1] ?? ''
  }

  /** A client of its API. */
  async client(t: Pick<TestContext, 'after'>): Promise<HubClient> {
    await this.says(/the API is at \S+,/)
    const client = openHubClient({ url: this.apiUrl, token: undefined })
    t.after(() => client.close())
    return client
  }

  /** Answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.#child.kill(signal)
    return this.#closed
  }

  get ended(): Promise<number | null> {
    return this.#closed
  }
}

const ANY_PORTS = ['tap.proxy.front.port=0', 'tap.metrics.port=0', 'hub.metricsPort=0'].flatMap((port) => [
  '--set',
  port,
])
