import { networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { EffectLog } from '../../agent/effect-log.ts'
import { requireLevel } from '../../agent/launch.ts'
import { takeLauncher } from '../../agent/launcher.ts'
import { OwnProcess } from '../../agent/own-process.ts'
import type { Bus } from '../../bus/bus.ts'
import { isLive } from '../../capture/index.ts'
import { Identities } from '../../cluster/identities.ts'
import { RecentPods } from '../../cluster/recent-pods.ts'
import type { Config } from '../../config/index.ts'
import { readProtos } from '../../config/protos.ts'
import { bytesOf, msOf } from '../../config/quantities.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { version } from '../../helpers/version.ts'
import { COUNTER_NAMES, COUNTERS } from '../../metrics/counters.ts'
import { type Metrics, openMetrics } from '../../metrics/metrics.ts'
import { HostTable } from '../../nftables/host-table.ts'
import { ActionsOut } from '../../node/actions-out.ts'
import { ClusterFollower } from '../../node/cluster-follower.ts'
import { answerEffects } from '../../node/effect-answers.ts'
import { lateBucket } from '../../node/late.ts'
import type { Note } from '../../node/note.ts'
import { answerAboutOutbox } from '../../node/outbox-answers.ts'
import { PolicyRequests } from '../../node/policy-requests.ts'
import { answerReports } from '../../node/report-answers.ts'
import type { Shared } from '../../node/streams.ts'
import { openEntryReader } from '../../store/entries/index.ts'
import { StreamNumbers } from '../../store/entries/stream-numbers.ts'
import { FlowLog } from '../../store/flow-log.ts'
import { SharedState } from '../../store/shared-state.ts'
import { workerHealth } from '../../wire/health.ts'
import { token } from '../../wire/subjects.ts'
import { Broker } from '../../worker/broker.ts'
import type { CaptureStats } from '../../worker/capture-messages.ts'
import { Flows } from '../../worker/flows.ts'
import { guardedHere } from '../../worker/guarded.ts'
import { PolicyAnswers } from '../../worker/policies.ts'
import { Run } from '../../worker/run.ts'
import { identityLimits, runOptions } from '../../worker/run-options.ts'
import { WorkerService } from '../../worker/service.ts'
import { SpoolPackets } from '../../worker/spool/index.ts'
import { type CaptureFlags, nodeNameOf, requiredLevel, sourceName, sourceOf } from '../capture-flags.ts'
import { clickHouseOf } from './clickhouse.ts'
import { exportCounters } from './export-counters.ts'
import { expectsCluster } from './kubernetes.ts'
import { measured } from './measured.ts'
import { openReports, reportCounters } from './reports.ts'
import { targetingRulesOf } from './targeting-rules.ts'

export interface WorkerRequest {
  readonly config: Config
  readonly flags: CaptureFlags
  readonly bus: Bus
  readonly shared: Promise<Shared>
  readonly boot: string
  readonly address: () => string
  readonly note: Note
  readonly ownSockets: SharedArrayBuffer
}

/** A worker that runs: capture, agents, entries, and its link to the hub. */
export interface StartedWorker {
  readonly service: WorkerService
  readonly metrics: Metrics
  close(): Promise<void>
}

export async function startWorker(request: WorkerRequest): Promise<StartedWorker> {
  const { config, flags, bus, shared, boot, address, note } = request
  const source = sourceOf(flags)
  const isFile = !isLive(source)
  const node = nodeNameOf(flags, config)
  const ip = addressOfMachine()
  const protos = readProtos(config.tap.grpc.protos, process.cwd())
  const launcher = takeLauncher()
  requireLevel(requiredLevel(flags, config), launcher.best)
  const folder = join(resolve(config.hub.state), `worker-${token(node)}`)
  const actions = new ActionsOut({ bus, node, folder, note })
  const values = new SharedState({ node, boot, bucket: lateBucket(shared.then((each) => each.cluster)) })
  const cluster = new ClusterFollower({ bus, isOn: config.kubernetes.enabled !== 'off', note })
  const link = {
    action: actions.send.bind(actions),
    alert: actions.alert.bind(actions),
    targeted: () => service.targeted(),
    policies: new PolicyRequests(bus),
    health: () => service.status().health,
  }
  const record = recordOf(config)
  const streams = record && StreamNumbers.open(record.folder)
  const firstStream = streams?.first
  const effects = new EffectLog({
    folder: join(folder, 'audit'),
    mostBytes: bytesOf(config.hub.audit.maxSize),
  })
  const stopTellingEffects = answerEffects(bus, node, effects)
  const reports = await openReports(config, node)
  const stopHandingOut = answerReports(bus, node, reports)
  const begun = Promise.withResolvers<void>()
  const pods = new RecentPods()
  cluster.onChanges((changes) => pods.take(changes))
  const broker = new Broker(config, node, link, values, {
    firstStream,
    reports,
    history: {
      pods,
      isKept: config.tap.capture.raw.enabled,
      ...(isFile ? {} : { clock: () => Date.now() }),
    },
    outbox: {
      folder,
      report: (text) => note('warning', text, {}),
      // What waits may be sent before there is a service.
      warn: (agent, text) => void begun.promise.then(() => service.warn(agent, text)),
    },
    audit: (record) => effects.add(record),
  })
  const identities = new Identities(identityLimits(config))
  const forgetNames = cluster.onChanges((changes) => {
    for (const change of changes) identities.apply(change)
  })
  broker.know(() => identities.history())
  const keepPackets = config.tap.capture.raw.enabled
  const own = new OwnProcess()
  const reader =
    record === undefined
      ? undefined
      : openEntryReader({ folder: record.folder, prefer: 'kfl2', macros: config.tap.customMacros })
  const stopAnswering = answerAboutOutbox({ bus, node, component: 'worker', boot, queued: broker.queued })
  const metrics = openMetrics({
    component: 'worker',
    node,
    snapshot: () => ({
      ...service.status(),
      bus: { connected: bus.connected, dropped: bus.dropped },
      titles: service.titles(),
    }),
    others: (taken) => broker.exportedText(taken),
  })
  const archive = await openArchive(config, node)
  const flowLog = reader === undefined || isFile ? undefined : openFlowLog(config, folder, note)
  const flows =
    flowLog &&
    reader &&
    new Flows({ reader, log: flowLog, cluster }, (error) =>
      note('error', 'connections are not remembered for a while', { error: String(error) }),
    )
  const policies = new PolicyAnswers({
    ...{ bus, node, flows, table: new HostTable(), marker: join(folder, 'enforced'), note },
    isAllowed: config.scripting.allowEnforcement && !isFile,
    removesOnExit: config.scripting.enforcement.removeOnExit,
    isInCluster: isFile || expectsCluster(config),
    guarded: (ours) => guardedHere({ bus: bus.description, ours }),
  })
  const service: WorkerService = new WorkerService({
    bus,
    shared,
    values,
    cluster,
    node,
    boot,
    version: version(),
    address,
    agents: { language: config.scripting.language, protocols: knownProtocols },
    isFile,
    targeting: {
      source,
      configured: targetingRulesOf(config),
      expectsCluster: expectsCluster(config),
      onceInCluster: config.tap.misc.onceInCluster,
    },
    reader,
    packets: keepPackets ? new SpoolPackets(broker.spool) : undefined,
    archive,
    recordings: {
      folder: join(resolve(config.recordings.folder), token(node)),
      mostBytes: bytesOf(config.recordings.maxSize),
      packets: broker.packets,
      prefer: 'kfl2',
      macros: config.tap.customMacros,
    },
    outbox: () => broker.queued?.figures() ?? [],
    counters: () => ({
      [COUNTER_NAMES.dropped('effects', 'audit')]: effects.lost,
      ...broker.counters,
      ...actions.counters(),
      ...archiveCounters(archive),
      ...flowCounters(flowLog),
      ...exportCounters(broker),
      ...reportCounters(reports),
    }),
    health: ({ counters, startedAt }) => ({
      ...cluster.health,
      ...workerHealth({
        nodeName: node,
        clusterId: cluster.clusterId,
        version: version(),
        process: own.state(),
        storage: { limitBytes: record?.mostBytes ?? 0, usedBytes: counters[COUNTERS.entriesBytes] ?? 0 },
        sources: [
          {
            name: sourceName(source),
            packets: counters[COUNTERS.packets] ?? 0,
            lost: counters[COUNTERS.packetsLost] ?? 0,
          },
        ],
        traced: [],
        filter: flags.filter ?? '',
        startedAt,
        bytesRead: counters[COUNTERS.bytes] ?? 0,
        entries: counters[COUNTERS.items] ?? 0,
        entriesSent: counters[COUNTERS.itemsSent] ?? 0,
      }),
    }),
    note,
    makeRun: (agents, observer) => {
      const options = runOptions(config, {
        source,
        agents,
        launcher,
        broker,
        nodeName: node,
        finalRun: isFile,
        hub: 'never',
        query: null,
        verifyChecksums: flags.verifyChecksums === true,
        keepPackets,
        protos,
        ownSockets: isFile ? undefined : request.ownSockets,
      })
      const run = new Run(
        {
          ...options,
          lingers: true,
          // Those of a capture file are of another time.
          ...(isFile
            ? {}
            : {
                pods: {
                  onChanges: (listener) => cluster.onChanges(listener),
                  isMeant: (pod) => service.means(pod),
                },
              }),
          capture: { ...options.capture, pipeline: { ...options.capture.pipeline, firstStream }, record },
          host: { ...options.host, actions: 'outside', clusterJobs: !isFile, marks: record !== undefined },
          address: { ip, worker: `${ip}:${config.tap.proxy.worker.srvPort}` },
        },
        {
          ...observer,
          shared: (...added) => broker.share(...added),
          exported: (...told) => broker.exported(...told),
          exportsEnded: (...who) => broker.exportsEnded(...who),
          ended: (...who) => broker.ended(...who),
          learned: (...name) => broker.learn(...name),
          call: measured((call) => broker.call(call), metrics),
          stats: (stats) => {
            streams?.used(connectionsIn(stats))
            observer.stats?.(stats)
          },
        },
      )
      broker.flushBy(() => run.flushPackets())
      return run
    },
  })
  begun.resolve()
  return {
    service,
    metrics,
    close: async () => {
      stopHandingOut()
      await policies.close()
      await flows?.close()
      await service.close()
      forgetNames()
      await cluster.close()
      await actions.close()
      await reader?.close()
      stopAnswering()
      broker.tidy()
      await broker.close()
      stopTellingEffects()
      await effects.close()
    },
  }
}

/** The client of ClickHouse is loaded where somebody wants it. */
async function openArchive({ entries }: Config, node: string) {
  if (entries.store !== 'clickhouse') return undefined
  const { openClickHouseSink } = await import('../../store/clickhouse/index.ts')
  return openClickHouseSink({ ...clickHouseOf(entries), node })
}

/** Undefined where nothing is to be remembered, or nothing can be: captures go on without it. */
function openFlowLog({ flows }: Config, folder: string, note: Note): FlowLog | undefined {
  const keepMs = msOf(flows.keep)
  if (keepMs === 0) return undefined
  try {
    return new FlowLog({ folder, mostBytes: bytesOf(flows.maxSize), keepMs })
  } catch (error) {
    note('error', 'connections are not remembered', { error: String(error) })
    return undefined
  }
}

function flowCounters(log: FlowLog | undefined): Record<string, number> {
  if (log === undefined) return {}
  const { rows, crowdedOut, lost } = log.counters
  const { dropped } = COUNTER_NAMES
  return { 'flows.rows': rows, [dropped('flows', 'over-size')]: crowdedOut, [dropped('flows', 'lost')]: lost }
}

function archiveCounters(archive: Awaited<ReturnType<typeof openArchive>>): Record<string, number> {
  if (archive === undefined) return {}
  const { dropped, queue } = COUNTER_NAMES
  const gone = Object.entries(archive.counters.dropped).map(([why, count]) => [
    dropped('archive', why),
    count,
  ])
  return { [queue('archive')]: archive.counters.waiting, ...Object.fromEntries(gone) }
}

/** All that were followed or counted: no fewer than there are numbers of streams. */
function connectionsIn({ counters }: CaptureStats): number {
  return Object.values(counters.connections).reduce((sum, count) => sum + count, 0)
}

function recordOf({ entries, tap }: Config) {
  if (entries.store === 'off') return undefined
  return {
    folder: resolve(entries.folder),
    ttlMs: msOf(tap.misc.jsonTTL),
    mostBytes: Math.min(bytesOf(tap.capture.dbMaxSize), bytesOf(tap.storageLimit)),
  }
}

/** The first that others can reach; the loopback where there is none. */
function addressOfMachine(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}
