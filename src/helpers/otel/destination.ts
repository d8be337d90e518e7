import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import type { EffectTarget, HelperHost, OtelDefaults } from '../helper.ts'
import type { Signal } from './messages.ts'

/** Where to, and how: what each `otel.*` helper takes among its options. */
export const destinationOptions = {
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  protocol: z.enum(['grpc', 'http/protobuf', 'http/json']).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  compression: z.enum(['gzip', 'none']).optional(),
}

export type DestinationOptions = z.output<z.ZodObject<typeof destinationOptions>>

export interface Destination {
  readonly protocol: NonNullable<OtelDefaults['protocol']>
  /** Of HTTP with the path of the signal; of gRPC without. */
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  readonly timeoutMs: number
}

/** Where things can be said, the nearest first: options of the call, `env` (as OpenTelemetry names it), the configuration. */
interface Level {
  readonly endpoint: { readonly text: string; readonly isWhole: boolean } | undefined
  readonly protocol: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly compression: string | undefined
}

/**
 * Each setting is taken from the nearest level that has it. Headers of a level go along only where the endpoint is of the same
 * or a farther one, so that no key goes to an address that it was not made for.
 */
export function destinationOf(
  helper: string,
  signal: Signal,
  options: DestinationOptions,
  host: Pick<HelperHost, 'env' | 'otel'>,
): Destination {
  const levels = [levelOfOptions(options), levelOfEnv(signal, host.env), levelOfOptions(host.otel)]
  const endpoint = levels.map((level) => level.endpoint).find((each) => each !== undefined)
  if (endpoint === undefined)
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: nobody says where to send to`, {
      hint: 'Give options.endpoint, OTEL_EXPORTER_OTLP_ENDPOINT in scripting.env, or scripting.otel.endpoint.',
    })
  // An address that is named at several levels is that of the farthest.
  const at = levels.findLastIndex((level) => level.endpoint?.text === endpoint.text)
  const protocol = protocolOf(
    helper,
    levels.map((level) => level.protocol).find((each) => each !== undefined),
  )
  return {
    protocol,
    url: urlOf(helper, { ...endpoint, signal, protocol, isInsecure: isInsecure(host.env) }),
    headers: Object.assign(
      {},
      ...levels
        .slice(0, at + 1)
        .map(({ headers }) => headers)
        .reverse(),
    ),
    gzip: levels.map(({ compression }) => compression).find((each) => each !== undefined) !== 'none',
    timeoutMs: timeoutOf(signal, host.env),
  }
}

export function targetOf(destination: Destination): EffectTarget {
  const { protocol, url } = destination
  return { text: `OTLP ${protocol} ${url.host}`, hosts: [url.hostname] }
}

function levelOfOptions({
  endpoint,
  protocol,
  headers = {},
  compression,
}: OtelDefaults | DestinationOptions): Level {
  return {
    endpoint: endpoint === undefined || endpoint === '' ? undefined : { text: endpoint, isWhole: false },
    protocol,
    headers: lowerNames(headers),
    compression,
  }
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/: what is said of one signal goes before what is said of all. */
function levelOfEnv(signal: Signal, env: HelperHost['env']): Level {
  const all = (name: string) => textIn(env, `OTEL_EXPORTER_OTLP_${name}`)
  const own = (name: string) => textIn(env, `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`)
  const endpoint = own('ENDPOINT')
  const any = all('ENDPOINT')
  return {
    endpoint:
      endpoint !== undefined
        ? { text: endpoint, isWhole: true }
        : any === undefined
          ? undefined
          : { text: any, isWhole: false },
    protocol: own('PROTOCOL') ?? all('PROTOCOL'),
    headers: { ...headersIn(all('HEADERS')), ...headersIn(own('HEADERS')) },
    compression: own('COMPRESSION') ?? all('COMPRESSION'),
  }
}

function isInsecure(env: HelperHost['env']): boolean {
  return textIn(env, 'OTEL_EXPORTER_OTLP_INSECURE')?.toLowerCase() === 'true'
}

function timeoutOf(signal: Signal, env: HelperHost['env']): number {
  const text =
    textIn(env, `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_TIMEOUT`) ??
    textIn(env, 'OTEL_EXPORTER_OTLP_TIMEOUT')
  const ms = Number(text)
  return text !== undefined && ms > 0 ? Math.min(Math.ceil(ms), LONGEST_TIMEOUT_MS) : TIMEOUT_MS
}

/** As the specification has it. */
const TIMEOUT_MS = 10_000
/** The time of a call. */
const LONGEST_TIMEOUT_MS = 55_000

/** Empty counts as not given. */
export function textIn(env: HelperHost['env'], name: string): string | undefined {
  const value = env[name]
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function protocolOf(helper: string, text: string | undefined): Destination['protocol'] {
  const known = PROTOCOLS.find((each) => each === (text ?? 'http/protobuf'))
  if (known === undefined)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${helper}: there is no protocol ${text} of OTLP: ${PROTOCOLS.join(', ')}`,
    )
  return known
}

const PROTOCOLS = ['grpc', 'http/protobuf', 'http/json'] as const

/** `v1/traces` is put behind the path, unless the address is whole, or ends with it already. */
function urlOf(
  helper: string,
  {
    text,
    isWhole,
    signal,
    protocol,
    isInsecure,
  }: NonNullable<Level['endpoint']> & {
    readonly signal: Signal
    readonly protocol: Destination['protocol']
    readonly isInsecure: boolean
  },
): URL {
  const isBare = protocol === 'grpc' && !/^[a-z]+:\/\//i.test(text)
  const url = URL.parse(isBare ? `${isInsecure ? 'http' : 'https'}://${text}` : text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: the endpoint is no http or https address`)
  if (protocol === 'grpc' && url.username !== '')
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${helper}: the endpoint has a user in it, which gRPC does not know`,
      {
        hint: 'Give a header: authorization: Basic …',
      },
    )
  if (protocol === 'grpc' || isWhole || url.pathname.endsWith(`/v1/${signal}`)) return url
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`
  return url
}

/** `key=value,key2=value2`, percent-encoded (W3C Baggage). */
function headersIn(text: string | undefined): Record<string, string> {
  return lowerNames(Object.fromEntries(pairsIn(text)))
}

/** Of `OTEL_RESOURCE_ATTRIBUTES`, too. What is no pair is left out. */
export function pairsIn(text: string | undefined): (readonly [string, string])[] {
  return (text ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const]
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Receivers may quote what they were sent. */
export function withoutHeaders(text: string, headers: Destination['headers']): string {
  return Object.entries(headers).reduce(
    (shown, [name, value]) => (value.length < SHORTEST_SECRET ? shown : shown.replaceAll(value, `[${name}]`)),
    text,
  )
}

const SHORTEST_SECRET = 3
