import type { Agent } from '../agent/agents.ts'
import type { SandboxLauncher } from '../agent/launcher.ts'
import { agentSettings } from '../agent/settings.ts'
import { type CaptureOptions, isLive } from '../capture/index.ts'
import type { IdentityLimits } from '../cluster/identities.ts'
import type { Config } from '../config/index.ts'
import { msOf } from '../config/quantities.ts'
import type { ProtoSchema } from '../dissect/protos.ts'
import type { Broker } from './broker.ts'
import type { CaptureThreadData } from './capture-thread.ts'
import type { RunOptions, WorkerAddress } from './run.ts'

/** What a run takes beside its settings. */
export interface RunRequest {
  readonly source: CaptureOptions
  readonly agents: readonly Agent[]
  readonly launcher: SandboxLauncher
  readonly broker: Broker
  readonly nodeName: string
  readonly finalRun: boolean
  readonly hub: 'auto' | 'always' | 'never'
  readonly query: { readonly filter: string } | null
  readonly verifyChecksums: boolean
  readonly address?: WorkerAddress
  /** Keep packets of connections also when no agent asks for them yet: others may come. */
  readonly keepPackets?: boolean
  /** Connections of this program: `OwnSockets`. */
  readonly ownSockets?: SharedArrayBuffer | undefined
  /** What `tap.grpc.protos` names. */
  readonly protos?: ProtoSchema | undefined
}

/** The options of a run, from the configuration and what was asked for. */
export function runOptions(config: Config, request: RunRequest): RunOptions {
  const { tap } = config
  const { source, agents, launcher, broker, nodeName, finalRun, hub, query, verifyChecksums, protos } =
    request
  const settings = agentSettings(config, launcher)
  // From a file, traffic waits for agents.
  const ignoredResults = isLive(source) ? config.scripting.ignoredResults : 'wait'
  const packets = request.keepPackets === true || agents.some((agent) => agent.usesPackets)
  return {
    source,
    agents,
    nodeName,
    capture: {
      enabled: tap.enabledDissectors,
      pipeline: {
        ...pipelineSettings(tap, { verifyChecksums, protos }),
        duplicatesMs: seesCopies(tap, source) ? msOf(tap.misc.duplicateTimeframe) : undefined,
        ownSockets: request.ownSockets,
      },
      selection: { onlyTargeted: false, sampleRate: tap.misc.trafficSampleRate },
      spool: packets ? broker.spool : undefined,
      identities: { ...identityLimits(config), waitMs: msOf(tap.misc.resolutionWait) },
    },
    ...settings,
    host: { ...settings.host, ignoredResults },
    ...(request.address === undefined ? {} : { address: request.address }),
    processesEveryMs: msOf(tap.misc.processInterval),
    finalRun,
    hub,
    query,
  }
}

/** On one interface there are none; what of a capture file is a copy, its maker may have wanted to see. */
function seesCopies({ misc: { detectDuplicates } }: Config['tap'], source: CaptureOptions): boolean {
  if (detectDuplicates !== 'auto') return detectDuplicates
  return !('path' in source) && (source.interface === 'any' || source.interface.length > 1)
}

/** For how long, and of how many, is remembered who had an address. */
export function identityLimits({ tap: { misc } }: Config): IdentityLimits {
  return { keepMs: Math.max(msOf(misc.jsonTTL), LEAST_KEPT_MS), mostPast: MOST_PAST }
}

/** How traffic is read, as the configuration says. */
export function pipelineSettings(
  tap: Config['tap'],
  { verifyChecksums, protos }: Required<Pick<RunRequest, 'verifyChecksums' | 'protos'>>,
): CaptureThreadData['pipeline'] {
  return {
    ports: portHints(tap.portMapping),
    verifyChecksums,
    captureSelf: tap.capture.captureSelf,
    maxBody: tap.bodies.maxSize,
    protos,
    memory: tap.reassembly.memoryMb * 2 ** 20,
    maxConnections: MOST_CONNECTIONS,
    tcpIdleSeconds: tap.misc.tcpFlowTimeout,
    udpIdleSeconds: tap.misc.udpFlowTimeout,
    reportEverySeconds: tap.misc.flowInterval,
    replyTimeoutSeconds: tap.misc.tcpStreamChannelTimeoutMs / 1000,
  }
}

/** `{http: [80, 8080]}` → 80 → http, 8080 → http. */
function portHints(mapping: Readonly<Record<string, readonly number[]>>): Map<number, string> {
  return new Map(
    Object.entries(mapping).flatMap(([name, ports]) => ports.map((port) => [port, name] as const)),
  )
}

const MOST_CONNECTIONS = 200_000
/** Connections that last are told of long after they have begun. */
const LEAST_KEPT_MS = 600_000
/** Some 100 bytes each. */
const MOST_PAST = 200_000
