import { STATUSES } from '../grpc-statuses.ts'
import type { Described, SeenEntry, View } from './seen.ts'
import { isObject, positive } from './seen.ts'

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
export function describeHttp(entry: SeenEntry, view: View): Described {
  const method = methodOf(entry)
  const status = entry.number('response.status')
  const failed = status !== undefined && status >= (view.side === 'server' ? 500 : 400)
  return {
    // Without a route only the method is of low cardinality.
    name: method.known ?? 'HTTP',
    kind: view.side,
    attributes: { ...requestAttributes(entry, view), ...responseAttributes(entry) },
    error: failed ? { type: String(status) } : undefined,
    carriers: [entry.object('request.headers')],
  }
}

/** https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
export function describeGrpc(entry: SeenEntry, { side }: View): Described {
  const service = entry.text('request.grpcService')
  const short = entry.text('request.grpcMethod')
  const method = service === undefined || short === undefined ? undefined : `${service}/${short}`
  const code = entry.number('response.grpcStatus')
  const status = code === undefined ? undefined : (STATUSES[code] ?? String(code))
  const failed = status !== undefined && (side === 'client' ? status !== 'OK' : SERVER_ERRORS.has(status))
  return {
    name: method ?? 'grpc',
    kind: side,
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': method ?? '_OTHER',
      'rpc.response.status_code': status,
      // Names of before 1.38, which many receivers still look for.
      'rpc.system': 'grpc',
      'rpc.service': service,
      'rpc.grpc.status_code': code,
      ...authorityOf(entry),
      'network.protocol.name': 'http',
      'network.protocol.version': '2',
      'user_agent.original': entry.header('request', 'user-agent'),
    },
    error: failed ? { type: status, message: entry.text('response.grpcMessage') } : undefined,
    carriers: [entry.object('request.headers')],
  }
}

const SERVER_ERRORS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

/** https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/, over HTTP. */
export function describeGraphql(entry: SeenEntry, view: View): Described {
  const http = describeHttp(entry, view)
  const type = entry.text('request.graphql.operationType')
  const document = entry.text('request.graphql.query')
  const [error] = entry.list('response.errors')
  return {
    ...http,
    // Names of operations are made up by clients, so they are not of low cardinality.
    name: type ?? 'GraphQL Operation',
    attributes: {
      ...http.attributes,
      'graphql.operation.type': type,
      'graphql.operation.name': entry.text('request.graphql.operationName'),
      'graphql.document':
        view.query === 'none' || document === undefined
          ? undefined
          : view.query === 'raw'
            ? document
            : withoutLiterals(document),
    },
    error: error === undefined ? http.error : graphqlError(error),
  }
}

function graphqlError(error: unknown): { type: string; message?: string } {
  const code = isObject(error) && isObject(error.extensions) ? error.extensions.code : undefined
  return {
    type: typeof code === 'string' && code !== '' ? code : '_OTHER',
    ...(isObject(error) && typeof error.message === 'string' ? { message: error.message } : {}),
  }
}

/**
 * Text and numbers of a document of GraphQL may be anybody's secrets. Text may lack its end: what is left open is text all the
 * same, and nothing is looked at twice.
 */
function withoutLiterals(document: string): string {
  return document
    .replace(/"""[\s\S]*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?/g, '"?"')
    .replace(/(?<![\w$])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g, '?')
}

function requestAttributes(entry: SeenEntry, { side }: View) {
  const { known, original } = methodOf(entry)
  const { path, query } = targetOf(entry)
  const scheme = schemeOf(entry)
  const server = authorityOf(entry)
  const isUsualPort = server['server.port'] === (scheme === 'https' ? 443 : 80)
  const port = server['server.port'] === undefined || isUsualPort ? '' : `:${server['server.port']}`
  return {
    'http.request.method': known ?? '_OTHER',
    'http.request.method_original': known === original ? undefined : original,
    'url.scheme': scheme,
    ...(side === 'server'
      ? {
          'url.path': path,
          'url.query': query === undefined ? undefined : withoutSecrets(query),
          'client.address': clientOf(entry),
        }
      : {
          'url.full': `${scheme}://${bracketed(server['server.address'])}${port}${path ?? ''}${query === undefined ? '' : `?${withoutSecrets(query)}`}`,
        }),
    ...server,
    'network.protocol.name': 'http',
    'network.protocol.version': /^HTTP\/(.+)$/
      .exec(entry.text('request.httpVersion') ?? '')?.[1]
      ?.replace(/^([23])\.0$/, '$1'),
    'user_agent.original': entry.header('request', 'user-agent'),
    'http.request.body.size': positive(entry.number('request.bodySize')),
  }
}

function responseAttributes(entry: SeenEntry) {
  return {
    'http.response.status_code': positive(entry.number('response.status')),
    'http.response.body.size': positive(entry.number('response.bodySize')),
  }
}

/** Those of RFC 9110, PATCH and QUERY; whatever else is `_OTHER`, so that nobody can make up names of spans. */
function methodOf(entry: SeenEntry): { known: string | undefined; original: string | undefined } {
  const original = entry.text('request.method')
  const upper = original?.toUpperCase() ?? ''
  return { known: METHODS.has(upper) ? upper : undefined, original }
}

const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'],
])

/** What was asked for, without what a proxy was told about the way there. */
function targetOf(entry: SeenEntry): { path: string | undefined; query: string | undefined } {
  const url = entry.text('request.url') ?? entry.text('request.path') ?? ''
  const at = url.indexOf('?')
  const path = entry.text('request.path') ?? (at < 0 ? url : url.slice(0, at))
  return {
    path: path === '' ? undefined : path,
    query: at < 0 || at === url.length - 1 ? undefined : url.slice(at + 1),
  }
}

function schemeOf(entry: SeenEntry): string {
  return entry.header('request', ':scheme') ?? (entry.at('tls') === true ? 'https' : 'http')
}

/** The name that the client asked for; else where it connected to. */
function authorityOf(entry: SeenEntry): {
  'server.address': string | undefined
  'server.port': number | undefined
} {
  const authority = entry.header('request', ':authority') ?? entry.header('request', 'host')
  const found = /^(?:\[([^\]]+)\]|([^:@/]+))(?::(\d{1,5}))?$/.exec(authority ?? '')
  if (found === null)
    return {
      'server.address': entry.text('dst.name') ?? entry.text('dst.ip'),
      'server.port': positive(entry.number('dst.port')),
    }
  return {
    'server.address': found[1] ?? found[2],
    'server.port': found[3] === undefined ? (schemeOf(entry) === 'https' ? 443 : 80) : Number(found[3]),
  }
}

function bracketed(address: string | undefined): string {
  return address?.includes(':') === true ? `[${address}]` : (address ?? '')
}

/** Behind proxies, as the first of them says. */
function clientOf(entry: SeenEntry): string | undefined {
  return entry.header('request', 'x-forwarded-for')?.split(',')[0]?.trim() || entry.text('src.ip')
}

/** The conventions name four parameters with signatures; more of them are secrets. */
function withoutSecrets(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      const name = pair.slice(0, Math.max(at, 0))
      return SECRET.test(name) ? `${name}=REDACTED` : pair
    })
    .join('&')
}

const SECRET =
  /^(awsaccesskeyid|signature|sig|x-goog-signature|x-amz-signature|x-amz-credential|x-amz-security-token|code|state)$|token|secret|passw|pwd|api[-_]?key|auth|session/i
