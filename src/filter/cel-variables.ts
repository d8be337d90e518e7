/**
 * The variables of CEL filters (agent-api §6.3) as they are read from an entry. Dotted names are objects here; what an
 * entry does not have is the empty value of its kind.
 */
type Read = ((entry: Fields) => unknown) & About
export interface Fields {
  readonly [name: string]: unknown
}

/** What people are told of a variable. */
interface About {
  /** The field of the entry that it is, whose declaration says what there is to say … */
  readonly path?: string | undefined
  /** … or what it is, in words; without either it is always empty. */
  readonly doc?: string | undefined
  readonly type?: string | undefined
  /** Names of the protocols that have it, or that it is true of. */
  readonly protocols?: readonly string[] | undefined
}

/** A variable that is more than one field. */
const told = (type: string, doc: string, read: (entry: Fields) => unknown): Read =>
  Object.assign(read, { type, doc })

/** The fields of what may be anything. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NONE
}

const NONE: Fields = {}

/** A field of the entry, as `shown` makes it of what is there. */
const field =
  (shown: (value: unknown) => unknown) =>
  (...path: readonly string[]): Read =>
    Object.assign(
      (entry: Fields) => {
        let value: unknown = entry
        for (const name of path) value = fields(value)[name]
        return shown(value)
      },
      { path: path.join('.') },
    )
const at = field((value) => value)
const text = field((value) =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value),
)
const number = field((value) => Number(value) || 0)
const list = field((value) => (Array.isArray(value) ? value : []))
/** A field of the request, or of the response where that is all there is. */
const ofEither = (read: typeof text | typeof number, name: string): Read => {
  const [ofRequest, ofResponse] = [read('request', name), read('response', name)]
  return Object.assign((entry: Fields) => (entry.request === null ? ofResponse : ofRequest)(entry), {
    path: `request.${name}`,
  })
}
const isProtocol = (name: string): Read =>
  Object.assign((entry: Fields) => fields(entry.protocol).name === name, {
    type: 'boolean',
    doc: `Entries of ${name}`,
    protocols: [name],
  })
const hasAbbr = (abbr: string): Read =>
  told('boolean', `Entries of ${abbr}`, (entry) => fields(entry.protocol).abbr === abbr)

/** What an end is asked for: each by itself, so that nobody reads more than is asked. */
export const END_MEMBERS: Readonly<Record<string, (end: Fields) => unknown>> = {
  ip: (end) => String(end.ip ?? ''),
  port: (end) => Number(end.port ?? 0) || 0,
  name: (end) => String(end.name ?? ''),
  dns: (end) => (end.resolutionMechanism === 'dns' ? end.name : ''),
  namespace: (end) => String(end.namespace ?? ''),
  pod: (end) => named(end, 'pod'),
  service: (end) => named(end, 'service'),
  workload: (end) => {
    const { kind, name } = fields(end.workload)
    return { kind: String(kind ?? ''), name: String(name ?? '') }
  },
  node: (end) => String(end.nodeName ?? ''),
}

function named(end: Fields, kind: string) {
  const metadata = fields(fields(end[kind]).metadata)
  return {
    name: String(metadata.name ?? ''),
    namespace: String(metadata.namespace ?? end.namespace ?? ''),
  }
}

const endpoint = (name: 'src' | 'dst'): Read =>
  Object.assign(
    (entry: Fields) => {
      const end = fields(entry[name])
      return Object.fromEntries(Object.entries(END_MEMBERS).map(([key, read]) => [key, read(end)]))
    },
    { path: name },
  )

const endpointMember =
  (name: 'src' | 'dst') =>
  (key: string): Read => {
    const read = Object.hasOwn(END_MEMBERS, key) ? END_MEMBERS[key] : undefined
    return read === undefined ? () => EMPTY[key] : (entry) => read(fields(entry[name]))
  }

const message = (name: 'request' | 'response'): Read =>
  Object.assign(
    (entry: Fields) => {
      const { headers, cookies, ...rest } = fields(entry[name])
      return { ...rest, headers: fields(headers), cookies: fields(cookies) }
    },
    { path: name },
  )

const messageMember =
  (name: 'request' | 'response') =>
  (key: string): Read => {
    if (key === 'headers' || key === 'cookies') return (entry) => fields(fields(entry[name])[key])
    return (entry) => {
      const part = fields(entry[name])
      return Object.getOwnPropertyDescriptor(part, key)?.enumerable === true ? part[key] : EMPTY[key]
    }
  }

/** What every object has. */
const EMPTY: Fields = {}

/** Members of the variables that are made for the asking: the same as in the whole, without making it. */
export const MEMBERS: Readonly<Record<string, (key: string) => Read>> = {
  src: endpointMember('src'),
  dst: endpointMember('dst'),
  request: messageMember('request'),
  response: messageMember('response'),
}

/** Variables of a protocol are absent from the entries of others. */
function only(is: Read, variables: Readonly<Record<string, Read>>): Record<string, Read> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, read]) => {
      const { path, doc, type } = read
      const about = { path, doc, type, protocols: is.protocols }
      return [name, Object.assign((entry: Fields) => (is(entry) === true ? read(entry) : undefined), about)]
    }),
  )
}

/** Fields of a protocol's request and response under its prefix: `redis_command`, `mysql_success`. */
function ofProtocol(
  prefix: string,
  request: readonly string[],
  response: readonly string[] = [],
  is: Read = isProtocol(prefix),
): Record<string, Read> {
  const variables: Record<string, Read> = {
    [`${prefix}_request`]: at('request'),
    [`${prefix}_response`]: at('response'),
    [`${prefix}_summary`]: text('base', 'summary'),
    [`${prefix}_request_size`]: number('requestSize'),
    [`${prefix}_response_size`]: number('responseSize'),
    [`${prefix}_total_size`]: number('size'),
    [`${prefix}_request_length`]: number('requestSize'),
    [`${prefix}_response_length`]: number('responseSize'),
  }
  for (const field of request) variables[`${prefix}_${snake(field)}`] = at('request', field)
  for (const field of response) variables[`${prefix}_${snake(field)}`] = at('response', field)
  return only(is, variables)
}

/** What a conversation as a whole tells. */
function ofConversations(prefix: 'conn' | 'flow'): Record<string, Read> {
  return only(isConversation(prefix, 'tcp', 'udp'), {
    [`${prefix}_state`]: text('data', 'state'),
    [`${prefix}_local_pkts`]: number('data', 'localPkts'),
    [`${prefix}_local_bytes`]: number('data', 'localBytes'),
    [`${prefix}_local_pps`]: number('data', 'localPps'),
    [`${prefix}_local_bps`]: number('data', 'localBps'),
    [`${prefix}_remote_pkts`]: number('data', 'remotePkts'),
    [`${prefix}_remote_bytes`]: number('data', 'remoteBytes'),
    [`${prefix}_remote_pps`]: number('data', 'remotePps'),
    [`${prefix}_remote_bps`]: number('data', 'remoteBps'),
    [`${prefix}_l7_detected`]: list('data', 'l7Detected'),
    [`${prefix}_group_id`]: text('data', 'groupId'),
  })
}

/** Something of both ends, as far as it is known. */
const ofEnds = (doc: string, ...path: readonly string[]): Read => {
  const reads = [at('src', ...path), at('dst', ...path)]
  return told('string[]', doc, (entry) =>
    reads.map((read) => read(entry)).filter((value) => typeof value === 'string' && value !== ''),
  )
}
/** Labels or annotations of the pod of an end. */
const metadataOf = (end: 'src' | 'dst', part: 'labels' | 'annotations'): Read => {
  const side = end === 'src' ? 'sends the request' : 'answers'
  return told(
    '{ [name: string]: string }',
    `${part === 'labels' ? 'Labels' : 'Annotations'} of the pod that ${side}`,
    (entry) => fields(fields(fields(fields(entry[end]).pod).metadata)[part]),
  )
}
/** Why an end has no name, in the one way that there is here. */
const resolutionStatus = (end: 'src' | 'dst'): Read =>
  told('string', 'cache_miss where nothing is known of the address, else ""', (entry) =>
    fields(entry[end]).resolutionMechanism === 'none' ? 'cache_miss' : '',
  )
/** As they were asked; of a reply without its query as it repeats them. */
const questionsOf = (entry: Fields) =>
  list(entry.request === null ? 'response' : 'request', 'questions')(entry) as readonly Fields[]
/** `basic.publish`; of a reply without its request what it says itself. */
const dottedMethod = told('string', 'Class and method of AMQP, such as basic.publish', (entry) =>
  String(text(entry.request === null ? 'response' : 'request', 'method')(entry)).replace(' ', '.'),
)
const isHttp = Object.assign((entry: Fields) => fields(entry.protocol).name === 'http', {
  type: 'boolean',
  doc: 'HTTP/1.x and HTTP/2, with gRPC and GraphQL over them',
  protocols: ['http'],
})
const isGraphql = hasAbbr('GQL')
const isOverHttp2 = (entry: Fields) => String(fields(entry.protocol).version).startsWith('2')
const isTls = at('tls')
/** `conn` or `flow`, of TCP, UDP or either. */
const isConversation = (kind: 'conn' | 'flow', ...layers: readonly string[]): Read => {
  const what = kind === 'conn' ? 'Connections as a whole' : 'One direction of connections as a whole'
  return told('boolean', `${what}: ${layers.join(', ')}`, (entry) =>
    layers.some((layer) => fields(entry.protocol).macro === `${layer}_${kind}`),
  )
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export const VARIABLES: Readonly<Record<string, Read>> = {
  http: isHttp,
  http2: hasAbbr('HTTP/2'),
  grpc: hasAbbr('gRPC'),
  gql: isGraphql,
  gqlv1: told(
    'boolean',
    'GraphQL over HTTP/1.x',
    (entry) => isGraphql(entry) === true && !isOverHttp2(entry),
  ),
  gqlv2: told('boolean', 'GraphQL over HTTP/2', (entry) => isGraphql(entry) === true && isOverHttp2(entry)),
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
      'memcached',
      'tlsx',
      'mqtt',
    ].map((name) => [name, isProtocol(name)]),
  ),
  tls: isTls,
  conn: isConversation('conn', 'tcp', 'udp'),
  flow: isConversation('flow', 'tcp', 'udp'),
  tcp_conn: isConversation('conn', 'tcp'),
  udp_conn: isConversation('conn', 'udp'),
  tcp_flow: isConversation('flow', 'tcp'),
  udp_flow: isConversation('flow', 'udp'),
  id: text('id'),
  node_id: text('node', 'name'),
  index: number('index'),
  stream: text('stream'),
  timestamp: number('timestamp'),
  elapsed_time: number('elapsedTime'),
  worker: text('worker'),
  conn_id: text('stream'),
  flow_id: text('stream'),
  has_pcap: told('boolean', 'Its packets can be told', (entry) => text('stream')(entry) !== ''),
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
  local_node_name: told(
    'string',
    'Node of who sends the request; of the worker where that is not known',
    (entry) => String(fields(entry.src).nodeName || fields(entry.node).name || ''),
  ),
  remote_node_name: text('dst', 'nodeName'),
  dns_resolutions: told('string[]', 'Names of both ends that DNS told', (entry) =>
    [entry.src, entry.dst]
      .map(fields)
      .flatMap((end) => (end.resolutionMechanism === 'dns' ? [end.name] : [])),
  ),
  namespaces: ofEnds('Kubernetes namespaces of both ends', 'namespace'),
  pods: ofEnds('Names of the pods of both ends', 'pod', 'metadata', 'name'),
  services: ofEnds('Names of the services of both ends', 'service', 'metadata', 'name'),
  local_labels: metadataOf('src', 'labels'),
  remote_labels: metadataOf('dst', 'labels'),
  local_annotations: metadataOf('src', 'annotations'),
  remote_annotations: metadataOf('dst', 'annotations'),
  local_process_name: text('src', 'processName'),
  remote_process_name: text('dst', 'processName'),
  local_resolution_status: resolutionStatus('src'),
  remote_resolution_status: resolutionStatus('dst'),
  error: at('error'),
  request: message('request'),
  response: message('response'),
  ...only(isHttp, {
    method: text('request', 'method'),
    url: text('request', 'url'),
    path: text('request', 'path'),
    status_code: number('response', 'status'),
    http_version: text('request', 'httpVersion'),
    query_string: at('request', 'queryString'),
    request_headers_size: number('request', 'headersSize'),
    response_headers_size: number('response', 'headersSize'),
    request_body_size: number('request', 'bodySize'),
    response_body_size: number('response', 'bodySize'),
    grpc_method: text('request', 'grpcMethod'),
    grpc_status: number('response', 'grpcStatus'),
  }),
  ...only(isProtocol('dns'), {
    dns_questions: told('string[]', 'Names that are asked for', (entry) =>
      questionsOf(entry).map((each) => String(each.name ?? '')),
    ),
    dns_question_types: told('string[]', 'Types that are asked for: A, AAAA', (entry) =>
      questionsOf(entry).map((each) => String(each.type ?? '')),
    ),
    dns_answers: told('string[]', 'What the answers say', (entry) =>
      (list('response', 'answers')(entry) as Fields[]).map((each) => String(each.data ?? each.ip ?? '')),
    ),
  }),
  ...ofProtocol('dns', [], []),
  ...ofProtocol('tls', [], [], isTls),
  ...only(isTls, { tls_info: text('base', 'summary') }),
  ...ofProtocol('tlsx', ['sni', 'alpn', 'version', 'cipherSuites'], ['cipherSuite']),
  ...only(isProtocol('tlsx'), { tlsx_info: text('base', 'method') }),
  ...ofProtocol('redis', ['type', 'command', 'key']),
  ...ofProtocol(
    'kafka',
    ['apiKey', 'apiKeyName', 'apiVersion', 'size', 'topics'],
    ['errorCode', 'errorName'],
  ),
  ...only(isProtocol('kafka'), {
    kafka_client_id: text('request', 'clientID'),
    kafka_request_summary: text('base', 'summary'),
  }),
  ...ofProtocol('amqp', []),
  ...only(isProtocol('amqp'), { amqp_method: dottedMethod }),
  ...ofProtocol('mqtt', ['type', 'topic', 'qos', 'payload', 'clientId'], ['reasonCode', 'reason']),
  ...ofProtocol('ldap', ['type', 'dn', 'scope', 'filter'], ['resultCode']),
  ...ofProtocol('radius', []),
  ...only(isProtocol('radius'), {
    radius_code: ofEither(number, 'code'),
    radius_code_name: ofEither(text, 'codeName'),
    radius_request_authenticator: text('request', 'authenticator'),
  }),
  ...ofProtocol('diameter', [], ['resultCode']),
  ...only(isProtocol('diameter'), {
    diameter_method: ofEither(text, 'method'),
    diameter_command_code: ofEither(number, 'commandCode'),
    diameter_application_id: ofEither(number, 'applicationId'),
  }),
  ...ofProtocol(
    'mongodb',
    ['command', 'database', 'collection', 'opcode'],
    ['success', 'errorCode', 'errorMessage', 'errorCodeName'],
  ),
  ...ofProtocol(
    'mysql',
    ['command', 'query', 'database', 'statementId', 'user'],
    ['success', 'errorCode', 'errorMessage', 'sqlState', 'affectedRows', 'rowCount'],
  ),
  ...ofProtocol(
    'postgresql',
    ['command', 'query', 'database', 'user'],
    ['success', 'errorCode', 'errorMessage'],
  ),
  ...ofProtocol('memcached', ['command', 'key'], ['success', 'status', 'error']),
  ...only(isProtocol('icmp'), {
    icmp_type: ofEither(number, 'type'),
    icmp_version: ofEither(number, 'version'),
    icmp_length: ofEither(number, 'length'),
  }),
  ...ofProtocol('ws', []),
  ...only(isProtocol('ws'), {
    ws_opcode: ofEither(text, 'opcode'),
    ws_request_payload_data: text('request', 'payloadData'),
    ws_request_payload_length: number('request', 'payloadLength'),
    ws_response_payload_data: text('response', 'payloadData'),
    ws_response_payload_length: number('response', 'payloadLength'),
  }),
  ...only(isProtocol('tcp'), {
    tcp_method: text('base', 'method'),
    tcp_payload: text('data', 'payload'),
    tcp_error_type: text('error', 'type'),
    tcp_error_message: text('error', 'msg'),
  }),
  ...only(isProtocol('udp'), {
    udp_length: number('data', 'length'),
    udp_checksum: number('data', 'checksum'),
    udp_payload: text('data', 'payload'),
  }),
  ...only(isProtocol('sctp'), {
    sctp_checksum: number('data', 'checksum'),
    sctp_chunk_type: text('data', 'chunkType'),
    sctp_length: number('data', 'length'),
  }),
  ...ofConversations('conn'),
  ...ofConversations('flow'),
}
