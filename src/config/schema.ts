import { z } from 'zod'
import { knownProtocols } from '../dissectors/known.ts'
import { isHostPattern, rateOf } from '../helpers/grants.ts'
import { nearest } from '../mistake/nearest.ts'
import { severity } from '../wire/alerts.ts'
import { SEVERITIES } from '../wire/severity.ts'

/** One setting: what it takes, what it is when nobody says, and what it does. */
const setting = <S extends z.ZodType>(schema: S, value: z.input<S>, doc: string) =>
  schema.default(value as never).describe(doc)
/** Known, and kept for what will read it; nothing does yet. */
const planned = <S extends z.ZodType>(schema: S, value: z.input<S>, doc: string) =>
  setting(schema, value, `${doc} (not read yet)`)

const section = <F extends z.ZodRawShape>(fields: F) => z.strictObject(fields).prefault({} as never)

const text = z.string()
const texts = z.array(z.string())
const flag = z.boolean()
const whole = z.number().int().nonnegative()
const positive = z.number().int().positive()
/** Text that YAML takes for a number when it has no unit. */
const quantity = (pattern: RegExp, expected: string) =>
  z.preprocess(
    (value) => (typeof value === 'number' ? String(value) : value),
    z.string(expected).regex(pattern, expected),
  )
const size = quantity(/^\d+(\.\d+)?\s*([KMGT]i?)?B?$/i, 'expected a size such as 1Gi, 500Mi or 10MB')
const time = quantity(/^(\d+(\.\d+)?(ms|s|m|h))+$|^0$/, 'expected a duration such as 10s or 5m')

const host = z
  .string()
  .refine(
    isHostPattern,
    'expected a host (hooks.slack.com, *.example.com), an address or a network (10.0.0.0/8)',
  )
const rate = z
  .string()
  .refine((each) => rateOf(each) !== undefined, 'expected a helper and a rate, such as vendor.webhook 10/min')

/** What Kubeshark dissects by default, and MQTT … */
const USUAL_PROTOCOLS = [
  ...[
    'amqp',
    'dns',
    'http',
    'icmp',
    'kafka',
    'memcached',
    'mongodb',
    'mqtt',
    'mysql',
    'postgresql',
    'redis',
    'ws',
    'tlsx',
    'ldap',
  ],
  ...['radius', 'diameter', 'udp-flow', 'tcp-flow', 'udp-conn', 'tcp-conn'],
]
/** … and all that may be named. */
const PROTOCOLS = [
  ...USUAL_PROTOCOLS,
  'tcp',
  'udp',
  'sctp',
  'syscall',
  ...knownProtocols.map(({ name }) => name),
]
const protocol = z.string().refine((name) => PROTOCOLS.includes(name), {
  error: ({ input }) => `there is no protocol ${input}; did you mean ${nearestProtocol(String(input))}?`,
})

function nearestProtocol(name: string): string {
  return nearest(name, PROTOCOLS) ?? `one of ${[...new Set(PROTOCOLS)].join(', ')}`
}

/** Whom to tell of alerts: one of `slack`, `slackBot`, `webhook` and `mail`. */
const alertChannel = z
  .strictObject({
    name: z.string().min(1),
    severities: z.array(severity).default([...SEVERITIES]),
    agents: z.array(z.string()).default([]),
    notices: z
      .array(z.enum(['opened', 'worse', 'again', 'closed']))
      .default(['opened', 'worse', 'again', 'closed']),
    slack: z.strictObject({ webhook: z.string().min(1) }).optional(),
    slackBot: z.strictObject({ token: z.string().min(1), channel: z.string().min(1) }).optional(),
    webhook: z
      .strictObject({ url: z.string().min(1), headers: z.record(z.string(), z.string()).default({}) })
      .optional(),
    mail: z.record(z.string(), z.json()).optional(),
  })
  .refine(
    ({ slack, slackBot, webhook, mail }) =>
      [slack, slackBot, webhook, mail].filter((each) => each !== undefined).length === 1,
    'expected one of slack, slackBot, webhook and mail',
  )

/** Every key of the configuration, in the order in which `remora config` prints them. */
export const configSchema = section({
  scripting: section({
    enabled: planned(flag, true, 'Show and run agents'),
    env: setting(z.record(z.string(), z.json()), {}, 'Values that agents read as env.NAME'),
    source: setting(text, '', 'One folder of scripts'),
    sources: setting(texts, [], 'More folders and files'),
    watchScripts: setting(flag, true, 'Watch them after the first sync'),
    active: setting(texts, [], 'Titles of the agents that are active at the start'),
    console: setting(
      flag,
      true,
      'Print console lines of the agents that remora scripts syncs, while it watches',
    ),
    language: setting(
      z.enum(['es5', 'modern']),
      'es5',
      'Language of agents: ES5, or the newest JavaScript and TypeScript types',
    ),
    data: setting(text, '.remora/data', 'Folder of the file.* and pcap.* helpers'),
    dataQuotaMb: setting(positive, 1024, 'What agents may keep in it, MiB'),
    sandbox: setting(
      z.enum(['auto', 'full', 'userns', 'permission']),
      'auto',
      'Least strict sandbox that will do; auto takes what there is',
    ),
    budgets: section({
      hookMs: setting(positive, 150, 'CPU time of one hook call or of loading an agent, ms'),
      jobMs: setting(positive, 30_000, 'CPU time of one job, ms'),
      memoryMb: setting(positive, 64, 'Heap of one agent, MiB'),
      consoleLinesPerMin: planned(positive, 60_000, 'Console lines of one agent a minute'),
    }),
    egress: section({
      allow: setting(
        z.array(host),
        [],
        'Hosts and networks that helpers may call; empty = all that are not denied',
      ),
      deny: setting(z.array(host), [], 'Hosts and networks that helpers may not call'),
      loopback: setting(
        z.enum(['auto', 'allow', 'refuse']),
        'auto',
        'Whether helpers may connect to this machine itself; auto: unless it runs in Kubernetes',
      ),
      timeout: setting(time, '10s', 'For connecting, for the head of a reply and for each pause in it'),
      totalTimeout: setting(time, '30s', 'For all of a request, redirects included'),
      maxReply: setting(size, '2Mi', 'Size of a reply'),
      perHost: setting(positive, 16, 'Requests to one host at the same time; others wait'),
      perAgent: setting(positive, 16, 'Requests of one agent at the same time; others wait'),
      maxWaiting: setting(whole, 256, 'Requests that wait for others of the same host or agent'),
    }),
    outbox: section({
      maxSize: setting(
        size,
        '1Gi',
        'Disk for queued calls of helpers: those that wait, and those that were given up',
      ),
      whenFull: setting(
        z.enum(['refuse', 'drop-oldest']),
        'refuse',
        'When there is no more room: refuse new ones, which throws into the script, or drop the oldest',
      ),
      maxAge: setting(
        time,
        '24h',
        'A queued call that has waited for so long, and fails, is given up; 0 = never',
      ),
      attempts: setting(positive, 100, 'A queued call that has failed so often is given up'),
    }),
    ignoredResults: setting(
      z.enum(['queue', 'wait']),
      'queue',
      'Calls whose answer the script does not look at, in hooks for live traffic, and of queue: leave them to the outbox, several at a time, or wait for each',
    ),
    otel: section({
      endpoint: setting(
        text,
        '',
        'Where otel.* sends to, such as http://collector:4318, when neither a script nor OTEL_EXPORTER_OTLP_ENDPOINT in scripting.env says',
      ),
      protocol: setting(
        z.enum(['grpc', 'http/protobuf', 'http/json']),
        'http/protobuf',
        'How: OTLP over gRPC, or over HTTP as protobuf or JSON',
      ),
      headers: setting(z.record(z.string(), z.string()), {}, 'Headers of these requests, such as keys'),
      service: setting(text, '', 'service.name of what otel.* sends of no entry; "" = remora'),
      temporality: setting(
        z.enum(['cumulative', 'delta']),
        'cumulative',
        'Whether counters and histograms are sent as sums since the start, or since they were sent last',
      ),
      compression: setting(z.enum(['gzip', 'none']), 'gzip', 'How these requests are compressed'),
    }),
    alerts: section({
      suppressFor: setting(
        time,
        '5m',
        'After channels were told of an alert, they are not told of it again for so long, unless it gets worse',
      ),
      closeAfter: setting(time, '1h', 'An alert that nothing raises any more closes after so long'),
      keep: setting(positive, 1000, 'Closed alerts that are kept; the oldest go first'),
      channels: setting(
        z.array(alertChannel),
        [],
        'Whom to tell of alerts; `env.NAME` stands for a value of scripting.env',
      ),
    }),
    metrics: section({
      agentLabel: setting(
        flag,
        true,
        'Metrics of agents have a label that says which one; without it, what several export under one name is made one',
      ),
    }),
    grants: setting(
      z.array(
        z.strictObject({
          agent: z.string().min(1),
          hosts: z.array(host).optional(),
          buckets: texts.optional(),
          paths: texts.optional(),
          helpers: texts.optional(),
          rates: z.array(rate).optional(),
          loopback: flag.optional(),
          metadata: flag.optional(),
        }),
      ),
      [],
      'What agents may do, by title, or "*" for all that have no such list of their own: hosts, buckets, paths, helpers, rates (vendor.webhook 10/min), loopback and metadata; what the header of a script says holds as well',
    ),
    jobsAcrossAgents: setting(
      flag,
      true,
      'Agents may run and remove the jobs of others, and stop the scheduler',
    ),
    allowEnforcement: setting(
      flag,
      false,
      'Let agents put network policies in force, by policy.apply and hub.blockPod; looking at what they would do needs no leave',
    ),
    enforcement: section({
      ttl: setting(time, '1h', 'How long a policy is in force where nobody says'),
      maxTtl: setting(time, '24h', 'How long it may be at most'),
      maxPolicies: setting(
        positive,
        100,
        'Policies of all agents that are in force at a time; one agent has half of them at most',
      ),
      removeOnExit: setting(
        flag,
        false,
        'Without Kubernetes: a worker that ends takes what it has put in force with it; else the kernel lets go of it in time',
      ),
      owner: setting(
        text,
        '',
        'On Kubernetes: role that owns what agents put in force, so that both go together; a ClusterRole, or with kubernetes.namespaces a Role in each of them; "" = none. The chart has one',
      ),
    }),
    strictES5: planned(flag, false, 'Same as language: es5'),
    history: section({ keep: setting(whole, 20, 'Versions of an agent that are kept') }),
    jobsCatchUp: planned(flag, false, 'Make up for runs that were missed'),
  }),
  hub: section({
    tokens: setting(
      z.array(
        z.strictObject({
          name: z.string().min(1),
          role: z.enum(['viewer', 'operator', 'author', 'admin']),
          // A secret made of a file ends in a line break, which nobody can send.
          token: z.string().trim().min(16, 'expected at least 16 characters').optional(),
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hexadecimal')
            .optional(),
        }),
      ),
      [],
      'Who may use the API: a name, a role (viewer, operator, author, admin), and the token or its SHA-256; with none, everybody on this machine may do everything, and no other address is listened on',
    ),
    tls: section({
      cert: setting(text, '', 'Certificate of the API, a PEM file; "" = HTTP'),
      key: setting(text, '', 'Its key, a PEM file'),
    }),
    captures: section({
      mostBytes: setting(size, '512Mi', 'Size of a capture that is uploaded'),
      storageSize: setting(
        size,
        '4Gi',
        'Disk for all captures with what was made of them; the oldest go first',
      ),
      most: setting(positive, 50, 'Captures that are kept; the oldest go first'),
    }),
    metricsPort: setting(
      whole,
      9100,
      'Port of the metrics of a hub, and of its /healthz and /readyz; 0: any',
    ),
    metricsHost: setting(text, '127.0.0.1', 'Address of these; nobody is asked for a token there'),
    store: setting(
      z.enum(['folder', 'nats', 'configmap']),
      'folder',
      'Where agents are kept: a folder, NATS, or a config map of Kubernetes',
    ),
    folder: setting(text, '.remora/agents', 'Folder of the agents, when they are kept in one'),
    state: setting(
      text,
      '.remora/state',
      'Folder of what a hub or a worker has to remember: console lines, actions on their way, jobs',
    ),
    audit: section({
      maxSize: setting(
        size,
        '64Mi',
        'Disk of each hub and worker for what its agents have done; the oldest lines go for newer ones',
      ),
    }),
  }),
  nats: section({
    url: setting(text, '', 'NATS servers, such as nats://10.0.0.1:4222, with commas between them'),
    prefix: setting(
      z.string().regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, - and _'),
      'remora',
      'What names in NATS begin with: one for each Remora that shares it',
    ),
    user: setting(text, '', 'User for NATS'),
    password: setting(text, '', 'Password for NATS'),
    token: setting(text, '', 'Token for NATS'),
    creds: setting(text, '', 'Credentials file for NATS'),
    replicas: setting(z.number().int().min(1).max(5), 1, 'Servers that keep each message'),
    tls: section({
      ca: setting(text, '', 'Authority of the NATS servers, a PEM file'),
      cert: setting(text, '', 'Our certificate for NATS, a PEM file'),
      key: setting(text, '', 'Its key, a PEM file'),
    }),
  }),
  entries: section({
    store: setting(
      z.enum(['local', 'clickhouse', 'off']),
      'local',
      'Where entries are kept: on each worker, also in ClickHouse, or nowhere',
    ),
    folder: setting(text, '.remora/entries', 'Folder of the entries of a worker'),
    clickhouse: section({
      url: setting(text, 'http://127.0.0.1:8123', 'ClickHouse server'),
      database: setting(text, 'remora', 'Its database'),
      user: setting(text, 'default', 'User for ClickHouse'),
      password: setting(text, '', 'Password for ClickHouse'),
      ttl: setting(time, '168h', 'How long entries are kept there'),
    }),
  }),
  recordings: section({
    folder: setting(text, '.remora/recordings', 'Folder of what a worker records'),
    maxSize: setting(size, '2Gi', 'Disk that all recordings of a worker may take'),
  }),
  reports: section({
    folder: setting(text, '.remora/reports', 'Folder of what agents write by report.write'),
    keep: setting(positive, 500, 'Reports that a node keeps, versions included; the oldest go first'),
    maxSize: setting(size, '256Mi', 'Disk that they may take'),
    ttl: setting(time, '720h', 'How long they are kept'),
  }),
  flows: section({
    keep: setting(
      time,
      '24h',
      'How long workers remember who has connected to whom, for policy.preview and policy.suggest; 0: not at all',
    ),
    maxSize: setting(size, '64Mi', 'Disk that this may take; the oldest minutes go first'),
  }),
  kubernetes: section({
    enabled: setting(
      z.enum(['auto', 'on', 'off']),
      'auto',
      'Whether to ask a Kubernetes cluster about pods, services and nodes; auto: where Remora runs in a pod, or a kubeconfig is named',
    ),
    kubeconfig: setting(text, '', 'File that says how to reach the cluster; "" = the account of the pod'),
    context: setting(text, '', 'Its context to use; "" = the current one'),
    namespaces: setting(
      texts,
      [],
      'Namespaces to follow; empty = all, and nodes, which takes a cluster role',
    ),
  }),
  node: section({ name: setting(text, '', 'Name of this node; "" = host name') }),
  tap: section({
    regex: setting(text, '.*', 'Pods to capture: a regular expression that matches their names'),
    namespaces: setting(texts, [], 'Namespaces to capture; empty = all'),
    excludedNamespaces: setting(texts, [], 'Namespaces to leave out'),
    bpfOverride: setting(text, '', 'Capture filter instead of all of these, for captures of interfaces'),
    defaultFilter: planned(text, '', 'Filter that the dashboard starts with'),
    globalFilter: planned(text, '', 'Filter in front of every query'),
    customMacros: setting(
      z.record(z.string(), z.string()),
      { https: 'tls and (http or http2)' },
      'Words that stand for filters',
    ),
    enabledDissectors: setting(
      z.array(protocol),
      USUAL_PROTOCOLS,
      'Protocols to look for; tcp-conn, udp-conn: each conversation as an entry when it ends, and while it lasts; tcp-flow, udp-flow: the same with rates, and how well TCP goes; sctp: its chunks; tcp, udp: each packet that carries something',
    ),
    portMapping: setting(
      z.record(protocol, z.array(z.number().int().min(1).max(65535))),
      {
        http: [80, 443, 8080],
        amqp: [5671, 5672],
        kafka: [9092],
        mongodb: [27017],
        mysql: [3306],
        postgresql: [5432],
        redis: [6379],
        ldap: [389],
        diameter: [3868],
      },
      'Ports on which a protocol is tried first',
    ),
    tls: planned(flag, true, 'Read TLS plaintext'),
    serviceMesh: planned(flag, true, 'Read mesh traffic'),
    packetCapture: planned(text, 'best', 'How packets are captured'),
    grpc: section({
      protos: setting(
        texts,
        [],
        '.proto files, folders of them, and descriptor sets: they give the fields of gRPC messages their names',
      ),
    }),
    bodies: section({ maxSize: setting(positive, 1 << 20, 'Bytes of a body that are kept') }),
    reassembly: section({
      memoryMb: setting(positive, 64, 'Memory for streams with holes and unfinished messages, MiB'),
    }),
    capture: section({
      dissection: section({
        enabled: planned(flag, true, 'Read protocols'),
        stopAfter: planned(time, '5m', 'Stop when nobody looks'),
      }),
      captureSelf: setting(flag, false, 'Show the HTTP requests that helpers of scripts send, too'),
      raw: section({
        enabled: setting(
          flag,
          true,
          'Keep the packets of connections, for pcap.* and for who looks at an entry; without it a worker has none',
        ),
        storageSize: setting(size, '1Gi', 'Disk for packets; the oldest go for newer ones'),
      }),
      dbMaxSize: setting(size, '500Mi', 'Size of the store'),
    }),
    storageLimit: setting(size, '10Gi', 'Disk of a worker'),
    persistentStorage: planned(flag, false, 'Keep it over restarts'),
    proxy: section({
      host: setting(text, '127.0.0.1', 'Address on which the hub listens, for its API and the dashboard'),
      front: section({ port: setting(whole, 8899, 'Port of the hub, for its API and the dashboard') }),
      hub: section({ srvPort: planned(positive, 8898, 'Port of the hub') }),
      worker: section({ srvPort: setting(positive, 48_999, 'Port by which entries name their worker') }),
    }),
    metrics: section({
      port: setting(whole, 49_100, 'Port of the metrics, and of /healthz and /readyz'),
      host: setting(text, '127.0.0.1', 'Address of these; nobody is asked for a token there'),
    }),
    misc: section({
      jsonTTL: setting(time, '5m', 'How long entries are kept'),
      pcapTTL: planned(time, '10s', 'How long packets are kept'),
      pcapErrorTTL: planned(time, '0', 'How long packets of errors are kept'),
      trafficSampleRate: setting(
        z.number().min(0).max(100),
        100,
        'Percent of the connections that are read; the same ones on all nodes',
      ),
      tcpStreamChannelTimeoutMs: setting(positive, 10_000, 'How long a datagram waits for its reply, ms'),
      duplicateTimeframe: setting(time, '200ms', 'How far apart copies of a packet may be'),
      detectDuplicates: setting(
        z.union([flag, z.literal('auto')]),
        'auto',
        'Leave out copies of packets that were seen on another interface; auto: where several are captured live',
      ),
      onceInCluster: setting(
        flag,
        true,
        'Of connections between pods on two nodes that both have a worker only one of the two reads each',
      ),
      staleTimeoutSeconds: planned(positive, 30, 'Silence after which a stream is stale'),
      tcpFlowTimeout: setting(positive, 1200, 'Silence after which a TCP connection is over, s'),
      flowInterval: setting(positive, 60, 'How often a connection that lasts becomes an entry, s'),
      udpFlowTimeout: setting(positive, 1200, 'Silence after which a UDP conversation is over, s'),
      resolutionWait: setting(
        time,
        '2s',
        'How long an entry of a live capture waits until it is known which pods its ends are; 0 = not at all',
      ),
      processInterval: setting(
        time,
        '2s',
        'How often a live capture looks which processes of this machine have which connections; 0 = never',
      ),
      resolutionStrategy: planned(
        text,
        'auto',
        'How names are found; there is one way, and it needs no choice: the cluster, DNS, HTTP, processes',
      ),
    }),
    dashboard: section({ entriesLimit: planned(positive, 300_000, 'Rows in the browser') }),
    release: section({
      name: setting(text, 'remora', 'Name of the release, with which names in Kubernetes begin'),
      namespace: setting(text, 'default', 'Namespace of the release'),
    }),
    auth: section({
      enabled: setting(flag, false, 'Ask for a token also where only this machine can connect'),
      defaultRole: planned(text, 'kubeshark-viewer', 'Role of who has no other'),
    }),
  }),
  pcapdump: section({
    enabled: planned(flag, false, 'Keep a rolling dump'),
    timeInterval: planned(time, '1m', 'Length of one file'),
    maxTime: planned(time, '1h', 'Length of all'),
    maxSize: planned(size, '500MB', 'Size of all'),
  }),
  headless: setting(flag, false, 'Do not open a browser'),
  internetConnectivity: setting(flag, true, 'Helpers may call addresses outside private networks'),
  aiAssistantEnabled: setting(flag, true, 'Agents may ask language models: chatgpt.prompt and llm.prompt'),
  timezone: planned(text, '', 'For display'),
  logLevel: setting(
    z.enum(['debug', 'info', 'warning', 'error']),
    'warning',
    'How much Remora says of itself',
  ),
})

export type Config = z.output<typeof configSchema>
