/**
 * The variables of CEL filters (agent-api §6.3) as they are read from an entry. Dotted names are objects here; what an
 * entry does not have is the empty value of its kind.
 */
type Read = (entry: Fields) => unknown
export interface Fields {
  readonly [name: string]: unknown
}

/** The fields of what may be anything. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NONE
}

const NONE: Fields = {}

const at =
  (...path: readonly string[]): Read =>
  (entry) => {
    let value: unknown = entry
    for (const name of path) value = fields(value)[name]
    return value
  }
const text =
  (...path: readonly string[]): Read =>
  (entry) => {
    const value = at(...path)(entry)
    return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)
  }
const number =
  (...path: readonly string[]): Read =>
  (entry) => {
    const value = Number(at(...path)(entry))
    return Number.isNaN(value) ? 0 : value
  }
const list =
  (...path: readonly string[]): Read =>
  (entry) => {
    const value = at(...path)(entry)
    return Array.isArray(value) ? value : []
  }
const isProtocol =
  (...names: readonly string[]): Read =>
  (entry) =>
    names.includes(String(fields(entry.protocol).name))
const hasAbbr =
  (abbr: string): Read =>
  (entry) =>
    fields(entry.protocol).abbr === abbr

const endpoint =
  (name: 'src' | 'dst'): Read =>
  (entry) => {
    const end = fields(entry[name])
    const metadata = (kind: string) => fields(fields(end[kind]).metadata)
    const named = (kind: string) => ({
      name: String(metadata(kind).name ?? ''),
      namespace: String(metadata(kind).namespace ?? end.namespace ?? ''),
    })
    return {
      ip: String(end.ip ?? ''),
      port: Number(end.port ?? 0) || 0,
      name: String(end.name ?? ''),
      dns: end.resolutionMechanism === 'dns' ? end.name : '',
      namespace: String(end.namespace ?? ''),
      pod: named('pod'),
      service: named('service'),
    }
  }

const message =
  (name: 'request' | 'response'): Read =>
  (entry) => {
    const { headers, cookies, ...rest } = fields(entry[name])
    return { ...rest, headers: fields(headers), cookies: fields(cookies) }
  }

/** Fields of a protocol's request and response under its prefix: `redis_command`, `mysql_success`. */
function ofProtocol(
  prefix: string,
  request: readonly string[],
  response: readonly string[] = [],
): Record<string, Read> {
  const variables: Record<string, Read> = {
    [`${prefix}_request`]: at('request'),
    [`${prefix}_response`]: at('response'),
    [`${prefix}_summary`]: text('base', 'summary'),
    [`${prefix}_request_size`]: number('requestSize'),
    [`${prefix}_response_size`]: number('responseSize'),
    [`${prefix}_total_size`]: number('size'),
  }
  for (const field of request) variables[`${prefix}_${snake(field)}`] = orEmpty('request', field)
  for (const field of response) variables[`${prefix}_${snake(field)}`] = orEmpty('response', field)
  return variables
}

function orEmpty(...path: readonly string[]): Read {
  return (entry) => at(...path)(entry) ?? ''
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export const VARIABLES: Readonly<Record<string, Read>> = {
  http: isProtocol('http'),
  http2: hasAbbr('HTTP/2'),
  grpc: hasAbbr('gRPC'),
  gql: hasAbbr('GQL'),
  gqlv1: hasAbbr('GQL'),
  gqlv2: () => false,
  ...Object.fromEntries(
    [
      'dns',
      'tcp',
      'udp',
      'sctp',
      'icmp',
      'redis',
      'kafka',
      'amqp',
      'ldap',
      'ws',
      'radius',
      'diameter',
      'mongodb',
      'mysql',
      'postgresql',
      'tlsx',
      'mqtt',
    ].map((name) => [name, isProtocol(name)]),
  ),
  tls: (entry) => entry.tls === true,
  conn: (entry) => fields(entry.data).state !== undefined,
  flow: () => false,
  tcp_conn: (entry) => isProtocol('tcp')(entry) === true && fields(entry.data).state !== undefined,
  udp_conn: (entry) => isProtocol('udp')(entry) === true && fields(entry.data).state !== undefined,
  tcp_flow: () => false,
  udp_flow: () => false,
  id: text('id'),
  node_id: text('node', 'name'),
  index: number('index'),
  stream: text('stream'),
  timestamp: number('timestamp'),
  elapsed_time: number('elapsedTime'),
  worker: text('worker'),
  conn_id: text('stream'),
  flow_id: text('stream'),
  protocol: at('protocol'),
  capture: at('capture'),
  capture_source: text('capture', 'source'),
  capture_backend: text('capture', 'backend'),
  capture_source_code: number('captureSource'),
  src: endpoint('src'),
  dst: endpoint('dst'),
  node: at('node'),
  node_name: text('node', 'name'),
  node_ip: text('node', 'ip'),
  error: at('error'),
  request: message('request'),
  response: message('response'),
  method: text('request', 'method'),
  url: text('request', 'url'),
  path: text('request', 'path'),
  status_code: number('response', 'status'),
  http_version: text('request', 'httpVersion'),
  query_string: at('request', 'queryString'),
  request_body_size: number('request', 'bodySize'),
  response_body_size: number('response', 'bodySize'),
  grpc_method: text('request', 'grpcMethod'),
  grpc_status: number('response', 'grpcStatus'),
  dns_questions: (entry) =>
    (list('request', 'questions')(entry) as Fields[]).map((each) => String(each.name ?? '')),
  dns_question_types: (entry) =>
    (list('request', 'questions')(entry) as Fields[]).map((each) => String(each.type ?? '')),
  dns_answers: (entry) =>
    (list('response', 'answers')(entry) as Fields[]).map((each) => String(each.data ?? each.ip ?? '')),
  ...ofProtocol('dns', [], []),
  ...ofProtocol('tlsx', ['sni', 'alpn', 'version', 'cipherSuites'], ['cipherSuite']),
  ...ofProtocol('redis', ['type', 'command', 'key']),
  ...ofProtocol('kafka', ['apiKey', 'apiKeyName', 'size']),
  kafka_client_id: text('request', 'clientID'),
  ...ofProtocol('amqp', ['method']),
  ...ofProtocol('ldap', ['type']),
  ...ofProtocol('radius', ['code', 'codeName']),
  ...ofProtocol('diameter', ['method']),
  ...ofProtocol(
    'mongodb',
    ['command', 'database', 'collection', 'opcode'],
    ['success', 'errorCode', 'errorMessage', 'errorCodeName'],
  ),
  ...ofProtocol(
    'mysql',
    ['command', 'query', 'database', 'statementId'],
    ['success', 'errorCode', 'errorMessage'],
  ),
  ...ofProtocol(
    'postgresql',
    ['command', 'query', 'database', 'user'],
    ['success', 'errorCode', 'errorMessage'],
  ),
  icmp_type: number('request', 'type'),
  icmp_version: number('request', 'version'),
  icmp_length: number('request', 'length'),
  ws_opcode: text('request', 'opcode'),
  tcp_payload: text('data', 'payload'),
  udp_payload: text('data', 'payload'),
  udp_length: number('data', 'length'),
  conn_state: text('data', 'state'),
  conn_local_pkts: number('data', 'localPkts'),
  conn_local_bytes: number('data', 'localBytes'),
  conn_remote_pkts: number('data', 'remotePkts'),
  conn_remote_bytes: number('data', 'remoteBytes'),
  conn_l7_detected: list('data', 'l7Detected'),
  conn_group_id: text('data', 'groupId'),
}
