import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HelperBroker } from '../../agent/broker.ts'
import { EffectLog } from '../../agent/effect-log.ts'
import { AgentGroup } from '../../agent/group.ts'
import { bestLevel, requireLevel, type SandboxLevel } from '../../agent/launch.ts'
import { SandboxLauncher } from '../../agent/launcher.ts'
import { OwnProcess } from '../../agent/own-process.ts'
import { agentSettings } from '../../agent/settings.ts'
import { agentTitle } from '../../agent/source/title.ts'
import type { Bus } from '../../bus/bus.ts'
import type { Pod } from '../../cluster/objects.ts'
import { alertRules } from '../../config/alert-rules.ts'
import type { Config, SettingInForce } from '../../config/index.ts'
import { bytesOf, msOf } from '../../config/quantities.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { withoutSecrets } from '../../helpers/secrets.ts'
import { version } from '../../helpers/version.ts'
import { callsFor, concernsAny } from '../../hub/alerts/channels.ts'
import { type Api, startApi } from '../../hub/api/start-api.ts'
import type { ClusterWatchState } from '../../hub/cluster/watcher.ts'
import { EntrySources } from '../../hub/entry-sources.ts'
import { HubService } from '../../hub/service.ts'
import { Trials } from '../../hub/trials.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { COUNTER_NAMES } from '../../metrics/counters.ts'
import { type Metrics, openMetrics } from '../../metrics/metrics.ts'
import { ActionsOut } from '../../node/actions-out.ts'
import { ClusterFollower } from '../../node/cluster-follower.ts'
import { answerEffects } from '../../node/effect-answers.ts'
import type { Note } from '../../node/note.ts'
import { answerAboutOutbox } from '../../node/outbox-answers.ts'
import { PolicyRequests } from '../../node/policy-requests.ts'
import type { Shared } from '../../node/streams.ts'
import type { AgentStore } from '../../store/agent-store.ts'
import { openBucketStore } from '../../store/bucket-shelf.ts'
import { openConfigMapStore } from '../../store/config-map/config-map-shelf.ts'
import { openFolderStore } from '../../store/folder/folder-shelf.ts'
import { SharedState } from '../../store/shared-state.ts'
import type { Notice } from '../../wire/alert-rules.ts'
import type { AlertView } from '../../wire/alerts.ts'
import { hubHealth } from '../../wire/health.ts'
import { RECORDING_SOURCE } from '../../wire/recordings.ts'
import { BUCKETS } from '../../wire/subjects.ts'
import { openCaptures } from './captures.ts'
import { clickHouseOf } from './clickhouse.ts'
import { exportCounters } from './export-counters.ts'
import { kubernetesAccess, openKubernetes } from './kubernetes.ts'
import { measured } from './measured.ts'
import { openReports, reportCounters } from './reports.ts'
import { targetingRulesOf } from './targeting-rules.ts'
import { trialRunner } from './trials.ts'

export interface HubRequest {
  readonly config: Config
  /** What the API shows of the configuration. */
  readonly settings: readonly SettingInForce[]
  readonly bus: Bus
  readonly shared: Shared
  readonly boot: string
  readonly level: SandboxLevel
  readonly isAlone: boolean
  readonly address: () => string
  readonly note: Note
}

/** A hub that runs, with its API. */
export interface StartedHub {
  readonly service: HubService
  readonly metrics: Metrics
  readonly api: Api
  close(): Promise<void>
}

export async function startHub(request: HubRequest): Promise<StartedHub> {
  const { config, settings, bus, shared, boot, level, isAlone, address, note } = request
  const { scripting } = config
  const best = bestLevel()
  requireLevel(level, best)
  const client = await openKubernetes(config, note)
  const store = await openStore(config, bus, note)
  const folder = join(resolve(config.hub.state), 'hub')
  const actions = new ActionsOut({ bus, node: 'hub', folder, note })
  const values = new SharedState({ node: 'hub', boot, bucket: shared.cluster })
  const cluster = new ClusterFollower({ bus, isOn: config.kubernetes.enabled !== 'off', note })
  const effects = new EffectLog({
    folder: join(folder, 'audit'),
    mostBytes: bytesOf(config.hub.audit.maxSize),
  })
  const stopTellingEffects = answerEffects(bus, boot, effects)
  const reports = await openReports(config, 'hub')
  const begun = Promise.withResolvers<void>()
  const broker = new HelperBroker({
    config,
    nodeName: 'hub',
    link: {
      action: actions.send.bind(actions),
      alert: actions.alert.bind(actions),
      targeted: () => service.hub.targeted(),
      policies: new PolicyRequests(bus),
      health: () => service.status().health,
    },
    shared: values,
    reports,
    outbox: {
      folder,
      report: (text) => note('warning', text, {}),
      // What waits may be sent before there is a service.
      warn: (agent, text) => void begun.promise.then(() => service.warn(agent, text)),
    },
    audit: (record) => effects.add(record),
  })
  const stopAnswering = answerAboutOutbox({ bus, node: 'hub', component: 'hub', boot, queued: broker.queued })
  const metrics = openMetrics({
    component: 'hub',
    node: 'hub',
    snapshot: () => ({
      ...service.status(),
      bus: { connected: bus.connected, dropped: bus.dropped },
      titles: service.titles(),
    }),
    others: (taken) => broker.exportedText(taken),
  })
  const own = new OwnProcess()
  let api: Api | undefined
  const captures = await openCaptures(config, note)
  const trials = new Trials({
    run: trialRunner(config),
    agents: { language: scripting.language, protocols: knownProtocols },
    entries: (query, signal) => service.hub.entries(query, signal),
    env: scripting.env,
    standIns: withoutSecrets(scripting.env),
    sample: SAMPLE,
    captureOf: async (id) => captures.file(id),
  })
  const archive = await openArchive(config)
  const sources = new EntrySources().add('capture', captures)
  /** What could not be told stands in the log, with the name of the channel and nothing secret. */
  const tellChannels = (notice: Notice, alert: AlertView) => {
    for (const { channel, path, args } of callsFor(notice, alert, scripting.alerts.channels, scripting.env)) {
      const failed = (why: string) =>
        note('warning', 'a channel could not be told of an alert', { channel, why })
      broker.own('alerts', { path, args, warn: failed }).catch((error: unknown) => failed(String(error)))
    }
  }
  const service: HubService = new HubService({
    archive,
    sources,
    captures,
    reports,
    bus,
    shared,
    store,
    values,
    cluster,
    targeting: targetingRulesOf(config),
    kubernetes: client && { client, namespaces: config.kubernetes.namespaces },
    policies: {
      isAllowed: scripting.allowEnforcement,
      ttlMs: msOf(scripting.enforcement.ttl),
      maxTtlMs: msOf(scripting.enforcement.maxTtl),
      maxPolicies: scripting.enforcement.maxPolicies,
      owner: scripting.enforcement.owner,
      release: config.tap.release,
      apiPort: config.tap.proxy.front.port,
      apiAddress: () => (api === undefined ? '' : new URL(api.url).host),
    },
    boot,
    version: version(),
    address,
    agents: { language: scripting.language, protocols: knownProtocols },
    macros: config.tap.customMacros,
    activeTitles: scripting.active,
    alerting: {
      rules: alertRules(config),
      keep: scripting.alerts.keep,
      concerns: (notice, alert) => concernsAny(scripting.alerts.channels, notice, alert),
      notify: (notice, alert) => tellChannels(notice, alert),
      report: (error) => note('warning', 'alerts cannot be read', { error: String(error) }),
    },
    isAlone,
    openGroup: (observer) => {
      const options = agentSettings(config, new SandboxLauncher(best))
      return new AgentGroup(
        {
          ...options,
          host: {
            ...options.host,
            actions: 'outside',
            clusterJobs: true,
            ignoredResults: config.scripting.ignoredResults,
          },
          agents: [],
          nodeName: 'hub',
          hub: 'only',
          query: null,
          pods: cluster,
        },
        {
          ...observer,
          entry: () => {},
          shared: (...added) => broker.share(...added),
          exported: (...told) => broker.exported(...told),
          exportsEnded: (...who) => broker.exportsEnded(...who),
          ended: (...who) => broker.ended(...who),
          call: measured((call) => broker.call(call), metrics),
        },
      )
    },
    outbox: () => broker.queued?.figures() ?? [],
    counters: () => ({
      [COUNTER_NAMES.dropped('effects', 'audit')]: effects.lost,
      ...broker.counters,
      ...actions.counters(),
      ...apiCounters(api),
      ...exportCounters(broker),
      ...reportCounters(reports),
    }),
    health: () => ({
      ...cluster.health,
      ...watchesHealth(service.watches()),
      ...hubHealth({
        nodeName: 'hub',
        clusterId: cluster.clusterId,
        version: version(),
        process: own.state(),
        workers: service.hub.fleet.workers().map(({ node, address: at }) => ({ address: at, podName: node })),
        nodes: podCounts(
          service.hub.fleet.workers().map(({ node }) => node),
          cluster.objects('pod'),
        ),
      }),
    }),
    note,
  })
  begun.resolve()
  sources.add(RECORDING_SOURCE, service.hub.recordings)
  const close = async () => {
    await api?.close()
    await trials.close()
    await service.close()
    await cluster.close()
    await client?.close()
    await actions.close()
    stopAnswering()
    broker.tidy()
    await broker.close()
    stopTellingEffects()
    await effects.close()
    await captures.close()
    await archive?.close()
    await store.close()
  }
  try {
    const log = {
      error: (fields: object, message: string) => note('error', message, fields),
      warn: (fields: object, message: string) => note('warning', message, fields),
    }
    api = await startApi({
      trials,
      control: service.hub,
      config,
      settings,
      log,
      version: version(),
      answered: (route, status, seconds) => metrics.apiRequest(route, status, seconds),
    })
  } catch (error) {
    await close()
    throw error
  }
  return { service, metrics, api, close }
}

/** Comes with Remora. */
const SAMPLE = fileURLToPath(new URL('../../../samples/sample.pcap', import.meta.url))

async function openStore(config: Config, bus: Bus, note: Note): Promise<AgentStore> {
  const rules = {
    titleOf: agentTitle,
    keep: config.scripting.history.keep,
    now: () => new Date(),
    warn: (text: string) => note('warning', text, { store: config.hub.store }),
  }
  switch (config.hub.store) {
    case 'folder':
      return openFolderStore({ ...rules, folder: resolve(config.hub.folder) })
    case 'nats':
      return openBucketStore(await bus.bucket({ name: BUCKETS.agents }), {
        ...rules,
        description: bus.description,
      })
    case 'configmap': {
      const { name, namespace } = config.tap.release
      return openConfigMapStore({
        ...rules,
        client: new KubernetesClient(await kubernetesAccess(config)),
        name: `${name}-config-map`,
        namespace,
      })
    }
  }
}

/** How it goes with what this hub reads of the cluster: on the one that leads. */
function watchesHealth(watches: readonly ClusterWatchState[] | undefined): Record<string, unknown> {
  return watches === undefined ? {} : { watches }
}

/** Pods that run on the nodes of these workers. */
function podCounts(workers: readonly string[], pods: readonly Pod[]) {
  const counts = new Map(workers.map((node) => [node, 0]))
  for (const { spec, status } of pods) {
    const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed'
    const count = hasEnded ? undefined : counts.get(spec.nodeName ?? '')
    if (count !== undefined) counts.set(spec.nodeName ?? '', count + 1)
  }
  return Array.from(counts, ([nodeName, podCount]) => ({ nodeName, podCount }))
}

/** The client of ClickHouse is loaded where somebody wants it. */
async function openArchive({ entries, tap }: Config) {
  if (entries.store !== 'clickhouse') return undefined
  const { openClickHouseReader } = await import('../../store/clickhouse/index.ts')
  return openClickHouseReader({ ...clickHouseOf(entries), prefer: 'kfl2', macros: tap.customMacros })
}

function apiCounters(api: Api | undefined): Record<string, number> {
  if (api === undefined) return {}
  const { droppedEntries, badMessages, lostAudits } = api.counters
  const { dropped } = COUNTER_NAMES
  return {
    [dropped('api', 'slow-client')]: droppedEntries,
    [dropped('api', 'bad-message')]: badMessages,
    [dropped('api', 'audit')]: lostAudits,
  }
}
