import type { SettingInForce } from '../../config/index.ts'
import type { Config } from '../../config/schema.ts'
import type { HubControl } from '../control.ts'
import type { Trials } from '../trials.ts'
import type { Session } from './session.ts'

/** What of the configuration the interface reads. */
export type ApiConfig = {
  readonly hub: Pick<Config['hub'], 'tokens' | 'tls'>
  readonly scripting: Pick<Config['scripting'], 'language' | 'env'>
  readonly tap: Pick<Config['tap'], 'customMacros' | 'proxy' | 'auth'>
}

/** What the interface says of itself; pino does. Tokens never get there. */
export interface ApiLog {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** What was refused or lost, since the start. */
export interface ApiCounters {
  requests: number
  /** Without a token, or with a wrong one. */
  unauthenticated: number
  /** With a token whose role does not do, or from a page of elsewhere. */
  forbidden: number
  /** Requests that were too many. */
  limited: number
  /** Messages of WebSockets that made no sense. */
  badMessages: number
  /** Entries that were not sent, since a client did not take them fast enough. */
  droppedEntries: number
  /** Connections that were ended since nothing was heard of the client, or it took nothing. */
  lostClients: number
  /** Audit records that could not be kept. */
  lostAudits: number
}

/** What all routes share. */
export interface ApiContext {
  readonly control: HubControl
  readonly config: ApiConfig
  readonly log: ApiLog
  /** Version of Remora. */
  readonly version: string
  readonly settings: readonly SettingInForce[]
  /** Undefined where agents cannot be tried out. */
  readonly trials: Trials | undefined
  readonly now: () => number
  readonly counters: ApiCounters
  /** Open WebSockets. */
  readonly sessions: Set<Session>
}

export function newContext(
  options: Pick<ApiContext, 'control' | 'config' | 'log' | 'version'> & {
    readonly now?: () => number
    readonly settings?: readonly SettingInForce[]
    readonly trials?: Trials | undefined
  },
): ApiContext {
  const { control, config, log, version, now = Date.now, settings = [], trials } = options
  const state = { counters: newCounters(), sessions: new Set<Session>() }
  return { control, config, log, version, settings, trials, now, ...state }
}

function newCounters(): ApiCounters {
  return {
    requests: 0,
    unauthenticated: 0,
    forbidden: 0,
    limited: 0,
    badMessages: 0,
    droppedEntries: 0,
    lostClients: 0,
    lostAudits: 0,
  }
}
