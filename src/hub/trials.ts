import { randomUUID } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type AgentOptions, understandAgent } from '../agent/agents.ts'
import { agentTitle } from '../agent/source/title.ts'
import { Mistake } from '../mistake/mistake.ts'
import { scratchFolder } from '../store/scratch-folder.ts'
import { expectationOf } from '../wire/fixtures.ts'
import {
  type Fixture,
  TRIAL_LIMITS,
  type TrialAnswer,
  type TrialOrder,
  type TrialOutcome,
  type TrialRequest,
  type TrialSource,
} from '../wire/trials.ts'
import type { HubControl } from './control.ts'

/** Starts the program that runs an agent with its effects recorded. Rejects with a Mistake when there is no outcome. */
export type RunTrial = (order: TrialOrder, signal: AbortSignal) => Promise<TrialOutcome>

export interface TrialsOptions {
  readonly run: RunTrial
  readonly agents: AgentOptions
  readonly entries: HubControl['entries']
  /** `env` of agents, and the same with stand-ins for what is secret. */
  readonly env: TrialOrder['env']
  readonly standIns: TrialOrder['env']
  /** The capture that comes with Remora. */
  readonly sample: string
  /** Place of a capture that was uploaded; undefined when there is none. */
  readonly captureOf: (id: string) => Promise<CaptureFile | undefined>
  readonly now?: () => number
}

export interface CaptureFile {
  readonly path: string
  /** As who uploaded it calls it. */
  readonly name: string
}

/** A trial that is over, kept for a while: a test may be made of it. */
interface KeptTrial {
  readonly id: string
  readonly by: string
  readonly order: TrialOrder
  /** With what the order reads; undefined where that is not ours to remove. */
  readonly folder: string | undefined
}

/**
 * Agents that are tried out before they are saved, in the sandbox of a program of their own. Few at a time, and one of each
 * caller.
 */
export class Trials {
  readonly #options: TrialsOptions
  readonly #busy = new Set<string>()
  /** Oldest first. */
  readonly #kept: KeptTrial[] = []
  readonly #closing = new AbortController()

  constructor(options: TrialsOptions) {
    this.#options = options
  }

  /** Rejects with `E_AGENT_SYNTAX` for code that cannot be read, and with `E_BUSY` when others are being tried out. */
  async run(request: TrialRequest, by: string, signal: AbortSignal): Promise<TrialAnswer> {
    const { code, title = agentTitle(code, 'new.js') } = request
    understandAgent(code, fileOf(title), 0, this.#options.agents)
    return this.#one(by, signal, async (stop) => {
      const { input, folder } = await this.#inputOf(request.source, stop)
      const { language } = this.#options.agents
      const order: TrialOrder = { code, title, language, env: this.#options.env, input }
      try {
        const outcome = await this.#options.run(order, stop)
        const id = randomUUID()
        await this.#keep({ id, by, order, folder })
        return { id, ...outcome }
      } catch (error) {
        await remove(folder)
        throw error
      }
    })
  }

  /**
   * A test of a trial that was: it is done once more with stand-ins for secrets, so that it expects what it will see.
   * Rejects with `E_NOT_FOUND` when it is not kept any more, or was somebody else's.
   */
  async fixture(id: string, by: string, signal: AbortSignal): Promise<Fixture> {
    const kept = this.#kept.find((each) => each.id === id && each.by === by)
    if (kept === undefined)
      throw new Mistake('E_NOT_FOUND', 'this trial is not kept any more', { hint: 'run it again' })
    const { code, title, language, input } = kept.order
    const packed = await packedInput(input)
    return this.#one(by, signal, async (stop) => {
      const env = usedOf(this.#options.standIns, code)
      const outcome = await this.#options.run({ ...kept.order, env }, stop)
      if (outcome.ended !== 'complete')
        throw new Mistake(
          'E_TOO_LARGE',
          'this trial was ended by a limit, so a test of it would differ each time',
          {
            hint: 'try it on less: a shorter time, or a filter',
          },
        )
      return {
        ...{ remora: 'fixture', version: 1, title, language, code, env },
        input: packed,
        expected: expectationOf(outcome),
      }
    })
  }

  /** Ends those under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#kept.splice(0).map(({ folder }) => remove(folder)))
  }

  async #one<Result>(
    by: string,
    signal: AbortSignal,
    work: (stop: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (this.#busy.has(by))
      throw new Mistake('E_BUSY', 'you are trying out an agent already', { hint: 'wait until that is over' })
    if (this.#busy.size >= MOST_AT_ONCE)
      throw new Mistake('E_BUSY', `${MOST_AT_ONCE} agents are being tried out already`, {
        hint: 'try again in half a minute',
      })
    this.#busy.add(by)
    try {
      return await work(AbortSignal.any([signal, this.#closing.signal]))
    } finally {
      this.#busy.delete(by)
    }
  }

  async #inputOf(source: TrialSource, signal: AbortSignal): Promise<Pick<KeptTrial, 'folder'> & Input> {
    if (source.kind === 'recent') return this.#recent(source, signal)
    const capture =
      source.kind === 'sample'
        ? { path: this.#options.sample, name: basename(this.#options.sample) }
        : await this.#options.captureOf(source.id)
    if (capture === undefined) throw new Mistake('E_NOT_FOUND', 'there is no such capture')
    return {
      input: { kind: 'capture', path: capture.path, description: capture.name },
      folder: undefined,
    }
  }

  /** Entries that workers keep, oldest first, in a file. */
  async #recent(
    { seconds, filter }: TrialSource & { kind: 'recent' },
    signal: AbortSignal,
  ): Promise<Pick<KeptTrial, 'folder'> & Input> {
    const { now = Date.now } = this.#options
    const since = async (end: number) => this.#entries({ filter, from: end - seconds * 1000 }, signal)
    let lines = await since(now())
    let when = `of the last ${seconds} s`
    if (lines.length === 0) {
      // What came out of a capture file is as old as that is.
      const newest = await this.#newest(filter, signal)
      lines = newest === undefined ? [] : await since(newest)
      if (newest !== undefined) when = `of ${seconds} s up to ${new Date(newest).toISOString()}`
    }
    const folder = scratchFolder('input')
    const path = join(folder, 'entries')
    await writeFile(path, lines.map((line) => `${line}\n`).join(''))
    const some = lines.length >= TRIAL_LIMITS.entries ? `the newest ${lines.length} entries` : 'entries'
    const description = `${some} ${when}${filter === '' ? '' : ` that match ${filter}`}`
    return { input: { kind: 'entries', path, description }, folder }
  }

  /** Oldest first; the newest of them, when they are too many. */
  async #entries(query: { readonly filter: string; readonly from: number }, signal: AbortSignal) {
    const lines: string[] = []
    let characters = 0
    let cursor: string | undefined
    do {
      const limit = Math.min(PAGE, TRIAL_LIMITS.entries - lines.length)
      const asked = { ...query, limit, ...(cursor === undefined ? {} : { cursor }) }
      const page = await this.#options.entries(asked, signal)
      lines.push(...page.entries)
      characters += page.entries.reduce((sum, { length }) => sum + length, 0)
      cursor = page.cursor ?? undefined
    } while (cursor !== undefined && lines.length < TRIAL_LIMITS.entries && characters < MOST_INPUT)
    return lines.reverse()
  }

  /** When the newest entry came, ms; undefined when there is none. */
  async #newest(filter: string, signal: AbortSignal): Promise<number | undefined> {
    const { entries } = await this.#options.entries({ filter, limit: 1 }, signal)
    const [text] = entries
    if (text === undefined) return undefined
    const { timestamp } = JSON.parse(text) as { timestamp?: unknown }
    return typeof timestamp === 'number' ? timestamp : undefined
  }

  async #keep(trial: KeptTrial): Promise<void> {
    this.#kept.push(trial)
    const gone = this.#kept.splice(0, Math.max(0, this.#kept.length - MOST_KEPT))
    await Promise.all(gone.map(({ folder }) => remove(folder)))
  }
}

type Input = Pick<TrialOrder, 'input'>

async function packedInput({ kind, path, description }: TrialOrder['input']): Promise<Fixture['input']> {
  const { size } = await stat(path)
  if (size > MOST_PACKED)
    throw new Mistake('E_TOO_LARGE', `a test has its traffic in it, and ${size} bytes are too many`, {
      hint: 'try it on less: a shorter time, a filter, or a smaller capture',
    })
  if (kind === 'capture') {
    const bytes = await readFile(path)
    return { kind, name: description, base64: bytes.toString('base64') }
  }
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  return { kind, entries: lines.map((line) => JSON.parse(line)) }
}

/** What the code may read of `env`: it is named in it. Where `env` is passed on as a whole, everything. */
function usedOf(env: TrialOrder['env'], code: string): TrialOrder['env'] {
  const named = Object.entries(env).filter(([name]) => code.includes(name))
  return /\benv\b(?!\s*[.[])/.test(code) ? env : Object.fromEntries(named)
}

function fileOf(title: string): string {
  return `${title.replaceAll(/[/\\]/g, ' ')}.js`
}

async function remove(folder: string | undefined): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
}

const MOST_AT_ONCE = 2
const MOST_KEPT = 8
/** Entries that are asked for at once. */
const PAGE = 5000
/** Characters of entries. */
const MOST_INPUT = 128 << 20
/** Bytes of traffic in a test. */
const MOST_PACKED = 16 << 20
