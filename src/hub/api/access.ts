import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Mistake } from '../../mistake/mistake.ts'
import type { AuditRecord } from '../../wire/audit.ts'
import { Attempts } from './attempts.ts'
import type { ApiContext } from './context.ts'
import { TooMany } from './failures.ts'
import { isLoopback, refuseForeignPages } from './origin.ts'
import { type Caller, mayAct, type Role, Tokens } from './roles.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined where nobody needs to say who they are. */
    caller: Caller | undefined
    /** What the audit is to say of it, beside what its route says. */
    note: AuditNote
  }
  interface FastifyContextConfig {
    /** Who may use the route; every route has to say. */
    role?: Role | 'anyone'
    /** The change that it makes, for the audit. */
    action?: string
    /** Its body may take longer than that of others. */
    isLong?: boolean
  }
}

interface AuditNote {
  action?: string
  target?: string
  /** Neither code nor secrets. */
  detail?: string
}

/**
 * Lets only those in who may, and keeps what they change, or were not allowed to change, in the audit. Throws
 * `E_CONFIG_VALUE` when that would let everybody in.
 */
export function guard(app: FastifyInstance, context: ApiContext, host: string): void {
  const guard = new Guard(context, host)
  app.decorateRequest('caller', undefined)
  app.decorateRequest('note')
  app.addHook('onRoute', ({ config, url }) => {
    if (config?.role === undefined) throw new Error(`the route ${url} does not say who may use it`)
  })
  app.addHook('onRequest', async (request) => {
    context.counters.requests++
    request.note = {}
    await guard.admit(request)
  })
  app.addHook('onSend', async (request, reply) => {
    await guard.record(request, reply.statusCode)
  })
}

/** Who asks, on routes that need to know. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined) throw new Error('a route that anyone may use asks who uses it')
  return caller
}

/** What agents have not had the chance to hide something of is for those who may see packets. */
export function requireRawAccess(request: FastifyRequest, isRaw: boolean): void {
  const { name, role } = callerOf(request)
  if (isRaw && !mayAct(callerOf(request), RAW_ROLE))
    throw new Mistake('E_FORBIDDEN', `${name} is ${role}, and this takes the role ${RAW_ROLE}`, {
      hint: 'Its entries have not been through onItemQueried of the agents.',
    })
}

const RAW_ROLE = 'operator'

class Guard {
  readonly #context: ApiContext
  readonly #tokens: Tokens
  readonly #attempts = new Attempts({ most: MOST_WRONG, perMs: WRONG_MS })

  constructor(context: ApiContext, host: string) {
    this.#context = context
    const { hub, tap } = context.config
    this.#tokens = new Tokens(hub.tokens)
    if (!this.#tokens.isEmpty) return
    if (tap.auth.enabled)
      throw new Mistake('E_CONFIG_VALUE', 'tap.auth.enabled is set, and there are no hub.tokens', NEED_TOKENS)
    if (!isLoopback(host))
      throw new Mistake(
        'E_CONFIG_VALUE',
        `the API would be open to everybody who reaches ${host}: there are no hub.tokens`,
        NEED_TOKENS,
      )
  }

  async admit(request: FastifyRequest): Promise<void> {
    const { role } = request.routeOptions.config
    if (role === undefined || role === 'anyone') return
    try {
      request.caller = this.#callerOf(request)
    } catch (error) {
      await this.#refuse(request, error)
      throw error
    }
    if (mayAct(request.caller, role)) return
    this.#context.counters.forbidden++
    const { name, role: own } = request.caller
    throw new Mistake('E_FORBIDDEN', `${name} is ${own}, and this takes the role ${role}`)
  }

  /** After a change, or what was refused of one. */
  async record(request: FastifyRequest, status: number): Promise<void> {
    const { caller, note } = request
    const action = note.action ?? request.routeOptions.config.action
    // What nobody may see is told of, too, when somebody has tried.
    if (caller === undefined || (action === undefined && status !== 403)) return
    await this.#keep({
      ...this.#place(request),
      ...{ who: caller.name, role: caller.role },
      outcome: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
      detail: (note.detail ?? (status < 400 ? '' : `HTTP ${status}`)).slice(0, LONGEST_DETAIL),
    })
  }

  #callerOf(request: FastifyRequest): Caller {
    if (this.#tokens.isEmpty) {
      refuseForeignPages(request.headers)
      return LOCAL
    }
    const token = tokenIn(request)
    const caller = token === undefined ? undefined : this.#tokens.callerWith(token)
    if (caller !== undefined) return caller
    throw new Mistake(
      'E_UNAUTHENTICATED',
      token === undefined ? 'a token is missing' : 'the token is not known',
      {
        hint: 'Send one of hub.tokens as `Authorization: Bearer …`; commands take it from REMORA_TOKEN.',
      },
    )
  }

  /** Somebody who is nobody. They do not fill the audit, however often they try. */
  async #refuse(request: FastifyRequest, error: unknown): Promise<void> {
    const { counters, now } = this.#context
    const isForeign = error instanceof Mistake && error.code === 'E_FORBIDDEN'
    counters[isForeign ? 'forbidden' : 'unauthenticated']++
    if (this.#attempts.fail(request.ip, now())) {
      if (isForeign || tokenIn(request) === undefined) return
      counters.limited++
      throw new TooMany('too many requests with a token that is not known', WRONG_MS / 1000)
    }
    await this.#keep({
      ...this.#place(request),
      ...{ who: '', role: '', outcome: 'refused' },
      detail: error instanceof Mistake ? error.message : '',
    })
  }

  #place(request: FastifyRequest): Pick<AuditRecord, 'at' | 'from' | 'action' | 'target'> {
    const { config, url = '' } = request.routeOptions
    const { note } = request
    return {
      at: new Date(this.#context.now()).toISOString(),
      // IPv4 on a socket of IPv6 (RFC 4291, section 2.5.5.2).
      from: request.ip.replace(/^::ffff:(?=\d+\.)/, ''),
      action: note.action ?? config.action ?? `${request.method} ${url}`,
      target: (note.target ?? targetIn(request.params)).slice(0, LONGEST_DETAIL),
    }
  }

  /** What was done is done: that it cannot be kept is no reason to say that it was not. */
  async #keep(record: AuditRecord): Promise<void> {
    const { control, counters, log } = this.#context
    try {
      await control.audit(record)
    } catch (err) {
      counters.lostAudits++
      log.error({ err, action: record.action, who: record.who }, 'an audit record was lost')
    }
  }
}

/** As our client sends it, or as older ones do; browsers cannot set headers of a WebSocket. */
function tokenIn({ headers, query, ws }: FastifyRequest): string | undefined {
  const carriers = [headers.authorization, headers['x-kubeshark-authorization'], headers['license-key']]
  const header = carriers.find((value) => value !== undefined && value !== '')
  if (typeof header === 'string') return header.replace(/^Bearer\s+/i, '').trim()
  if (!ws || typeof query !== 'object' || query === null || !('token' in query)) return undefined
  return typeof query.token === 'string' ? query.token : undefined
}

function targetIn(params: unknown): string {
  if (typeof params !== 'object' || params === null) return ''
  return Object.values(params).map(String).join('/')
}

const LOCAL: Caller = { name: 'local', role: 'admin' }
const NEED_TOKENS = {
  hint: 'Add one: hub.tokens: [{name: me, role: admin, token: …}]; `openssl rand -hex 24` makes one.',
}
const MOST_WRONG = 20
const WRONG_MS = 60_000
const LONGEST_DETAIL = 200
