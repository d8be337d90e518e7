import { randomBytes, randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { openLocalBus } from '../../bus/local.ts'
import { type Config, settingsInForce } from '../../config/index.ts'
import { isDashboardBuilt } from '../../hub/api/dashboard.ts'
import type { HubControl } from '../../hub/control.ts'
import type { OpsServer } from '../../metrics/server.ts'
import { openShared } from '../../node/streams.ts'
import { pause } from '../../waiting/pause.ts'
import { openInBrowser } from '../browser.ts'
import { addCaptureOptions, type CaptureFlags, nodeNameOf, requiredLevel } from '../capture-flags.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { startHub } from '../serve/hub.ts'
import { Program } from '../serve/program.ts'
import { syncOwn } from '../serve/sync.ts'
import { startWorker } from '../serve/worker.ts'
import { namedSources } from '../sync/setup.ts'

interface TapFlags extends ConfigFlags, CaptureFlags {
  readonly open?: boolean
  readonly json?: boolean
}

export function tapCommand(): Command {
  const command = new Command('tap')
    .description('Run everything on this machine: capture (any interface), agents, hub and its API.')
    .argument(
      '[agents...]',
      'script files, and folders of them, to run and to keep in step with: scripting.source and scripting.sources by default',
    )
    .option('--open', 'show the dashboard in the browser, where there is one')
    .option('--json', 'print console lines as JSON')
    .action(tap)
  return addConfigOptions(addCaptureOptions(command))
}

async function tap(paths: string[], flags: TapFlags): Promise<void> {
  const loaded = configOf(flags)
  const { config } = loaded
  const sources = namedSources(paths, config)
  const capture = flags.pcap === undefined && flags.interface === undefined ? { interface: ['any'] } : {}
  const readsOnce = flags.pcap !== undefined && flags.replay !== true
  const program = new Program('worker', nodeNameOf(flags, config), config)
  const { note, report } = program
  let ops: OpsServer | undefined
  try {
    const bus = program.add('bus', openLocalBus({ folder: resolve(config.hub.state), report }))
    const shared = await openShared(bus)
    const level = requiredLevel(flags, config)
    const common = { config, settings: settingsInForce(loaded), bus, boot: randomUUID(), note }
    const own = ownToken(config)
    const hub = program.add(
      'hub',
      await startHub({ ...common, config: own.config, shared, level, isAlone: true, address: () => '' }),
    )
    const syncing = {
      ...{ url: hub.api.url, token: own.token, sources, config },
      activate: paths.length > 0,
      asJson: flags.json === true,
      // Who looks at the dashboard sees them there.
      quiet: flags.open === true && flags.json !== true,
      signal: program.signal,
    }
    // What reads a file must be there before it is read.
    if (sources.length > 0 && readsOnce) {
      await syncOwn({ ...syncing, watch: false })
      await allRun(hub.service.hub)
    }
    const worker = program.add(
      'worker',
      await startWorker({
        ...common,
        flags: { ...flags, ...capture },
        boot: randomUUID(),
        shared: Promise.resolve(shared),
        address: () => ops?.address ?? '',
        ownSockets: program.ownSockets.shared,
      }),
    )
    const ready = () => hub.service.hub.ready()
    ops = await program.serveOps(config.tap.metrics, worker, ready)
    const { metricsHost: host, metricsPort: port } = config.hub
    await program.serveOps({ host, port }, hub, ready)
    process.stderr.write(`remora: the API is at ${hub.api.url}, metrics at http://${ops.address}/metrics\n`)
    if (config.scripting.console) program.print(hub.service.hub, flags.json === true).catch(report)
    const synced = Promise.withResolvers<void>()
    // A file was read by those that were there before it.
    if (sources.length > 0 && (!readsOnce || config.scripting.watchScripts))
      syncOwn({ ...syncing, watch: config.scripting.watchScripts, synced: synced.resolve }).catch(report)
    else synced.resolve()
    await Promise.race([synced.promise, pause(SYNC_MS, program.signal)])
    const isToBeOpened = flags.open === true && !config.headless
    showDashboard(hub.api.url, {
      isWaitedFor: flags.open === true,
      isToBeOpened,
      signal: program.signal,
    }).catch(report)
    await program.untilStopped(worker.service.captured)
    await program.end('stopped')
  } catch (error) {
    await program.end('failed', 2)
    throw error
  }
}

interface Showing {
  /** Whoever wants to see it may be building it at the same time. */
  readonly isWaitedFor: boolean
  readonly isToBeOpened: boolean
  readonly signal: AbortSignal
}

/** The last that is said at the start: where to look. */
async function showDashboard(url: string, { isWaitedFor, isToBeOpened, signal }: Showing): Promise<void> {
  const until = performance.now() + (isWaitedFor ? BUILD_MS : 0)
  while (!isDashboardBuilt() && performance.now() < until && !signal.aborted) await pause(LOOK_MS, signal)
  if (signal.aborted) return
  const isBuilt = isDashboardBuilt()
  process.stderr.write(
    isBuilt
      ? `remora: the dashboard is at ${url} (Ctrl-C ends all)\n`
      : 'remora: the dashboard is not built: node scripts/build-dashboard.ts (Ctrl-C ends all)\n',
  )
  if (isToBeOpened && isBuilt) openInBrowser(url)
}

/** Where people need tokens, we need one as well to bring in scripts. */
function ownToken(config: Config): { readonly config: Config; readonly token: string | undefined } {
  const { tokens } = config.hub
  if (tokens.length === 0) return { config, token: undefined }
  const token = randomBytes(32).toString('hex')
  const own = { name: 'tap', role: 'author', token } as const
  return { config: { ...config, hub: { ...config.hub, tokens: [...tokens, own] } }, token }
}

/** On the hub, which deploys them. Those that do not load are told of there. */
async function allRun(hub: Pick<HubControl, 'agents'>): Promise<void> {
  const until = performance.now() + DEPLOY_MS
  const isAway = async () => (await hub.agents()).some(({ active, nodes }) => active && nodes.length === 0)
  while (performance.now() < until && (await isAway())) await pause(LOOK_MS)
}

const DEPLOY_MS = 10_000
/** Agents may take longer: the dashboard shows how far they are. */
const SYNC_MS = 5000
const LOOK_MS = 50
/** Machines that are busy take most of it. */
const BUILD_MS = 120_000
