import type { TestContext } from 'node:test'
import { configSchema } from '../config/schema.ts'
import { type Api, type ApiOptions, startApi } from '../hub/api/start-api.ts'
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
  { hub: settings = {}, auth = {}, ...rest }: TestApiOptions = {},
): Promise<TestApi> {
  const hub = new FakeHub()
  const log: TestApi['log'] = []
  const note = (fields: object, message: string) => void log.push({ fields, message })
  const config = configSchema.parse({ hub: settings, tap: { auth } })
  const options = { control: hub, config, version: '1.2.3', port: 0, log: { error: note, warn: note } }
  const api = await startApi({ ...options, ...rest })
  t.after(() => api.close())
  return { api, hub, url: api.url, log }
}

export type TestApiOptions = Partial<ApiOptions> & { readonly hub?: object; readonly auth?: object }

/** Settings with a token of each role. */
export const WITH_TOKENS = {
  hub: { tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: `the ${role}`, role, token })) },
}
