import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { SettingInForce } from '../../config/index.ts'
import { whoListens } from '../../metrics/listener.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { HubControl } from '../control.ts'
import type { Trials } from '../trials.ts'
import { buildApp } from './app.ts'
import { type ApiConfig, type ApiContext, type ApiCounters, type ApiLog, newContext } from './context.ts'
import { DASHBOARD_FOLDER } from './dashboard.ts'
import { descriptionOf } from './description.ts'
import { BEAT_MS } from './session.ts'
import { readTls } from './tls.ts'

export interface ApiOptions {
  readonly control: HubControl
  readonly config: ApiConfig
  readonly log: ApiLog
  /** Version of Remora. */
  readonly version: string
  /** Instead of `tap.proxy.host` … */
  readonly host?: string
  /** … and `tap.proxy.front.port`; 0: one that is free. */
  readonly port?: number
  /** Of one address in a minute; 30,000 when absent. */
  readonly mostRequests?: number
  readonly now?: () => number
  /** Every setting in force, as everybody may see it. */
  readonly settings?: readonly SettingInForce[]
  /** Tries agents out; absent: that cannot be done. */
  readonly trials?: Trials
  /** Folder of the built dashboard; that of the package when absent. */
  readonly dashboard?: string
  /** A request was answered; `route` is its pattern, never the address. */
  readonly answered?: (route: string, status: number, seconds: number) => void
}

export interface Api {
  /** Where it is, such as http://127.0.0.1:8899. */
  readonly url: string
  /** What it refused and dropped since it started. */
  readonly counters: Readonly<ApiCounters>
  /** Ends what is under way: WebSockets at once, requests when they are answered, or after two seconds. */
  close(): Promise<void>
}

/**
 * The HTTP interface of a hub. Throws `E_CONFIG_VALUE` when it cannot listen there, when a file of TLS is bad, and when
 * it would let everybody in.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { config, host = config.tap.proxy.host, port = config.tap.proxy.front.port } = options
  const context = newContext(options)
  const tls = await readTls(config.hub.tls)
  const limits = options.mostRequests === undefined ? {} : { mostRequests: options.mostRequests }
  const { answered } = options
  const app = await buildApp(context, {
    host,
    tls,
    dashboard: options.dashboard ?? DASHBOARD_FOLDER,
    ...limits,
    ...(answered === undefined ? {} : { answered }),
  })
  await listen(app, host, port)
  const beating = setInterval(() => beat(context), BEAT_MS)
  return {
    url: urlOf(app, tls === undefined ? 'http' : 'https', host),
    counters: context.counters,
    close: async () => {
      clearInterval(beating)
      await close(app, context)
    },
  }
}

/** The interface as it describes itself (OpenAPI 3.1); nothing listens. */
export async function describeApi(options: ApiOptions): Promise<object> {
  const app = await buildApp(newContext(options), {
    host: '127.0.0.1',
    tls: undefined,
    dashboard: DASHBOARD_FOLDER,
  })
  await app.ready()
  const description = descriptionOf(app)
  await app.close()
  return description
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    // Without a name Node takes IPv6 and IPv4, and IPv4 alone on machines that have no other.
    await app.listen({ host: host === '::' ? '' : host, port })
  } catch (cause) {
    await app.close()
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const why = typeof code === 'string' ? REFUSALS[code]?.(port) : undefined
    if (why === undefined) throw cause
    throw new Mistake('E_CONFIG_VALUE', `the API cannot listen on ${host}, port ${port}: ${why}`, {
      hint:
        code === 'EADDRINUSE'
          ? `End it, or take another port: --set tap.proxy.front.port=${port + 1} (after npm start: -- --set …)`
          : 'Set tap.proxy.host and tap.proxy.front.port.',
      cause,
    })
  }
}

function urlOf(app: FastifyInstance, scheme: string, host: string): string {
  const { port } = app.server.address() as AddressInfo
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function beat({ sessions }: ApiContext): void {
  for (const session of sessions) session.beat()
}

async function close(app: FastifyInstance, { sessions }: ApiContext): Promise<void> {
  for (const session of sessions) session.close(1001, 'the hub is ending')
  const hurry = setTimeout(() => app.server.closeAllConnections(), PATIENCE_MS)
  await app.close()
  clearTimeout(hurry)
}

const REFUSALS: Readonly<Record<string, (port: number) => string>> = {
  EADDRINUSE: (port) => `${whoListens(port) ?? 'another program'} listens there already`,
  EADDRNOTAVAIL: () => 'the address is none of this machine',
  EACCES: () => 'that needs more rights',
  ENOTFOUND: () => 'there is no such name',
}
const PATIENCE_MS = 2000
