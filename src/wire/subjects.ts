/**
 * Names of everything that goes over the bus. A bus puts its prefix in front of them, so that several Remoras can share one
 * NATS. Tokens are separated by dots; names of nodes are escaped.
 */
export const SUBJECTS = {
  /** `nodeStatus` of a node, once a second. */
  status: (node: string) => `status.${token(node)}`,
  allStatus: 'status.*',
  /** `deployReport` of a node, to the hubs. */
  deployed: 'deployed',
  /** Request to a node: `jobOrder` → `jobAnswer`. */
  jobs: (node: string) => `jobs.${token(node)}`,
  /** Request to a run of a program: `outboxOrder` → `outboxAnswer`. */
  outbox: (boot: string) => `outbox.${token(boot)}`,
  /** `agentsLeft` of the hub that leads, to all programs: what is known of others that had an identity can go. */
  agentsLeft: 'agents-left',
  /** `jobsOrdered` to all nodes: a script has done something with jobs on all of them. */
  ordered: 'ordered',
  /** Request to a worker by its name, or to a run of a hub: `effectsQuery` → `effectsAnswer`. */
  effects: (node: string) => `effects.${token(node)}`,
  /** Request to a worker: `entriesQuery` → `entriesAnswer`. */
  entries: (node: string) => `entries.${token(node)}`,
  /** Request to a worker: `packetsRequest` → `packetsOpened` or `packetsPart`. */
  packets: (node: string) => `packets.${token(node)}`,
  /** `liveRequest` to all workers. */
  wanted: 'wanted',
  /** Entries that match a live query: `liveBatch`. */
  live: (id: string) => `live.${token(id)}`,
  /** Request to a worker: `recordedRequest` → `recordedAnswer` and packets. */
  recordedPackets: (node: string) => `recorded.packets.${token(node)}`,
  /** Request to a worker: the name of a recording → `recordedNames`. */
  recordedNames: (node: string) => `recorded.names.${token(node)}`,
  /** Request to a worker: `reportsRequest` → `reportsList`, `reportPiece` and bytes, or `{}`. */
  reports: (node: string) => `reports.${token(node)}`,
  /** `mapRequest` to all workers. */
  mapWanted: 'map-wanted',
  /** What they have summed for it: `mapPart`. */
  map: (id: string) => `map.${token(id)}`,
  /** Request to a worker that captures live: `filterCheck` → `filterChecked`. */
  filterCheck: (node: string) => `filter-check.${token(node)}`,
  /** Request to the hub that leads: `policyOrder` → what `POLICY_ANSWERS` has for it. */
  policies: 'policies',
  /** Request to a worker: `policyErrand` → `{}`, `policyStates` or `seenFlows`. */
  policyErrands: (node: string) => `policies.${token(node)}`,
  /** Request to the hubs: `{}` → what `hub.targeted` answers. */
  targeted: 'targeted',
  /** `clusterNews` of the hub that leads, to all programs. */
  clusterNews: 'cluster-news',
  /** Request to the hub that leads: `clusterQuestion` → `clusterAnswer`. */
  clusterFeed: (feed: string) => `cluster-feed.${token(feed)}`,
} as const

/** Durable streams. */
export const STREAMS = {
  /** `hubAction`, on `actions.<node>`. */
  actions: 'actions',
  /** Lists of `consoleLine`, on `console.<node>`. */
  console: 'console',
  /** `auditRecord`, on `audit`. */
  audit: 'audit',
} as const

/** Buckets of keys and values. */
export const BUCKETS = {
  /** `deployment`, `code.<hash>`, `leader`, `targeting`. */
  state: 'state',
  /** Stored agents, when NATS is their store. */
  agents: 'agents',
  /** Jobs with scope `cluster`. */
  jobs: 'jobs',
  /** What agents share by `cluster.*`. */
  cluster: 'cluster',
  /** What is recorded: `plan.<name>`, `part.<name>.<node>`. */
  recordings: 'recordings',
  /** `alert.<id>` → `alertView`, `pcap.<id>` → a capture file. */
  alerts: 'alerts',
  /** What agents have put in force: `policy.<name>` → `policyRecord`. */
  policies: 'policies',
} as const

/** One token of a subject, or part of a key, for any text: what NATS does not allow there is written as `=XX`. */
export function token(text: string): string {
  return text === '' ? '=' : text.replace(/[^A-Za-z0-9_-]/gu, (letter) => escaped(letter))
}

function escaped(letter: string): string {
  return Array.from(
    new TextEncoder().encode(letter),
    (byte) => `=${byte.toString(16).padStart(2, '0')}`,
  ).join('')
}
