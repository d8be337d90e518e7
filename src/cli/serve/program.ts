import type { Config } from '../../config/index.ts'
import type { HubControl } from '../../hub/control.ts'
import { type Log, type LogLevel, openLog } from '../../log/log.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type OpsServer, startOpsServer } from '../../metrics/server.ts'
import type { Note } from '../../node/note.ts'
import type { NodeStatus } from '../../wire/nodes.ts'
import { OwnSockets } from '../../worker/own-sockets.ts'
import { lineText } from '../console-output.ts'
import { Shutdown } from '../shutdown.ts'

/** Something that is brought to an end when the program is. */
export interface Closable {
  close(): unknown
}

/** A worker or a hub. */
export interface Operated {
  readonly service: {
    status(): NodeStatus
    log(level: LogLevel, message: string, fields: object): void
  }
  readonly metrics: Metrics
}

interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly string[]
}

/**
 * What programs that go on until they are stopped have in common: log, endpoints for those who run them, and an orderly end,
 * the last part that began first.
 */
export class Program {
  readonly #shutdown: Shutdown
  readonly #startedAt = Date.now()
  readonly log: Log
  readonly ownSockets = new OwnSockets()

  constructor(component: 'worker' | 'hub', node: string, { logLevel }: Config) {
    this.log = openLog({ level: logLevel, component, node })
    this.#shutdown = new Shutdown({ tell: (text, fields) => this.log.info(text, fields) })
    this.#shutdown.add('log', () => this.log.close())
  }

  /** Aborts when the program begins to end. */
  get signal(): AbortSignal {
    return this.#shutdown.signal
  }

  readonly note: Note = (level, message, more) => this.log[level](message, { ...more })

  readonly report = (error: unknown): void => {
    this.log.warning(error instanceof Error ? error.message : String(error))
  }

  add<Part extends Closable>(name: string, part: Part): Part {
    this.#shutdown.add(name, async () => {
      await part.close()
    })
    return part
  }

  /** Metrics, health and readiness of one component, whose agents hear what the log says. */
  async serveOps(
    { host, port }: { readonly host: string; readonly port: number },
    part: Operated,
    ready: () => Readiness,
  ): Promise<OpsServer> {
    const { service, metrics } = part
    this.log.onLine(({ time, level, msg, fields }) => service.log(level, msg, { time, ...fields }))
    const health = () => service.status().health
    const server = await startOpsServer({ host, port, metrics, ready, health })
    return this.add(`metrics of the ${service.status().component}`, server)
  }

  /** Prints what agents have printed since the program began: errors on standard error. */
  async print(hub: Pick<HubControl, 'console'>, asJson: boolean): Promise<void> {
    for await (const line of hub.console({ since: this.#startedAt }, true, this.signal)) {
      if (asJson) process.stdout.write(`${JSON.stringify({ type: 'console', ...line })}\n`)
      else if (line.level === 'error') process.stderr.write(`${lineText(line)}\n`)
      else if (line.level !== 'clear') process.stdout.write(`${lineText(line)}\n`)
    }
  }

  /**
   * Until somebody stops it; then it ends in order. Rejects, when all has ended, with what failed without which it cannot go on.
   */
  async untilStopped(...needed: readonly Promise<unknown>[]): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()))
    const failures = needed.map((each) => each.then(() => new Promise<never>(() => {})))
    await Promise.race([stopped, ...failures])
  }

  /** Ends what was begun, also when that was not all. */
  async end(why: string, code = 0): Promise<void> {
    process.exitCode = await this.#shutdown.end(why, code)
    // What failed may have left something open, such as a connection to a server that says nothing: nobody would start it again.
    if (code !== 0) setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
  }
}

/** How long a program that has failed stays for what it has left open. */
const LEFT_OPEN_MS = 1000
