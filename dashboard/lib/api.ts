import type { ApiFailure } from '../../src/wire/api.ts'

export const API = '/api/v1'

/** The hub refused or failed, or could not be reached (`E_UNREACHABLE`, status 0). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | undefined

  constructor(status: number, { code, message, hint }: ApiFailure) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.hint = hint
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

interface Options {
  readonly query?: Query
  readonly signal?: AbortSignal
}

/**
 * The HTTP interface of the hub that serves this page. Paths begin behind `/api/v1`. Everything rejects with `ApiError`; what
 * is answered is of the type that the caller names, which are those of `src/wire`.
 */
export const api = {
  get: <T>(path: string, options: Options = {}) => json<T>('GET', path, undefined, options),
  post: <T>(path: string, body?: unknown, options: Options = {}) => json<T>('POST', path, body, options),
  put: <T>(path: string, body: unknown, options: Options = {}) => json<T>('PUT', path, body, options),
  patch: <T>(path: string, body: unknown, options: Options = {}) => json<T>('PATCH', path, body, options),
  delete: <T = undefined>(path: string, options: Options = {}) => json<T>('DELETE', path, undefined, options),
  /** The answer as it is: for text with entries, and for files. */
  fetch: (path: string, options: Options & Pick<RequestInit, 'method' | 'body' | 'headers'> = {}) =>
    send(path, options),
}

/** Address of something below the interface. Without a token: those go into headers. */
export function addressOf(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return `${API}${path}${text === '' ? '' : `?${text}`}`
}

/** Lets the browser keep an answer as a file, as it would with a link; links cannot send a token. */
export async function download(path: string, name: string, query: Query = {}): Promise<void> {
  const answer = await send(path, { query })
  saveAs(await answer.blob(), name)
}

/** Bytes or text become a file of whoever looks at the page. */
export function saveAs(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS)
}

/** What the hub wants to hear to know who asks; kept as long as the tab is open. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY) ?? undefined,
  set: (value: string | undefined) => {
    if (value === undefined) sessionStorage.removeItem(TOKEN_KEY)
    else sessionStorage.setItem(TOKEN_KEY, value)
  },
}

async function json<T>(method: string, path: string, body: unknown, options: Options): Promise<T> {
  const content =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  const answer = await send(path, { ...options, method, ...content })
  const text = await answer.text()
  return (text === '' ? undefined : JSON.parse(text)) as T
}

async function send(
  path: string,
  { query, headers, ...rest }: Options & Pick<RequestInit, 'method' | 'body' | 'headers'>,
): Promise<Response> {
  const all = new Headers(headers)
  const own = token.get()
  if (own !== undefined) all.set('Authorization', `Bearer ${own}`)
  const answer = await reached(fetch(addressOf(path, query), { ...rest, headers: all }), rest.signal)
  if (!answer.ok) throw new ApiError(answer.status, await failureIn(answer))
  return answer
}

async function reached(asked: Promise<Response>, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await asked
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new ApiError(0, { code: 'E_UNREACHABLE', message: 'The hub does not answer.' })
  }
}

async function failureIn(answer: Response): Promise<ApiFailure> {
  const nothing = { code: 'E_INTERNAL', message: `The hub answered with HTTP ${answer.status}.` }
  try {
    const failure: unknown = await answer.json()
    return typeof failure === 'object' && failure !== null && 'message' in failure
      ? { ...nothing, ...(failure as Partial<ApiFailure>) }
      : nothing
  } catch {
    return nothing
  }
}

const TOKEN_KEY = 'remora.token'
const REVOKE_MS = 60_000
