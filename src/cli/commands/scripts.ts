import { Command, Option } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import type { Config } from '../../config/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { showLine } from '../console-output.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { untilInterrupt } from '../interrupt.ts'
import { SyncOutput } from '../sync/output.ts'
import { namedSources, setupOf } from '../sync/setup.ts'
import { type Round, Sync } from '../sync/sync.ts'
import { syncAlways, syncOnce } from '../sync/watch.ts'

interface ScriptsFlags extends HubFlags {
  readonly once?: boolean
  readonly activate?: boolean
  readonly deactivate?: boolean
  readonly onDelete: 'delete' | 'deactivate' | 'keep'
  readonly force?: boolean
  readonly recursive?: boolean
  readonly twoWay?: boolean
  readonly as?: string
  readonly json?: boolean
}

export function scriptsCommand(): Command {
  const command = new Command('scripts')
    .description('Sync scripts with a running Remora: once, and then whenever a file changes.')
    .argument('[paths...]', 'files, folders and globs, instead of scripting.source and scripting.sources')
    .option('--once', 'end after the first sync, with exit code 2 when something is wrong')
    .option('--activate', 'switch agents on, whatever scripting.active says')
    .addOption(new Option('--deactivate', 'switch them off').conflicts('activate'))
    .addOption(
      new Option('--on-delete <what>', 'what becomes of the agent of a removed file')
        .choices(['delete', 'deactivate', 'keep'])
        .default('delete'),
    )
    .option('--force', 'overwrite, or delete, also what was edited on the hub')
    .option('--two-way', 'take what was edited on the hub into the file, when only one has changed')
    .option('--recursive', 'folders with all that is below them')
    .option('--as <name>', 'who syncs, instead of USER@HOST: the same name on several machines, as in CI')
    .option('--json', 'print JSON lines')
    .action(scripts)
  return addHubOptions(command)
}

function scripts(paths: string[], flags: ScriptsFlags): Promise<void> {
  return withHub(flags, async (hub, config) => {
    const sources = sourcesOf(paths, config)
    const output = new SyncOutput(flags.json === true, process.cwd())
    const sync = new Sync(setupOf(sources, flags, hub, config), output)
    const signal = untilInterrupt()
    if (flags.once === true || !config.scripting.watchScripts) {
      const { upToDate, problems } = await syncOnce(sync, signal)
      if (output.summary(upToDate, problems.length)) process.exitCode = 2
      return
    }
    output.note(`syncing ${sources.join(', ')} with ${hub.url}; Ctrl-C ends it`)
    let printing: Promise<void> | undefined
    const events = {
      lost: (why: string) => output.lost(why),
      restored: () => output.restored(),
      ready: (round: Round) => {
        output.ready(round)
        if (config.scripting.console) printing = printConsole(hub, sync, flags, signal)
      },
    }
    await syncAlways(sync, hub, events, signal)
    await printing
  })
}

/**
 * What the agents say that are synced here. The sync says what is wrong with the hub; when it can be reached again, this
 * goes on.
 */
async function printConsole(
  hub: HubClient,
  sync: Sync,
  flags: ScriptsFlags,
  signal: AbortSignal,
): Promise<void> {
  const silent = { lost: () => {}, restored: () => {} }
  while (!signal.aborted) {
    try {
      for await (const line of hub.followConsole({ last: 0 }, silent, signal))
        if (sync.owns(line.agent)) await showLine(line, { json: flags.json === true })
    } catch (error) {
      if (error instanceof Mistake && error.code === 'E_FORBIDDEN') return
    }
    await pause(RECONNECT_MS, signal)
  }
}

/** Throws when nothing is named. */
function sourcesOf(paths: readonly string[], config: Config): string[] {
  const sources = namedSources(paths, config)
  if (sources.length > 0) return sources
  throw new Mistake('E_USAGE', 'nothing to sync was named', {
    hint: 'remora scripts agents/\nremora scripts --set scripting.source=agents\nor scripting.source, scripting.sources in remora.yaml',
  })
}

const RECONNECT_MS = 2000
