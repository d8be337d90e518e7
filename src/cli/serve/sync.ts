import { openHubClient } from '../../client/open-hub-client.ts'
import type { Config } from '../../config/index.ts'
import { SyncOutput } from '../sync/output.ts'
import { setupOf } from '../sync/setup.ts'
import { type Round, Sync } from '../sync/sync.ts'
import { syncAlways, syncOnce } from '../sync/watch.ts'

export interface OwnSync {
  readonly url: string
  /** With which we let ourselves in; undefined where nobody is asked for one. */
  readonly token: string | undefined
  readonly sources: readonly string[]
  /** Switch them on: they were named to be run. */
  readonly activate: boolean
  readonly asJson: boolean
  /** Tell only of what is wrong. */
  readonly quiet: boolean
  /** All is as the files are, for the first time. */
  readonly synced?: () => void
  readonly config: Config
  /** For as long as the program runs, or once. */
  readonly watch: boolean
  readonly signal: AbortSignal
}

/** Keeps the agents of this program as the files are that it was given, once or for as long as it runs. */
export async function syncOwn(options: OwnSync): Promise<void> {
  const { url, token, sources, activate, asJson, quiet, config, watch, signal } = options
  const { cert } = config.hub.tls
  const hub = openHubClient({
    url,
    token,
    ...(cert === '' ? {} : { tls: { ca: cert } }),
  })
  const output = new SyncOutput(asJson, process.cwd(), { quiet })
  const wishes = { onDelete: 'delete', ...(activate ? { activate } : {}) } as const
  const sync = new Sync(setupOf(sources, wishes, hub, config), output)
  try {
    if (!watch) {
      const { upToDate, problems } = await syncOnce(sync, signal)
      output.summary(upToDate, problems.length)
      options.synced?.()
      return
    }
    const events = {
      lost: (why: string) => output.lost(why),
      restored: () => output.restored(),
      ready: (round: Round) => {
        output.ready(round)
        options.synced?.()
      },
    }
    await syncAlways(sync, hub, events, signal)
  } finally {
    await hub.close()
  }
}
