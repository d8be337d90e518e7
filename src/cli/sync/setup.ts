import { hostname, userInfo } from 'node:os'
import type { HubClient } from '../../client/hub-client.ts'
import type { Config } from '../../config/index.ts'
import { Scanner, shownPath } from './scan.ts'

/** How a person wants files to be synced. */
export interface SyncWishes {
  readonly activate?: boolean
  readonly deactivate?: boolean
  readonly onDelete: 'delete' | 'deactivate' | 'keep'
  readonly force?: boolean
  readonly recursive?: boolean
  readonly twoWay?: boolean
  /** Who syncs, instead of USER@HOST. */
  readonly as?: string
}

/** What is to be synced: what the command line names, or else the configuration. An empty scripting.source is none. */
export function namedSources(paths: readonly string[], { scripting }: Config): string[] {
  const named = paths.length > 0 ? paths : [scripting.source, ...scripting.sources]
  return named.filter((path) => path !== '')
}

export function setupOf(
  sources: readonly string[],
  wishes: SyncWishes,
  hub: HubClient,
  { scripting }: Config,
) {
  const cwd = process.cwd()
  const active = wishes.activate === true ? true : wishes.deactivate === true ? false : undefined
  const { language } = scripting
  return {
    hub,
    scanner: new Scanner(sources, { cwd, recursive: wishes.recursive === true, language }),
    by: wishes.as ?? userAtHost(),
    activeTitles: scripting.active,
    shown: (path: string) => shownPath(path, cwd),
    onDelete: wishes.onDelete,
    force: wishes.force === true,
    twoWay: wishes.twoWay === true,
    active,
    graceMs: GRACE_MS,
  }
}

function userAtHost(): string {
  return `${userName()}@${hostname()}`
}

/** In a container the user may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'user')
  }
}

/** How long a file may be gone before its agent goes: editors, and git, take files away for a moment. */
const GRACE_MS = 2000
