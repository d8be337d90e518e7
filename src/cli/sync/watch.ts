import { type FSWatcher, watch } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { AgentView } from '../../wire/views.ts'
import type { Round, Sync } from './sync.ts'

export interface WatchEvents {
  /** The hub cannot be reached; told once until it can be again. */
  lost(why: string): void
  restored(): void
  /** The first time that everything is done. */
  ready(round: Round): void
}

/** Rounds until nothing is left to do. */
export async function syncOnce(sync: Sync, signal: AbortSignal): Promise<Round> {
  const bell = new Bell()
  for (;;) {
    const round = await sync.round(Date.now())
    if (round.isQuiet || signal.aborted) return round
    await bell.wait(Math.min(round.waitMs, POLL_MS), signal)
  }
}

/**
 * Rounds whenever a file or the hub has changed, until the signal. What the system says of changes only makes it look
 * sooner: it looks every second anyhow, since not all file systems say.
 */
export async function syncAlways(
  sync: Sync,
  hub: HubClient,
  events: WatchEvents,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell()
  const hints = new FolderHints(() => bell.ring())
  const changes = listen(hub, bell, signal)
  let isLost = false
  let isReady = false
  let due = 0
  try {
    while (!signal.aborted) {
      const now = Date.now()
      // In this order: what has changed on the hub may be of files that have changed, too.
      const hasNews = sync.look(now)
      if (hasNews || changes.taken() || now >= due) {
        const round = await attempt(() => sync.round(Date.now()))
        if (round instanceof Mistake) {
          if (!isLost) events.lost(round.message)
          due = Date.now() + RECONNECT_MS
        } else {
          if (isLost) events.restored()
          due = Date.now() + Math.min(round.waitMs, ANYHOW_MS)
          if (round.isQuiet && !isReady) events.ready(round)
          isReady ||= round.isQuiet
        }
        isLost = round instanceof Mistake
      }
      hints.follow(sync.folders)
      await bell.wait(Math.max(0, Math.min(due - Date.now(), POLL_MS)), signal)
    }
  } finally {
    hints.close()
    await changes.ended
  }
}

/** A hub that cannot be reached may come back; whoever is refused has to do something. */
async function attempt(round: () => Promise<Round>): Promise<Round | Mistake> {
  try {
    return await round()
  } catch (error) {
    if (error instanceof Mistake && error.code === 'E_HUB_UNREACHABLE') return error
    throw error
  }
}

/** Rings when agents are others than before; how they do does not matter. */
function listen(hub: HubClient, bell: Bell, signal: AbortSignal) {
  let isNew = true
  let before = ''
  const news = () => {
    isNew = true
    bell.ring()
  }
  // The first connection has to succeed, and the hub may not be there yet: the rounds say what is wrong with it.
  const follow = async () => {
    while (!signal.aborted) {
      await agentsOf().catch(() => {})
      await setTimeout(RECONNECT_MS, undefined, { signal }).catch(() => {})
    }
  }
  const agentsOf = async () => {
    for await (const agents of hub.followAgents({ lost: () => {}, restored: news }, signal)) {
      const state = agents.map(signature).join('\n')
      if (state !== before) news()
      before = state
    }
  }
  return {
    taken: () => {
      const wasNew = isNew
      isNew = false
      return wasNew
    },
    ended: follow(),
  }
}

function signature({ id, version, active, hash, title, source }: AgentView): string {
  return JSON.stringify([id, version, active, hash, title, source])
}

/** Calls back when something changes in folders, as far as the system tells. */
class FolderHints {
  readonly #changed: () => void
  readonly #watchers = new Map<string, FSWatcher>()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  follow(folders: ReadonlySet<string>): void {
    for (const folder of this.#watchers.keys()) if (!folders.has(folder)) this.#leave(folder)
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#enter(folder)
  }

  close(): void {
    for (const folder of this.#watchers.keys()) this.#leave(folder)
  }

  #enter(folder: string): void {
    try {
      const watcher = watch(folder, this.#changed)
      watcher.on('error', () => this.#leave(folder))
      this.#watchers.set(folder, watcher)
    } catch (error) {
      // It is not there, or the system has no watchers left: looking every second does.
      if (!(error instanceof Error)) throw error
    }
  }

  #leave(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
  }
}

/** Wakes who waits; a ring while nobody waits counts for the next one. */
export class Bell {
  #isRung = false
  #wake: () => void = () => {}

  ring(): void {
    this.#isRung = true
    this.#wake()
  }

  /** Until it rings, the time is over, or the signal comes. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted && ms > 0) await this.#silence(ms, signal)
    this.#isRung = false
  }

  #silence(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = globalThis.setTimeout(() => this.#wake(), ms)
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wake = wake
      signal.addEventListener('abort', wake)
    })
  }
}

const POLL_MS = 1000
/** However quiet it is. */
const ANYHOW_MS = 30_000
const RECONNECT_MS = 2000
