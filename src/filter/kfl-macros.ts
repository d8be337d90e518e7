/** Word → field of the protocol and the values it may have (agent-api §5.3, §6.2). `http` is HTTP/1.x alone. */
export const kflMacros: Readonly<
  Record<string, readonly [field: 'name' | 'abbr' | 'macro', ...values: string[]]>
> = {
  http: ['abbr', 'HTTP'],
  http2: ['abbr', 'HTTP/2'],
  grpc: ['abbr', 'gRPC'],
  gql: ['abbr', 'GQL'],
  dns: ['abbr', 'DNS'],
  conn: ['macro', 'tcp_conn', 'udp_conn'],
  flow: ['macro', 'tcp_flow', 'udp_flow'],
  tcp_conn: ['macro', 'tcp_conn'],
  udp_conn: ['macro', 'udp_conn'],
  tcp_flow: ['macro', 'tcp_flow'],
  udp_flow: ['macro', 'udp_flow'],
  ...Object.fromEntries(
    [
      'amqp',
      'kafka',
      'redis',
      'tcp',
      'udp',
      'icmp',
      'ws',
      'sctp',
      'tlsx',
      'ldap',
      'radius',
      'diameter',
      'mongodb',
      'mysql',
      'postgresql',
      'memcached',
      'mqtt',
    ].map((name) => [name, ['name', name] as const]),
  ),
}
