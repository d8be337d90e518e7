/** What `otel.spanFromEntry` reads of an entry: all else need not be there, and does not cross to scripts that only hand it on. */
export const ENTRY_FIELDS: readonly string[] = [
  ...['id', 'node', 'protocol', 'tls', 'startTime', 'timestamp', 'elapsedTime', 'error'],
  ...endpoint('src'),
  ...endpoint('dst'),
  ...fields('request', [
    ...[
      'method',
      'url',
      'path',
      'httpVersion',
      'headers',
      'bodySize',
      'graphql',
      'grpcService',
      'grpcMethod',
    ],
    ...['command', 'query', 'database', 'collection', 'documentCount', 'statement', 'args', 'keys'],
    ...['apiKeyName', 'topics', 'clientID', 'exchange', 'routingKey', 'queue', 'deliveryTag', 'properties'],
    ...['replyCode', 'replyText', 'type', 'from', 'topic', 'clientId', 'payloadLength'],
    ...['questions', 'codeName', 'typeCode', 'opcode', 'alert'],
    // Commands of MongoDB; messages of Kafka.
    ...['body', 'payload'],
  ]),
  ...fields('response', [
    ...['status', 'bodySize', 'errors', 'grpcStatus', 'grpcMessage', 'success', 'errorCode', 'errorName'],
    ...['errorMessage', 'rowCount', 'type', 'keyword', 'value', 'error', 'payload', 'exchange', 'routingKey'],
    ...['deliveryTag', 'properties', 'bodySize', 'reasonCode', 'reason', 'code', 'answers'],
    ...['resultCode', 'resultName', 'result', 'diagnosticMessage', 'codeName', 'alert'],
  ]),
]

function endpoint(name: string): string[] {
  return fields(name, ['ip', 'port', 'name', 'namespace', 'pod', 'service'])
}

function fields(parent: string, names: readonly string[]): string[] {
  return names.map((name) => `${parent}.${name}`)
}
