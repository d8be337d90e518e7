import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  parse as parseYaml,
} from 'yaml'
import { z } from 'zod'
import { withoutSecrets as envWithoutSecrets } from '../helpers/secrets.ts'
import { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import { type Config, configSchema } from './schema.ts'
import { type PathStep, parseSet } from './set.ts'

export type { Config } from './schema.ts'

export interface ConfigSources {
  /** Folder of remora.yaml, and home folder of .remora/config.yaml. */
  readonly cwd: string
  readonly home: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** One file instead of those two. */
  readonly configPath?: string
  readonly set?: readonly string[]
  readonly setString?: readonly string[]
}

export interface LoadedConfig {
  readonly config: Config
  /** Dotted path of a value → where it came from; what is not here is a default. */
  readonly origins: ReadonlyMap<string, string>
}

/**
 * The configuration in force. Later sources win: defaults, ~/.remora/config.yaml, ./remora.yaml, environment
 * (REMORA_SCRIPTING_LANGUAGE), --set. Throws a Mistake that names the place of what does not fit.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const merged: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  for (const file of filesOf(sources)) mergeFile(merged, origins, file, sources.cwd)
  for (const { path, value, origin } of environment(sources.env)) assign(merged, origins, path, value, origin)
  for (const [texts, asText] of [
    [sources.set ?? [], false],
    [sources.setString ?? [], true],
  ] as const)
    for (const text of texts)
      for (const { path, value } of parseSet(text, asText))
        assign(merged, origins, path, value, asText ? '--set-string' : '--set')
  return { config: check(merged, origins), origins }
}

/** The effective configuration as YAML, each value that somebody set with where it came from. */
export function printConfig(
  { config, origins }: LoadedConfig,
  { showSecrets }: { showSecrets: boolean },
): string {
  const lines: string[] = []
  const print = (value: unknown, path: string, indent: string): void => {
    for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
      const innerPath = path === '' ? key : `${path}.${key}`
      if (isObject(inner) && Object.keys(inner).length > 0) {
        lines.push(`${indent}${key}:`)
        print(inner, innerPath, `${indent}  `)
      } else {
        const shown = showSecrets ? inner : withoutSecrets(innerPath, inner).value
        lines.push(`${indent}${key}: ${JSON.stringify(shown)}${comment(origins, innerPath)}`)
      }
    }
  }
  print(config, '', '')
  return `${lines.join('\n')}\n`
}

/** A setting in force, for those who may know all of them but secrets. */
export interface SettingInForce {
  /** Dotted path; of free keys each is a setting of its own. */
  readonly key: string
  readonly value: unknown
  /** `value` is not what agents and connections get. */
  readonly masked: boolean
  readonly source: 'default' | 'file' | 'environment' | 'flag'
  /** Place in a file, name of a variable, or flag; "" for defaults. */
  readonly origin: string
  readonly doc: string
}

/** Every setting in force, in the order of the reference, without secrets. */
export function settingsInForce({ config, origins }: LoadedConfig): readonly SettingInForce[] {
  return leafPaths(configSchema).flatMap((path) => {
    const doc = docOf(path) ?? ''
    const value = path.reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), config)
    const key = path.join('.')
    const each = isObject(value)
      ? Object.entries(value).map(([name, inner]) => [`${key}.${name}`, inner] as const)
      : []
    const settings = each.length > 0 ? each : [[key, value] as const]
    return settings.map(([name, inner]) => {
      const origin = originOf(origins, name)
      return { key: name, ...withoutSecrets(name, inner), source: sourceOf(origin), origin, doc }
    })
  })
}

function sourceOf(origin: string): SettingInForce['source'] {
  if (origin === '') return 'default'
  if (origin.startsWith('--')) return 'flag'
  return origin.startsWith('environment ') ? 'environment' : 'file'
}

/** A value as everybody may see it; of an address that has a password in it, all but that. */
function withoutSecrets(path: string, value: unknown): { readonly value: unknown; readonly masked: boolean } {
  if (isSecret(path, value)) return { value: MASK, masked: true }
  if (path.startsWith(ENV)) return ofEnv(path.slice(ENV.length), value)
  const text = JSON.stringify(value)
  const bare = text.replaceAll(USER_OF_URL, `://${MASK}@`)
  return bare === text ? { value, masked: false } : { value: JSON.parse(bare), masked: true }
}

/** As it stands wherever agents may show it. */
function ofEnv(name: string, value: unknown): { readonly value: unknown; readonly masked: boolean } {
  const shown = envWithoutSecrets({ [name]: z.json().parse(value) })[name]
  const isSame = JSON.stringify(shown) === JSON.stringify(value)
  return isSame ? { value, masked: false } : { value: shown, masked: true }
}

const ENV = 'scripting.env.'

/** Tokens and passwords of ours; of `scripting.env` the values whose name says that they are nobody's business. */
function isSecret(path: string, value: unknown): boolean {
  if (path === 'hub.tokens') return (value as unknown[]).length > 0
  if (OWN_SECRETS.has(path) || path.startsWith('scripting.otel.headers.')) return value !== ''
  const inner = typeof value === 'object' ? JSON.stringify(value) : ''
  return path.startsWith(ENV) && SECRET.test(path.slice(ENV.length) + inner)
}

function comment(origins: ReadonlyMap<string, string>, path: string): string {
  const origin = originOf(origins, path)
  return origin === '' ? '' : `  # from ${origin}`
}

/** Where a value came from, or all that is in it; "" when nobody set it. */
function originOf(origins: ReadonlyMap<string, string>, path: string): string {
  const direct = origins.get(path)
  if (direct !== undefined) return direct
  const within = [...origins].filter(([each]) => each.startsWith(`${path}.`)).map(([, origin]) => origin)
  return [...new Set(within)].join(', ')
}

function filesOf({ cwd, home, configPath }: ConfigSources): string[] {
  if (configPath !== undefined) {
    if (!existsSync(configPath))
      throw new Mistake('E_CONFIG_READ', `there is no ${configPath}`, {
        hint: 'name an existing file with --config-path',
      })
    return [configPath]
  }
  const files = [
    ...(home === undefined ? [] : [join(home, '.remora', 'config.yaml')]),
    join(cwd, 'remora.yaml'),
  ]
  return files.filter((path) => existsSync(path))
}

function mergeFile(
  merged: Record<string, unknown>,
  origins: Map<string, string>,
  path: string,
  cwd: string,
): void {
  const within = relative(cwd, path)
  const shown = within === '' || within.startsWith('..') ? path : within
  const lines = new LineCounter()
  const document = parseDocument(readText(path, shown), {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
  })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    throw new Mistake('E_CONFIG_READ', `${shown}:${line}:${col}: ${error.message.split('\n')[0]}`, {
      hint: 'a configuration file is YAML, see docs/generated/configuration.md',
    })
  }
  let plain: unknown
  try {
    plain = document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    throw new Mistake('E_CONFIG_READ', `${shown}: ${(thrown as Error).message}`)
  }
  if (plain === null || plain === undefined) return
  if (!isObject(plain))
    throw new Mistake('E_CONFIG_READ', `${shown}: expected keys with values, found ${describe(plain)}`)
  const place = (node: Node | undefined | null) => {
    const { line, col } = lines.linePos(node?.range?.[0] ?? 0)
    return `${shown}:${line}:${col}`
  }
  const walk = (node: unknown, value: unknown, steps: PathStep[]): void => {
    // A key with nothing behind it, its lines commented out, says nothing.
    if (value === null && isSetting(steps)) return
    if (!isMap(node) || !isObject(value)) {
      assign(merged, origins, steps, value, place(node as Node))
      return
    }
    for (const pair of node.items as Pair<Node, Node>[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      const inner = value[key]
      const atKey = isMap(pair.value) ? pair.value : pair.key
      if (isMap(pair.value) && isObject(inner) && Object.keys(inner).length > 0)
        walk(pair.value, inner, [...steps, key])
      else
        assign(merged, origins, [...steps, key], inner, place(isSeq(atKey) ? pair.key : (pair.key as Node)))
    }
  }
  walk(document.contents, plain, [])
}

function readText(path: string, shown: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Mistake('E_CONFIG_READ', `${shown} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** REMORA_TAP_MISC_TCPFLOWTIMEOUT: names are matched without regard to case. Free keys stay in files and --set. */
function* environment(
  env: ConfigSources['env'],
): Generator<{ path: string[]; value: unknown; origin: string }> {
  const known = new Map(
    leafPaths(configSchema).map((path) => [`REMORA_${path.join('_').toUpperCase()}`, path]),
  )
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('REMORA_') || text === undefined || NOT_SETTINGS.has(name)) continue
    const path = known.get(name.toUpperCase())
    if (path === undefined) {
      const close = nearest(name, [...known.keys()])
      throw new Mistake(
        'E_CONFIG_KEY',
        `the environment variable ${name} is no setting`,
        close === undefined ? {} : { hint: `did you mean ${close}?` },
      )
    }
    yield { path, value: environmentValue(name, text, path), origin: `environment ${name}` }
  }
}

/**
 * Text as it is where text is wanted, without the line break in which secrets end that were made of files; what else there is, in
 * YAML: `10`, `true`, `[a, b]`, `{A: 1}`.
 */
function environmentValue(name: string, text: string, path: readonly string[]): unknown {
  const schema = schemaAt(path)
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return text.replace(/[\r\n]+$/, '')
  try {
    return parseYaml(text, { prettyErrors: false })
  } catch (cause) {
    throw new Mistake('E_CONFIG_VALUE', `environment ${name}: ${(cause as Error).message}`, {
      hint: `values are written as in YAML, for example ${name}='[a, b]'`,
      cause,
    })
  }
}

/** What takes the value at a path; undefined within free keys, and where there is no such path. */
function schemaAt(path: readonly PathStep[]): z.ZodType | undefined {
  let schema: z.ZodType | undefined = configSchema
  for (const step of path) schema = schema === undefined ? undefined : fieldsOf(schema)?.[step as string]
  return schema === undefined ? undefined : unwrap(schema)
}

function isSetting(path: readonly PathStep[]): boolean {
  return schemaAt(path) !== undefined
}

/** Puts a value in its place, and checks on the way that the keys are known. */
function assign(
  target: Record<string, unknown>,
  origins: Map<string, string>,
  path: readonly PathStep[],
  value: unknown,
  origin: string,
): void {
  checkPath(path, origin)
  let at: Record<PathStep, unknown> = target
  path.slice(0, -1).forEach((step, index) => {
    const next = path[index + 1]
    const inner = at[step]
    if (typeof inner !== 'object' || inner === null) setOwn(at, step, typeof next === 'number' ? [] : {})
    else if (typeof next === 'number' && !Array.isArray(inner)) setOwn(at, step, [])
    at = at[step] as Record<PathStep, unknown>
  })
  setOwn(at, path.at(-1) as PathStep, value)
  origins.set(path.filter((step) => typeof step === 'string').join('.'), origin)
}

function setOwn(target: Record<PathStep, unknown>, key: PathStep, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

function checkPath(path: readonly PathStep[], origin: string): void {
  let schema: z.ZodType = configSchema
  path.forEach((step, index) => {
    const fields = fieldsOf(schema)
    if (fields === undefined || typeof step === 'number') return
    const inner = Object.hasOwn(fields, step) ? fields[step] : undefined
    if (inner === undefined) {
      const prefix = path.slice(0, index).join('.')
      const close = nearest(step, Object.keys(fields))
      const whole = [...path.slice(0, index), step].join('.')
      throw new Mistake('E_CONFIG_KEY', `${origin}: there is no key ${whole}`, {
        hint:
          close === undefined
            ? `keys${prefix === '' ? '' : ` of ${prefix}`}: ${Object.keys(fields).join(', ')}`
            : `did you mean ${prefix === '' ? '' : `${prefix}.`}${close}?`,
      })
    }
    schema = inner
  })
}

function check(merged: unknown, origins: ReadonlyMap<string, string>): Config {
  const result = configSchema.safeParse(merged)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const steps = (issue?.path ?? []) as readonly PathStep[]
  const path = steps.filter((step) => typeof step === 'string').join('.')
  const origin =
    origins.get(path) ?? [...origins].find(([each]) => path.startsWith(`${each}.`))?.[1] ?? 'configuration'
  const told = issue?.code === 'invalid_key' ? issue.issues[0] : issue
  throw new Mistake('E_CONFIG_VALUE', `${origin}: ${written(steps)}: ${told?.message ?? 'does not fit'}`, {
    hint:
      issue?.code === 'invalid_type' && issue.expected === 'string'
        ? `text that looks like something else needs quotes in a file, or --set-string ${written(steps)}=TEXT`
        : 'remora config prints what is in force; docs/generated/configuration.md has every key',
  })
}

/** `tap.portMapping.http[1]` */
function written(path: readonly PathStep[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1)
}

/** Settings that somebody has set and that nothing reads yet. */
export function unreadSettings({ origins }: LoadedConfig): string[] {
  return [...origins.keys()].filter((path) => docOf(path.split('.'))?.endsWith('(not read yet)') === true)
}

function docOf(path: readonly string[]): string | undefined {
  let schema: z.ZodType | undefined = configSchema
  for (const step of path) schema = schema === undefined ? undefined : fieldsOf(schema)?.[step]
  return schema?.description
}

/** Fields of a section; undefined for a value. */
export function fieldsOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const inner = unwrap(schema)
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault) inner = inner.unwrap() as z.ZodType
  return inner
}

export function leafPaths(schema: z.ZodType, path: readonly string[] = []): string[][] {
  const fields = fieldsOf(schema)
  if (fields === undefined) return [[...path]]
  return Object.entries(fields).flatMap(([name, inner]) => leafPaths(inner, [...path, name]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'a list' : `${typeof value} ${JSON.stringify(value)}`
}

const OWN_SECRETS: ReadonlySet<string> = new Set([
  'nats.password',
  'nats.token',
  'entries.clickhouse.password',
])
const MASK = '********'
/** `user:password@` of an address. */
const USER_OF_URL = /:\/\/[^/@\s"]*@/g
const SECRET = /TOKEN|KEY|SECRET|PASSWORD|WEBHOOK|CREDENTIAL|OTLP_.*HEADERS/i
/** Read elsewhere: by the tests, and by commands that talk to a hub. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(['REMORA_CORPUS', 'REMORA_TOKEN'])
