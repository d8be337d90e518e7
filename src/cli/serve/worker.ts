import { networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { requireLevel } from '../../agent/launch.ts'
import { takeLauncher } from '../../agent/launcher.ts'
import type { Bus } from '../../bus/bus.ts'
import type { Config } from '../../config/index.ts'
import { readProtos } from '../../config/protos.ts'
import { bytesOf, msOf } from '../../config/quantities.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { openActionsOut } from '../../node/actions-out.ts'
import type { Note } from '../../node/note.ts'
import type { Shared } from '../../node/streams.ts'
import { openEntryReader } from '../../store/entries/index.ts'
import { Broker } from '../../worker/broker.ts'
import { Run } from '../../worker/run.ts'
import { runOptions } from '../../worker/run-options.ts'
import { WorkerService } from '../../worker/service.ts'
import { version } from '../../worker/version.ts'
import { type CaptureFlags, nodeNameOf, requiredLevel, sourceOf } from '../capture-flags.ts'

export interface WorkerRequest {
  readonly config: Config
  readonly flags: CaptureFlags
  readonly bus: Bus
  readonly shared: Promise<Shared>
  readonly boot: string
  readonly note: Note
}

/** Starts a worker: capture, agents, entries, and its link to the hub. */
export function startWorker(request: WorkerRequest): WorkerService {
  const { config, flags, bus, shared, boot, note } = request
  const source = sourceOf(flags)
  const node = nodeNameOf(flags, config)
  const protos = readProtos(config.tap.grpc.protos, process.cwd())
  const launcher = takeLauncher()
  requireLevel(requiredLevel(flags, config), launcher.best)
  const actions = openActionsOut({ bus, shared, node, boot, folder: resolve(config.hub.state), note })
  const link = {
    action: actions.send,
    targeted: () => ({ targets: [], excluded: [] }),
    health: () => service.status().health,
  }
  const broker = new Broker(config, node, link)
  const record = recordOf(config)
  const reader =
    record === undefined
      ? undefined
      : openEntryReader({
          folder: record.folder,
          filters: { prefer: 'kfl1', macros: config.tap.customMacros },
        })
  const service: WorkerService = new WorkerService({
    bus,
    shared,
    node,
    boot,
    version: version(),
    agents: { language: config.scripting.language, protocols: knownProtocols },
    isFile: 'path' in source,
    reader,
    counters: () => actions.counters(),
    health: () => ({}),
    note,
    makeRun: (agents, observer) => {
      const options = runOptions(config, {
        source,
        agents,
        launcher,
        broker,
        nodeName: node,
        finalRun: 'path' in source,
        hub: 'never',
        query: null,
        verifyChecksums: flags.verifyChecksums === true,
        keepPackets: true,
        protos,
      })
      return new Run(
        {
          ...options,
          capture: { ...options.capture, record },
          worker: `${addressOfMachine()}:${config.tap.proxy.worker.srvPort}`,
          settings: { actions: 'outside', clusterJobs: true },
        },
        {
          ...observer,
          learned: (...name) => broker.learn(...name),
          call: (call) => broker.call(call),
        },
      )
    },
  })
  return service
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
