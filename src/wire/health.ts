/**
 * What `utils.health` says, in the shape that scripts know (agent-api §4.4): made of what a component knows of itself. Nothing
 * in it is secret. Times are ms since the epoch.
 */

/** A process: how much it takes, and how often it had to be started again. */
export interface ProcessState {
  readonly at: number
  /** Share of one core in the last seconds. */
  readonly cpu: number
  readonly memoryBytes: number
  readonly restarts: number
  /** Why it was started again the last time; absent when it was not. */
  readonly lastRestart?: { readonly at: number; readonly reason: string }
  /** What it may take; absent when nobody has said. */
  readonly limits?: { readonly cores?: number; readonly memoryBytes?: number }
}

/** Where packets come from. */
export interface SourceState {
  /** `eth0`, or the name of a file. */
  readonly name: string
  readonly packets: number
  /** Packets that were not captured, as far as that is known. */
  readonly lost: number
}

export interface WorkerState {
  readonly nodeName: string
  /** "" where there is no cluster. */
  readonly clusterId: string
  readonly version: string
  readonly process: ProcessState
  /** Sandbox of the agents, and what else reads traffic beside the worker; absent when it is the worker itself. */
  readonly tracer?: ProcessState
  /** Bytes that kept packets and entries may take, and do take. */
  readonly storage: { readonly limitBytes: number; readonly usedBytes: number }
  readonly sources: readonly SourceState[]
  /** Of encrypted traffic that programs were asked for. */
  readonly traced: readonly SourceState[]
  /** What is captured; "" for everything. */
  readonly filter: string
  readonly startedAt: number
  readonly bytesRead: number
  readonly entries: number
  /** Entries that went out to those who watch. */
  readonly entriesSent: number
}

export interface HubState {
  readonly nodeName: string
  readonly clusterId: string
  readonly version: string
  readonly process: ProcessState
  readonly workers: readonly { readonly address: string; readonly podName: string }[]
  /** Pods under capture, by node. */
  readonly nodes: readonly { readonly nodeName: string; readonly podCount: number }[]
}

/** Of a worker: its own load also at the top, as the hub has it. */
export function workerHealth(state: WorkerState): Record<string, unknown> {
  const { nodeName, clusterId, version, process, tracer, storage, sources, traced, filter } = state
  return {
    nodeName,
    clusterID: clusterId,
    version,
    ...componentHealth(process),
    storage: { requested: storage.limitBytes, usage: storage.usedBytes },
    sniffer: componentHealth(process),
    snifferStats: { Sources: sourcesHealth(sources) },
    tracer: componentHealth(tracer ?? { at: process.at, cpu: 0, memoryBytes: 0, restarts: 0 }),
    tracerStats: { PktSnifferStats: { Sources: sourcesHealth(traced), ...totals(traced) } },
    bpfFilter: filter,
    licenseData: {
      processedBytes: state.bytesRead,
      itemsGenerated: state.entries,
      wsWrites: state.entriesSent,
      startTime: state.startedAt,
    },
  }
}

export function hubHealth({
  nodeName,
  clusterId,
  version,
  process,
  workers,
  nodes,
}: HubState): Record<string, unknown> {
  return {
    workers: workers.map(({ address, podName }) => ({ addr: address, podName })),
    nodes,
    nodeName,
    clusterID: clusterId,
    version,
    ...componentHealth(process),
  }
}

function componentHealth({ at, cpu, memoryBytes, restarts, lastRestart, limits }: ProcessState) {
  return {
    timestamp: at,
    cpuUsage: cpu,
    memoryUsage: memoryBytes,
    lastRestartReason: lastRestart?.reason ?? '',
    lastRestartTimestamp: lastRestart?.at ?? 0,
    resources: { cpu: limits?.cores ?? 0, memory: limits?.memoryBytes ?? 0 },
    restarts,
  }
}

/** By name. Two of one name are one. */
function sourcesHealth(sources: readonly SourceState[]) {
  const names = [...new Set(sources.map(({ name }) => name))]
  return Object.fromEntries(names.map((name) => [name, totals(sources.filter((each) => each.name === name))]))
}

function totals(sources: readonly SourceState[]) {
  return {
    PacketsGot: sources.reduce((sum, { packets }) => sum + packets, 0),
    ChunksLost: sources.reduce((sum, { lost }) => sum + lost, 0),
  }
}
