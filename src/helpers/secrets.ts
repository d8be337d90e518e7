import type { z } from 'zod'

/** What `env` may hold. */
type Json = z.infer<ReturnType<typeof z.json>>

/** Values of `env` that are not to be shown, and what stands for each: `[env.NAME]`. */
export class Secrets {
  /** Longest first: one may be part of another. */
  readonly #known: readonly (readonly [secret: string, shown: string])[]

  constructor(env: Readonly<Record<string, unknown>>) {
    const found = Object.entries(env).flatMap(([name, value]) => secretsIn(value, name))
    this.#known = found.flatMap(spellings).sort((a, b) => b[0].length - a[0].length)
  }

  masked(text: string): string {
    let shown = text
    for (const [secret, stand] of this.#known) shown = shown.replaceAll(secret, stand)
    return shown
  }
}

/** `env` with stand-ins in place of what is secret: what a script makes of it can be shown to anybody. */
export function withoutSecrets(env: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, replaced(value, name)]))
}

function replaced(value: Json, path: string): Json {
  if (typeof value === 'string') return standIn(value, path) ?? value
  if (Array.isArray(value)) return value.map((each, at) => replaced(each, `${path}.${at}`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, replaced(each, `${path}.${key}`)]),
  )
}

function secretsIn(value: unknown, path: string): (readonly [string, string])[] {
  if (typeof value === 'string') {
    const shown = standIn(value, path)
    return shown === undefined ? [] : [[value, shown]]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => secretsIn(each, `${path}.${key}`))
}

/** Of an address its host may be seen. Short values are words, such as names of clusters, unless they are called otherwise. */
function standIn(value: string, path: string): string | undefined {
  const name = `[env.${path}]`
  const url = URL.parse(value)
  if (url !== null && /^https?:$/.test(url.protocol)) {
    const isPublic = url.pathname === '/' && url.search === '' && url.username === '' && url.password === ''
    return isPublic ? undefined : `${url.origin}/${name}`
  }
  const shortest = NAMED_SECRET.test(path) ? SHORTEST_SECRET : SHORTEST
  return value.length < shortest ? undefined : name
}

/** As it stands in JSON and in addresses, too. */
function spellings([secret, shown]: readonly [string, string]): (readonly [string, string])[] {
  const all = new Set([
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    encodeURI(secret),
  ])
  return [...all].map((each) => [each, shown] as const)
}

const NAMED_SECRET = /token|secret|passw|pwd|credential|auth|key|webhook/i
const SHORTEST_SECRET = 3
const SHORTEST = 6
