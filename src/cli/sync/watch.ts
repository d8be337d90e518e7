import { type FSWatcher, watch } from 'node:fs'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { Wake } from '../../waiting/wake.ts'
import type { AgentView } from '../../wire/views.ts'
import { SETTLED_MS } from './scan.ts'
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
  for (;;) {
    const round = await sync.round(Date.now())
    if (round.isQuiet || signal.aborted) return round
    await pause(Math.min(round.waitMs, POLL_MS), signal)
  }
}

/**
 * Rounds whenever a file or the hub has changed, until the signal. What the system says of changes only makes it look
 * sooner: it looks every second anyhow, since not all file systems say. Rejects when the hub does not let us in.
 */
export async function syncAlways(
  sync: Sync,
  hub: HubClient,
  events: WatchEvents,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController()
  const wake = new Wake()
  const hints = new FolderHints(() => wake.ring())
  const changes = listen(hub, wake, AbortSignal.any([signal, over.signal]))
  const rounds = new Rounds(sync, events)
  try {
    while (!signal.aborted) {
      rounds.look(changes.taken())
      if (rounds.isDue) await rounds.go()
      hints.follow(sync.folders)
      await wake.next(signal, rounds.waitMs)
      // What happens at once is looked at once.
      await pause(TOGETHER_MS)
    }
  } finally {
    over.abort()
    hints.close()
    await changes.ended
  }
}

/** When to have a round, and what came of it. */
class Rounds {
  readonly #sync: Sync
  readonly #events: WatchEvents
  #due = 0
  #hasNews = true
  #isLost = false
  #isReady = false

  constructor(sync: Sync, events: WatchEvents) {
    this.#sync = sync
    this.#events = events
  }

  look(hubHasChanged: boolean): void {
    const now = Date.now()
    if (hubHasChanged) this.#due = now
    if (!this.#sync.look(now)) return
    this.#hasNews = true
    // Whoever goes on writing does not keep the others from being synced.
    this.#due = Math.min(this.#due, now + POLL_MS)
  }

  get isDue(): boolean {
    return Date.now() >= this.#due || (this.#hasNews && !this.#isLost && !this.#sync.isUnsettled)
  }

  get waitMs(): number {
    const most = this.#sync.isUnsettled ? SETTLED_MS : POLL_MS
    return Math.max(0, Math.min(this.#due - Date.now(), most))
  }

  async go(): Promise<void> {
    this.#hasNews = false
    const round = await attempt(() => this.#sync.round(Date.now()))
    if (round instanceof Mistake) this.#lose(round)
    else this.#take(round)
  }

  #lose({ message }: Mistake): void {
    if (!this.#isLost) this.#events.lost(message)
    this.#isLost = true
    this.#due = Date.now() + RECONNECT_MS
  }

  #take(round: Round): void {
    if (this.#isLost) this.#events.restored()
    this.#isLost = false
    this.#due = Date.now() + Math.min(round.waitMs, ANYHOW_MS)
    if (round.isQuiet && !this.#isReady) this.#events.ready(round)
    this.#isReady ||= round.isQuiet
  }
}

/** What is wrong with a hub passes; but whom it does not let in has to do something. */
async function attempt(round: () => Promise<Round>): Promise<Round | Mistake> {
  try {
    return await round()
  } catch (error) {
    if (error instanceof Mistake && !FINAL.has(error.code)) return error
    throw error
  }
}

/** Wakes when agents are others than before; how they do does not matter. */
function listen(hub: HubClient, wake: Wake, signal: AbortSignal) {
  let isNew = true
  let before = ''
  const news = () => {
    isNew = true
    wake.ring()
  }
  // The first connection has to succeed, and the hub may not be there yet: the rounds say what is wrong with it.
  const follow = async () => {
    while (!signal.aborted) {
      await agentsOf().catch(() => {})
      await pause(RECONNECT_MS, signal)
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

function signature({ id, version, active, hash, title, source, failure }: AgentView): string {
  return JSON.stringify([id, version, active, hash, title, source, failure])
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

const FINAL: ReadonlySet<string> = new Set(['E_UNAUTHENTICATED', 'E_FORBIDDEN', 'E_USAGE'])
const TOGETHER_MS = 50
const POLL_MS = 1000
/** However quiet it is. */
const ANYHOW_MS = 30_000
const RECONNECT_MS = 2000
