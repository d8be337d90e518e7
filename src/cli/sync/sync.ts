import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { AgentRecord } from '../../wire/agents.ts'
import { type Action, type Memory, NOTHING, type Problem, type SyncOptions, type Told } from './model.ts'
import { plan } from './plan.ts'
import { problemOf, type Scan, type Scanner, SETTLED_MS } from './scan.ts'
import { writeBack } from './write-back.ts'

/** What of a hub a sync needs. */
export type SyncHub = Pick<
  HubClient,
  'agents' | 'activeTitles' | 'createAgent' | 'updateAgent' | 'deleteAgent'
>

export interface SyncSetup extends SyncOptions {
  readonly hub: SyncHub
  readonly scanner: Scanner
  /** user@host: files of other machines are others. */
  readonly by: string
  /** Titles and file names that are active as soon as they exist, beside those that the hub knows of. */
  readonly activeTitles: readonly string[]
  /** How people write a path. */
  readonly shown: (path: string) => string
}

/** What was done, and what cannot be. */
export interface SyncReport {
  done(action: Action, agent: AgentRecord): void
  problem(problem: Problem): void
}

export interface Round {
  /** Nothing is under way: what could be done is done. */
  readonly isQuiet: boolean
  /** When to look again at the latest. */
  readonly waitMs: number
  readonly problems: readonly Problem[]
  readonly upToDate: number
}

/** Brings what the files say to the hub, round by round. */
export class Sync {
  readonly #setup: SyncSetup
  readonly #report: SyncReport
  readonly #refusals = new Map<string, Refusal>()
  #memory: Memory = NOTHING
  /** Problems that were told, with their files. */
  #told = new Map<string, string>()
  #conflicts = 0
  #scan: Scan | undefined

  constructor(setup: SyncSetup, report: SyncReport) {
    this.#setup = setup
    this.#report = report
  }

  /** Looks at the files; true when something is not as it was at the last round, or at the last look. */
  look(now: number): boolean {
    const before = this.#scan?.state
    this.#scan = this.#setup.scanner.scan(now)
    return this.#scan.state !== before
  }

  /** Whether an agent is one of a file that is synced here. */
  owns(agent: string): boolean {
    return this.#memory.owned.has(agent)
  }

  /** Whether a file is being written. */
  get isUnsettled(): boolean {
    return this.#scan?.files.some(({ content }) => content.kind === 'unsettled') === true
  }

  get folders(): ReadonlySet<string> {
    return this.#scan?.folders ?? new Set()
  }

  /** One look at the files and the hub, and what follows from it. Rejects when the hub cannot be reached. */
  async round(now: number): Promise<Round> {
    const { hub, by, activeTitles } = this.#setup
    this.look(now)
    const { files = [], covers = () => false, problems: unread = [] } = this.#scan ?? {}
    const [agents, known] = await answered(Promise.all([hub.agents(), hub.activeTitles()]))
    const world = {
      files,
      covers,
      agents,
      by,
      activeTitles: [...activeTitles, ...known],
      refused: (attempt: string) => this.#refused(attempt, now),
      now,
    }
    const { actions, problems, memory, waitUntil, upToDate } = plan(world, this.#memory, this.#setup)
    this.#memory = memory
    const all = [...unread, ...problems]
    this.#tell(all, actions)
    const hasConflict = await this.#perform(actions, now)
    return {
      isQuiet: actions.length === 0 && waitUntil === undefined,
      waitMs: this.#pause(actions.length > 0, hasConflict, waitUntil, now),
      problems: all,
      upToDate,
    }
  }

  #pause(isBusy: boolean, hasConflict: boolean, waitUntil: number | undefined, now: number): number {
    if (hasConflict) return AFTER_CONFLICT_MS
    if (isBusy) return 0
    return waitUntil === undefined ? Number.POSITIVE_INFINITY : Math.max(waitUntil - now, SETTLED_MS)
  }

  /** What is the matter is told once, and again when it was mended meanwhile; trying again does not mend it. */
  #tell(problems: readonly Problem[], actions: readonly Action[]): void {
    for (const problem of problems) if (!this.#told.has(problem.key)) this.#report.problem(problem)
    const tried = new Set(actions.map(({ path }) => path))
    const still = [...this.#told].filter(([, path]) => tried.has(path))
    this.#told = new Map([...still, ...problems.map(({ key, path }) => [key, path] as const)])
  }

  /** One that fails does not keep the others from being done. Answers whether somebody was faster. */
  async #perform(actions: readonly Action[], now: number): Promise<boolean> {
    const versions = new Map<string, number>()
    let hasConflict = false
    for (const action of actions) {
      try {
        const agent = await this.#do(action, versions)
        if (agent !== undefined) this.#report.done(action, agent)
        // Now there may be room for what was refused.
        if (action.kind === 'delete') this.#refusals.clear()
      } catch (error) {
        if (!(error instanceof Mistake) || ENDS.has(error.code)) throw error
        // Somebody was faster: the next round sees what there is now. Who always loses has to say so.
        if (OVERTAKEN.has(error.code) && this.#conflicts < MOST_CONFLICTS) hasConflict = true
        else this.#refuse(action, error, now)
      }
    }
    this.#conflicts = hasConflict ? this.#conflicts + 1 : 0
    return hasConflict
  }

  async #do(action: Action, versions: Map<string, number>): Promise<AgentRecord | undefined> {
    const { hub } = this.#setup
    if (action.kind === 'create') return answered(hub.createAgent(action.draft))
    const { agent } = action
    const ifVersion = versions.get(agent.id) ?? agent.version
    if (action.kind === 'write-back')
      return writeBack(action.path, agent.code, action.ifHash) ? agent : undefined
    if (action.kind === 'delete') {
      await answered(hub.deleteAgent(agent.id, ifVersion))
      return agent
    }
    const change = action.kind === 'update' ? action.change : { active: false }
    const next = await answered(hub.updateAgent(agent.id, { ...change, ifVersion }))
    versions.set(agent.id, next.version)
    return next
  }

  #refuse(action: Action, mistake: Mistake, now: number): void {
    const { message, hint } = mistake.code === 'E_AGENT_SYNTAX' ? this.#placed(action, mistake) : mistake
    this.#refusals.set(action.attempt, { until: now + AFTER_REFUSAL_MS, told: { message, hint } })
  }

  /** The hub does not know what the file is called here. */
  #placed(action: Action, mistake: Mistake): Told {
    const code = codeOf(action)
    return problemOf(code, 'es5', this.#setup.shown(action.path)) ?? mistake
  }

  #refused(attempt: string, now: number): Told | undefined {
    const refusal = this.#refusals.get(attempt)
    if (refusal === undefined || now < refusal.until) return refusal?.told
    this.#refusals.delete(attempt)
    return undefined
  }
}

/** A hub that fails is as good as none: it may do so later. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    if (cause instanceof Mistake || !(cause instanceof Error)) throw cause
    throw new Mistake('E_HUB_UNREACHABLE', cause.message, { cause })
  }
}

interface Refusal {
  readonly until: number
  readonly told: Told
}

function codeOf(action: Action): string {
  if (action.kind === 'create') return action.draft.code
  return action.kind === 'update' ? (action.change.code ?? '') : ''
}

const ENDS: ReadonlySet<string> = new Set(['E_HUB_UNREACHABLE', 'E_UNAUTHENTICATED', 'E_FORBIDDEN'])
const OVERTAKEN: ReadonlySet<string> = new Set(['E_CONFLICT', 'E_NOT_FOUND'])
/** Rounds in a row. */
const MOST_CONFLICTS = 5
const AFTER_CONFLICT_MS = 500
/** A store that was full may have room again, and a hub another language. */
const AFTER_REFUSAL_MS = 30_000
