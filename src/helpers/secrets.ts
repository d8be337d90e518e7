import type { z } from 'zod'
import { joined, KnownTexts, type Place } from './known-texts.ts'

/** What `env` may hold. */
type Json = z.infer<ReturnType<typeof z.json>>
type Env = Readonly<Record<string, unknown>>
type Pair = readonly [secret: string, shown: string]

/**
 * Values of `env` that are not to be shown, and what stands for each: `[env.NAME]`. It knows them as they are, as JSON, in
 * addresses, in hexadecimal and in base64, whatever stands before and after, and finds longer ones also with blanks and line
 * breaks in them. Not: what a script has encoded in other ways, turned around, or printed in several lines.
 */
export class Secrets {
  readonly #env: Env
  #found: Found | undefined

  constructor(env: Env) {
    this.#env = env
  }

  /** The same for the same object: looking through many secrets takes a while. */
  static of(env: Env): Secrets {
    const known = KNOWN.get(env) ?? new Secrets(env)
    KNOWN.set(env, known)
    return known
  }

  masked(text: string): string {
    // Looked for when there is something to say: most runs say little, and a few have thousands of secrets.
    this.#found ??= foundIn(this.#env)
    const { whole, solid } = this.#found
    if (whole.size === 0) return text
    const places = joined([...whole.placesIn(text), ...placesInSolid(solid, text)])
    if (places.length === 0) return text
    let shown = ''
    let end = 0
    for (const place of places) {
      shown += text.slice(end, place.start) + place.stand
      end = place.end
    }
    return shown + text.slice(end)
  }
}

interface Found {
  readonly whole: KnownTexts
  /** Long ones without blanks in them, for text without blanks. */
  readonly solid: KnownTexts
}

function foundIn(env: Env): Found {
  const found = Object.entries(env).flatMap(([name, value]) => secretsIn(value, name))
  const spelt = found.flatMap(spellings)
  const solid = spelt
    .map(([secret, shown]) => [secret.replace(BLANKS, ''), shown] as const)
    .filter(([secret]) => secret.length >= SHORTEST_SOLID)
  return { whole: new KnownTexts(spelt), solid: new KnownTexts(solid) }
}

/** The arguments of one `console.log` have blanks between them, and long values line breaks. */
function placesInSolid(solid: KnownTexts, text: string): Place[] {
  if (solid.size === 0 || !BLANK.test(text)) return []
  const found = solid.placesIn(text.replace(BLANKS, ''))
  if (found.length === 0) return []
  const places = placesOfSolid(text)
  return found.map(({ start, end, stand }) => ({
    start: places[start] as number,
    end: (places[end - 1] as number) + 1,
    stand,
  }))
}

/** By `env`, for as long as that is there. */
const KNOWN = new WeakMap<Env, Secrets>()

/** Of each unit that is no blank: where it stands. */
function placesOfSolid(text: string): number[] {
  const places: number[] = []
  for (let at = 0; at < text.length; at++) if (!BLANK.test(text[at] as string)) places.push(at)
  return places
}

/** `env` with stand-ins in place of what is secret: what a script makes of it can be shown to anybody. */
export function withoutSecrets(env: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, replaced(value, name)]))
}

function replaced(value: Json, path: string): Json {
  if (typeof value === 'string' || typeof value === 'number') {
    const shown = standIn(value, path)
    return shown === undefined ? value : (jsonWithout(value, path) ?? shown)
  }
  if (Array.isArray(value)) return value.map((each, at) => replaced(each, `${path}.${at}`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, replaced(each, `${path}.${key}`)]),
  )
}

/** JSON in text stays JSON, as scripts parse it; undefined: it is none. */
function jsonWithout(value: string | number, path: string): string | undefined {
  if (typeof value === 'number' || !/^\s*[{[]/.test(value)) return undefined
  try {
    return JSON.stringify(replaced(JSON.parse(value), path))
  } catch {
    return undefined
  }
}

/** Whether this, or something in it, stands for a value of `env`: there is nothing to check in it. */
export function isStandIn(value: string | object): boolean {
  return STAND_IN.test(typeof value === 'string' ? value : JSON.stringify(value))
}

/** The host of whatever a stand-in would lead to, which there is never: RFC 6761 §6.4. */
export const NO_HOST = 'stand-in.invalid'

function secretsIn(value: unknown, path: string): Pair[] {
  if (typeof value === 'string' || typeof value === 'number') {
    const shown = standIn(value, path)
    return shown === undefined ? [] : [[String(value), shown], ...partsOf(String(value), path)]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => secretsIn(each, `${path}.${key}`))
}

/** Whether a value of `env` at such a path is not to be shown. */
export function isSecret(value: string, path: string): boolean {
  return standIn(value, path) !== undefined
}

/** Of an address its host may be seen. Short values are words, such as names of clusters, unless they are called otherwise. */
function standIn(value: string | number, path: string): string | undefined {
  const name = nameOf(path)
  const isNamed = NAMED_SECRET.test(path)
  if (typeof value === 'number') return isNamed && String(value).length >= SHORTEST ? name : undefined
  const url = URL.parse(value)
  if (url !== null && /^https?:$/.test(url.protocol)) {
    const isPublic = url.pathname === '/' && url.search === '' && url.username === '' && url.password === ''
    return isPublic ? undefined : `${url.origin}/${name}`
  }
  if (!isNamed && NAMED_PUBLIC.test(path)) return undefined
  return value.length < (isNamed ? SHORTEST_SECRET : SHORTEST) ? undefined : name
}

/** What is as secret as the whole: keys in an address, lines of a key, values of JSON in text. */
function partsOf(value: string, path: string): Pair[] {
  const name = nameOf(path)
  if (/^\s*[{[]/.test(value)) return jsonParts(value, path)
  const lines = value.split(/\r?\n/)
  if (lines.length > 1)
    return lines
      .filter((line) => line.length >= LONGEST_WORD && !line.startsWith('---'))
      .map((line) => [line, name])
  const url = URL.parse(value)
  if (url === null || !value.includes('://')) return []
  const { pathname, search, password, searchParams } = url
  const place: Pair[] = pathname.length >= SHORTEST_PATH ? [[pathname + search, `/${name}`]] : []
  const long = [...pathname.split('/'), ...searchParams.values()].filter(
    (part) => part.length >= LONGEST_WORD,
  )
  const words = [password, decoded(password), ...long].filter((part) => part.length >= SHORTEST)
  return [...place, ...words.map((part): Pair => [part, name])]
}

function jsonParts(value: string, path: string): Pair[] {
  try {
    const parsed: unknown = JSON.parse(value)
    return secretsIn(parsed, path).filter(
      ([secret, shown]) => secret.length >= LONGEST_WORD || NAMED_SECRET.test(shown),
    )
  } catch {
    return []
  }
}

/** Safe to put into JSON. */
function nameOf(path: string): string {
  return `[env.${path.replace(/[^\w.-]/g, '_')}]`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** As it stands in JSON, in addresses, in forms and in headers, too. */
function spellings([secret, shown]: Pair): Pair[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const all = new Set([secret, json, JSON.stringify(json).slice(1, -1)])
  // Of half a character there is no address.
  if (secret.isWellFormed())
    for (const uri of [
      encodeURIComponent(secret),
      encodeURI(secret),
      new URLSearchParams({ '': secret }).toString().slice(1),
    ]) {
      all.add(uri)
      all.add(uri.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()))
    }
  const bytes = Buffer.from(secret)
  if (bytes.length >= SHORTEST)
    for (const text of [bytes.toString('hex'), ...base64Of(bytes)]) {
      if (text.length < SHORTEST_ENCODED) continue
      all.add(text)
      all.add(/^[0-9a-f]+$/.test(text) ? text.toUpperCase() : text.replaceAll('+', '-').replaceAll('/', '_'))
    }
  return [...all].map((each) => [each, shown] as const)
}

/** By itself, and the part that is the same whatever one, two or three bytes around it are: RFC 4648. */
function base64Of(bytes: Buffer): string[] {
  const within = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3))
  })
  const alone = bytes.toString('base64')
  return [alone, alone.replace(/=+$/, ''), ...within]
}

const STAND_IN = /\[env\.[\w.-]+\]/
const NAMED_SECRET = /token|secret|passw|pwd|credential|auth|key|webhook/i
/** What says where things are or which are meant: hidden, nobody could read in the console where an upload has gone. */
const NAMED_PUBLIC =
  /(^|[_.])(region|bucket|container|index|kfl|filter|org|organization|measurement|stream_name|channel_id|topic|namespace|cluster|model|level|env(ironment)?)(_name)?$/i
const SHORTEST_SECRET = 3
const SHORTEST = 6
/** Of what is found with blanks in it, and of what is encoded: less may stand anywhere. */
const SHORTEST_SOLID = 8
const SHORTEST_ENCODED = 8
/** Of a path that is no word of an API, and of what is as long as no word is. */
const SHORTEST_PATH = 12
const LONGEST_WORD = 16
const BLANK = /\s/
const BLANKS = /\s+/g
