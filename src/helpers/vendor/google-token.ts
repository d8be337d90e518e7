import { createHash, createPrivateKey, createSign, type KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { jsonOf, refusalOf } from '../answer.ts'
import type { HelperHost, HttpReply, HttpRequest } from '../helper.ts'

/** Who asks Google for something: a service account whose key is at hand. */
export interface ServiceAccount {
  readonly email: string
  readonly key: KeyObject
  readonly keyId: string | undefined
  /** Where a signed claim is exchanged for a token. */
  readonly tokenUrl: string
}

const TOKEN_URL = 'https://oauth2.googleapis.com/token'

const keyFile = z.object({
  type: z.literal('service_account').optional(),
  client_email: z.string().min(3),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.url({ protocol: /^https?$/ }).default(TOKEN_URL),
})

/** Of a key file in JSON, or what is in one. Other kinds of credentials name files and commands, and are for the machine alone. */
export function serviceAccountIn(helper: string, given: string | object): ServiceAccount {
  const refuse = (reason: string) =>
    new Mistake('E_HELPER_ARGUMENT', `${helper}: saKeyObj is no key of a service account: ${reason}`, {
      hint: 'Give what is in the JSON file that Google Cloud makes for a key, or nothing for the identity of this machine.',
    })
  const read = keyFile.safeParse(typeof given === 'string' ? parsed(given) : given)
  if (!read.success) throw refuse(`${read.error.issues[0]?.path.join('.') || 'the JSON'} does not do`)
  const { client_email, private_key, private_key_id, token_uri } = read.data
  try {
    // In environment variables line ends are often written as `\n`.
    const key = createPrivateKey(private_key.replaceAll('\\n', '\n'))
    if (key.asymmetricKeyType !== 'rsa') throw refuse('private_key is no RSA key')
    return { email: client_email, key, keyId: private_key_id, tokenUrl: token_uri }
  } catch (error) {
    throw error instanceof Mistake ? error : refuse('private_key is no PEM')
  }
}

/**
 * A key as a value of `env` has it, where one does: what is kept on the disk has names in place of such values. Scripts parse
 * the value, and what comes of that would be kept as it is.
 */
export function asInEnv<T extends string | object>(given: T, env: HelperHost['env']): T | string {
  const isSame = (value: unknown) => isDeepStrictEqual(parsed(String(value)), given)
  const known = Object.values(env).find((value) => typeof value === 'string' && isSame(value))
  return typeof known === 'string' ? known : given
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Tokens of scripts that are still good, by account and scope. */
const kept = new WeakMap<object, Map<string, Token>>()
/** What scripts use at a time; more are asked for anew. */
const MOST_KEPT = 16

interface Token {
  readonly text: string
  /** ms since the epoch. */
  readonly until: number
}

/** A token for an account; with `fresh` never one that is kept. */
export async function tokenOf(
  helper: string,
  host: HelperHost,
  account: ServiceAccount,
  { scope, fresh }: { readonly scope: string; readonly fresh: boolean },
): Promise<string> {
  const mine = kept.get(host.agent) ?? new Map<string, Token>()
  kept.set(host.agent, mine)
  const name = nameOf(account, scope)
  const known = mine.get(name)
  if (!fresh && known !== undefined && known.until > Date.now()) return known.text
  mine.delete(name)
  const token = await exchanged(helper, host, account, scope)
  mine.set(name, token)
  for (const oldest of [...mine.keys()].slice(0, -MOST_KEPT)) mine.delete(oldest)
  return token.text
}

/** Those who have the same key, and no others, get the same token. */
function nameOf({ email, key, tokenUrl }: ServiceAccount, scope: string): string {
  const secret = key.export({ type: 'pkcs8', format: 'der' })
  return createHash('sha256')
    .update(JSON.stringify([email, tokenUrl, scope]))
    .update(secret)
    .digest('hex')
}

/**
 * RFC 7523 §2.1, as https://developers.google.com/identity/protocols/oauth2/service-account has it. When Google does not like
 * the time of the claim and its own is another, the claim is made once more by the time of Google.
 */
async function exchanged(
  helper: string,
  host: HelperHost,
  account: ServiceAccount,
  scope: string,
): Promise<Token> {
  const ask = async (nowMs: number) => {
    const request = tokenRequest(account, scope, nowMs)
    return { request, reply: await host.request(request) }
  }
  const began = Date.now()
  const first = await ask(began)
  const skew = Date.parse(first.reply.headers.date ?? '') - began
  const isClock = errorOf(first.reply) === 'invalid_grant' && Math.abs(skew) > TOLERATED_SKEW_MS
  const { request, reply } = isClock ? await ask(Date.now() + skew) : first
  if (reply.status < 200 || reply.status > 299) throw refusalOf(helper, host, request, reply, reasonIn(reply))
  const read = tokenReply.safeParse(jsonOf(helper, request, reply))
  if (!read.success)
    throw new Mistake(
      'E_HELPER_FAILED',
      `${helper}: ${new URL(request.url).host} has answered without a token`,
    )
  const { access_token: text, expires_in: seconds } = read.data
  return { text, until: began + seconds * 1000 - EARLY_MS }
}

const tokenReply = z.object({ access_token: z.string().min(1), expires_in: z.number().default(0) })

const HOUR_S = 3600
/** Below this it is not the clock. */
const TOLERATED_SKEW_MS = 30_000
/** A token that is about to expire is not begun with. */
const EARLY_MS = 60_000

function tokenRequest(account: ServiceAccount, scope: string, nowMs: number): HttpRequest {
  return {
    method: 'POST',
    url: account.tokenUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: claim(account, scope, Math.floor(nowMs / 1000)),
    }).toString(),
  }
}

/** A signed JWT, RFC 7519 and RFC 7515. */
function claim({ email, key, keyId, tokenUrl }: ServiceAccount, scope: string, now: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = part({ alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) })
  const body = part({ iss: email, scope, aud: tokenUrl, iat: now, exp: now + HOUR_S })
  const signature = createSign('RSA-SHA256').update(`${head}.${body}`).sign(key, 'base64url')
  return `${head}.${body}.${signature}`
}

const oauthError = z.object({ error: z.string(), error_description: z.string().optional() })

function errorOf({ body }: HttpReply): string | undefined {
  return oauthError.safeParse(parsed(body)).data?.error
}

function reasonIn({ body }: HttpReply): string | undefined {
  const { error, error_description } = oauthError.safeParse(parsed(body)).data ?? {}
  return error === undefined ? undefined : [error, error_description].filter(Boolean).join(': ')
}

/**
 * A token of the identity of this machine (https://cloud.google.com/docs/authentication/application-default-credentials), by
 * Google's library: the metadata service is asked by the library itself, which scripts never reach; all else goes by `host`.
 */
export async function ownToken(helper: string, host: HelperHost, scope: string): Promise<string> {
  const { GoogleAuth } = await import('google-auth-library')
  const auth = new GoogleAuth({
    scopes: [scope],
    clientOptions: { transporterOptions: { fetchImplementation: fetchBy(host), retryConfig: { retry: 0 } } },
  })
  try {
    const token = await auth.getAccessToken()
    if (typeof token === 'string' && token !== '') return token
    throw new Error('no token')
  } catch (error) {
    throw firstMistake(error) ?? noIdentity(helper, host, error)
  }
}

/** What went wrong on the way, below the errors of libraries. */
function firstMistake(error: unknown): Mistake | undefined {
  for (let each = error; each instanceof Error; each = each.cause) if (each instanceof Mistake) return each
  return undefined
}

function noIdentity(helper: string, host: HelperHost, cause: unknown): Mistake {
  const said =
    cause instanceof Error ? host.masked(cause.message).split('\n')[0]?.slice(0, LONGEST_REASON) : ''
  return new Mistake(
    'E_HELPER_FAILED',
    `${helper}: this machine has no identity that Google knows: ${said}`,
    {
      hint: 'Give the key of a service account, or run where there is one: GKE with workload identity, Compute Engine.',
      cause,
    },
  )
}

const LONGEST_REASON = 200

/** `host.request` as libraries want it. */
function fetchBy(host: HelperHost): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const body = await request.text()
    const {
      status,
      headers,
      body: text,
    } = await host.request({
      method: request.method,
      url: request.url,
      headers: Object.fromEntries(request.headers),
      body: body === '' ? undefined : body,
    })
    return new Response(text === '' ? null : text, { status, headers })
  }
}
