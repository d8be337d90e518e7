import type { Config } from '../../config/index.ts'
import type { HubControl } from '../../hub/control.ts'
import { openMetrics } from '../../metrics/metrics.ts'
import { type OpsServer, startOpsServer } from '../../metrics/server.ts'
import type { Note } from '../../node/note.ts'
import { printLine } from '../../wire/console.ts'
import type { NodeStatus } from '../../wire/nodes.ts'
import { onInterrupt } from '../interrupt.ts'

/** Something that is brought to an end when the program is. */
export interface Closable {
  close(): unknown
}

/**
 * What programs that go on until they are stopped have in common: log, endpoints for those who run them, and an orderly end,
 * the last part that began first.
 */
export class Program {
  readonly #config: Config
  readonly #parts: Closable[] = []
  readonly #interrupted = Promise.withResolvers<void>()
  readonly #closing = new AbortController()
  #isInterrupted = false

  constructor(config: Config) {
    this.#config = config
    onInterrupt(() => {
      this.#isInterrupted = true
      this.#interrupted.resolve()
    })
  }

  /** It ends when the program does. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  readonly note: Note = (level, message, more) => {
    if (level === 'info' && !['debug', 'info'].includes(this.#config.logLevel)) return
    process.stderr.write(`remora: ${level}: ${message} ${JSON.stringify(more)}\n`)
  }

  readonly report = (error: unknown): void => {
    this.note('warning', error instanceof Error ? error.message : String(error), {})
  }

  add<Part extends Closable>(part: Part): Part {
    this.#parts.push(part)
    return part
  }

  /** Metrics, health and readiness of one component. */
  async serveOps(
    port: number,
    status: () => NodeStatus,
    ready: () => { readonly ready: boolean; readonly reasons: readonly string[] },
  ): Promise<OpsServer> {
    const { component, node } = status()
    const metrics = openMetrics({ component, node, snapshot: status })
    return this.add(await startOpsServer({ port, metrics, ready, health: () => status().health }))
  }

  /** Prints what agents print. */
  print(hub: Pick<HubControl, 'console'>, asJson: boolean): void {
    void this.#print(hub, asJson)
  }

  async #print(hub: Pick<HubControl, 'console'>, asJson: boolean): Promise<void> {
    for await (const line of hub.console({ since: Date.now() }, true, this.signal)) {
      if (asJson) process.stdout.write(`${JSON.stringify({ type: 'console', ...line })}\n`)
      else if (line.level === 'error') process.stderr.write(`${printLine(line)}\n`)
      else if (line.level !== 'clear') process.stdout.write(`${printLine(line)}\n`)
    }
  }

  /** Until somebody stops it; rejects when something fails without which it cannot go on. */
  async untilStopped(...failing: readonly Promise<unknown>[]): Promise<void> {
    const failures = failing.map((each) => each.then(() => new Promise<never>(() => {})))
    await Promise.race([this.#interrupted.promise, ...failures])
  }

  async close(): Promise<void> {
    const hurry = setTimeout(() => {
      process.stderr.write('remora: it takes too long to end in order\n')
      process.exit(this.#isInterrupted ? 1 : 2)
    }, PATIENCE_MS)
    this.#closing.abort()
    for (const part of this.#parts.reverse()) {
      try {
        await part.close()
      } catch (error) {
        this.note('warning', 'a part did not end in order', { error: String(error) })
      }
    }
    clearTimeout(hurry)
  }
}

const PATIENCE_MS = 15_000
