import type { TestContext } from 'node:test'
import { request } from 'undici'
import { configSchema } from '../config/schema.ts'
import { type Api, type ApiOptions, startApi } from '../hub/api/start-api.ts'
import { assertDescribed, type Method } from './described-answers.ts'
import { FakeHub } from './fake-hub.ts'

/** A token of each role, by its name. */
export const TOKENS = {
  viewer: 'viewer-token-0123456789',
  operator: 'operator-token-0123456789',
  author: 'author-token-0123456789',
  admin: 'admin-token-0123456789',
} as const

export interface TestApi {
  readonly api: Api
  readonly hub: FakeHub
  readonly url: string
  /** What it has said of itself. */
  readonly log: { readonly fields: object; readonly message: string }[]
}

/** An interface in front of a hub in memory, on a free port of the loopback, until the test is over. */
export async function startTestApi(
  t: Pick<TestContext, 'after'>,
  { hub: settings = {}, auth = {}, scripting = {}, ...rest }: TestApiOptions = {},
): Promise<TestApi> {
  const hub = new FakeHub()
  const log: TestApi['log'] = []
  const note = (fields: object, message: string) => void log.push({ fields, message })
  const config = configSchema.parse({ hub: settings, tap: { auth }, scripting })
  const options = { control: hub, config, version: '1.2.3', port: 0, log: { error: note, warn: note } }
  const api = await startApi({ ...options, ...rest })
  t.after(() => api.close())
  return { api, hub, url: api.url, log }
}

export type TestApiOptions = Partial<ApiOptions> & {
  readonly hub?: object
  readonly auth?: object
  readonly scripting?: object
}

/** Settings with a token of each role. */
export const WITH_TOKENS = {
  hub: { tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: `the ${role}`, role, token })) },
}

export interface Asked {
  readonly status: number
  readonly text: string
  /** What the text has, when it is JSON. */
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface Ask {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks, and holds the answer to what the interface says of itself. */
export async function ask(url: string, method: Method, path: string, options: Ask = {}): Promise<Asked> {
  const { token, body, headers = {} } = options
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` }
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await request(`${url}${path}`, {
    method,
    headers: { ...json, ...authorization, ...headers },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.body.text()
  const asked = { status: response.statusCode, text, body: parsed(text), headers: response.headers }
  await assertDescribed(method, path, asked)
  return asked
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
