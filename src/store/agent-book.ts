import { randomUUID } from 'node:crypto'
import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import type { AgentChange, AgentDraft, AgentFailure, AgentRecord, AgentVersion } from '../wire/agents.ts'
import type { AgentStore, UpdateReason } from './agent-store.ts'
import {
  changedRecord,
  checkCodeSize,
  isListed,
  LONGEST_TITLE,
  NEW_SCRIPT,
  namesOf,
  namesOfRecord,
  newRecord,
  nextIndex,
  ownTitle,
  plainTitle,
  versionOf,
  withoutNames,
} from './records.ts'
import type { Shelf, ShelfChange, Shelved, StoreRules } from './shelf.ts'

/** The rules of the agents' store, the same on whatever shelf the records lie. */
export class AgentBook implements AgentStore {
  readonly #shelf: Shelf
  readonly #rules: StoreRules
  /** Changes of one program do not get in each other's way. */
  #lastChange: Promise<unknown> = Promise.resolve()
  #problems: readonly Mistake[] = []

  constructor(shelf: Shelf, rules: StoreRules) {
    this.#shelf = shelf
    this.#rules = rules
  }

  get description(): string {
    return this.#shelf.description
  }

  /** What could not be read the last time, for health and `doctor`. */
  get problems(): readonly Mistake[] {
    return this.#problems
  }

  async list(): Promise<readonly AgentRecord[]> {
    return (await this.#read()).records
  }

  async get(id: string): Promise<AgentRecord> {
    return recordIn(await this.#read(), id)
  }

  async create(draft: AgentDraft, by: string): Promise<AgentRecord> {
    const code = draft.code.toWellFormed()
    const path = draft.source?.path ?? ''
    const title = this.#titleFor(draft.title, code, path)
    checkCodeSize(title, code)
    const id = randomUUID()
    return this.#change((now) => {
      const ours = now.records.find((record) => record.id === id)
      if (ours !== undefined) return { answer: ours }
      const ofSameFile = path === '' ? undefined : now.records.find(({ source }) => source?.path === path)
      if (ofSameFile !== undefined)
        return this.#put(now, ofSameFile, { title, code, active: draft.active, source: draft.source }, by)
      refuseTakenTitle(now, title, path)
      const names = namesOf(title, code, path)
      const list = now.activeTitlesWith?.(names) ?? now.activeTitles
      const active = draft.active ?? isListed(list, names)
      const index = nextIndex([...now.records, ...now.damaged].map((each) => each.index ?? -1))
      const record = newRecord({ id, index, title, code, active, source: draft.source }, by, this.#now())
      const activeTitles = listAfter(list, undefined, record)
      return { answer: record, change: { put: record, version: versionOf(record), ...activeTitles } }
    })
  }

  async update(id: string, change: AgentChange, by: string, reason: UpdateReason = {}): Promise<AgentRecord> {
    const { title, code, ifVersion, ...rest } = change
    return this.#change((now) => {
      const record = recordIn(now, id)
      const wanted = {
        ...rest,
        title:
          title === undefined
            ? undefined
            : this.#titleFor(title, code ?? record.code, record.source?.path ?? ''),
        code: code?.toWellFormed(),
      }
      if (!isDoneBy(record, wanted, ifVersion, by)) refuseOtherVersion(record, ifVersion)
      return this.#put(now, record, wanted, by, reason)
    })
  }

  async delete(id: string, _by: string, ifVersion?: number): Promise<void> {
    let hasTried = false
    await this.#change((now) => {
      if (hasTried && !now.records.some((record) => record.id === id)) return { answer: undefined }
      const record = recordIn(now, id)
      refuseOtherVersion(record, ifVersion)
      hasTried = true
      const activeTitles = withoutNames(now.activeTitles, namesOfRecord(record))
      return { answer: undefined, change: { remove: id, activeTitles } }
    })
  }

  async history(id: string): Promise<readonly AgentVersion[]> {
    return this.#shelf.versions(recordIn(await this.#read(), id))
  }

  async rollback(id: string, version: number, by: string, note?: string): Promise<AgentRecord> {
    const kept = (await this.history(id)).find((each) => each.version === version)
    if (kept === undefined)
      throw new Mistake('E_NOT_FOUND', `version ${version} of this agent is not kept`, {
        hint: 'Its history shows those that are; scripting.history.keep says how many.',
      })
    const { title, code } = kept
    return this.update(id, { title, code }, by, { note: note ?? `rolled back to ${version}` })
  }

  async setFailure(id: string, failure: AgentFailure | undefined): Promise<void> {
    await this.#change((now) => {
      const { failure: before, ...rest } = recordIn(now, id)
      if (JSON.stringify(before) === JSON.stringify(failure)) return { answer: undefined }
      const put = failure === undefined ? rest : { ...rest, failure }
      return { answer: undefined, change: { put } }
    })
  }

  async activeTitles(): Promise<readonly string[]> {
    const { records, activeTitles } = await this.#read()
    const sleeping = new Set(records.filter(({ active }) => !active).map(({ title }) => title))
    const awake = records.filter(({ active }) => active).map(({ title }) => title)
    return [...new Set([...activeTitles.map(plainTitle).filter((title) => !sleeping.has(title)), ...awake])]
  }

  async setActiveTitles(titles: readonly string[]): Promise<void> {
    const activeTitles = [...new Set(titles.map(plainTitle).filter((title) => title !== ''))]
    await this.#change((now) => {
      if (JSON.stringify(now.activeTitles) === JSON.stringify(activeTitles)) return { answer: undefined }
      return { answer: undefined, change: { activeTitles } }
    })
  }

  async *watch(signal: AbortSignal): AsyncIterable<readonly AgentRecord[]> {
    let last: string | undefined
    for await (const _ of this.#shelf.changes(signal)) {
      const records = await this.#readPatiently(signal)
      if (records === undefined) return
      const print = JSON.stringify(records.map(({ code: _code, ...rest }) => rest))
      if (print !== last) yield records
      last = print
    }
  }

  async close(): Promise<void> {
    await this.#lastChange
    await this.#shelf.close()
  }

  #now(): string {
    return this.#rules.now().toISOString()
  }

  #titleFor(given: string | undefined, code: string, path: string): string {
    const title = plainTitle(given?.toWellFormed() ?? '')
    if (title.length > LONGEST_TITLE)
      throw new Mistake('E_TOO_LARGE', `a title of ${title.length} characters: ${LONGEST_TITLE} are taken`)
    return title || ownTitle(code, path, this.#rules)
  }

  /** The step that changes a record: nothing when that makes no difference. */
  #put(
    now: Shelved,
    record: AgentRecord,
    change: LooseChange,
    by: string,
    { note, failure }: UpdateReason = {},
  ): Step<AgentRecord> {
    const { title, code, active, source } = change
    const wanted: AgentChange = {
      ...(title === undefined ? {} : { title }),
      ...(code === undefined ? {} : { code }),
      ...(active === undefined ? {} : { active }),
      ...(source === undefined ? {} : { source }),
    }
    if (code !== undefined) checkCodeSize(title ?? record.title, code)
    if (title !== undefined && title !== record.title) refuseTakenTitle(now, title, '', record.id)
    const changed = changedRecord(record, wanted, by, this.#now())
    if (changed === record) return { answer: record }
    const put = failure === undefined ? changed : { ...changed, failure }
    const version = put.version === record.version ? {} : { version: versionOf(put, note) }
    return { answer: put, change: { put, ...version, ...listAfter(now.activeTitles, record, put) } }
  }

  async #read(): Promise<Shelved> {
    const shelved = await this.#shelf.read()
    const known = new Set(this.#problems.map(({ message }) => message))
    this.#problems = shelved.damaged.map(({ mistake }) => mistake)
    for (const { message, hint } of this.#problems)
      if (!known.has(message)) this.#rules.warn(hint === undefined ? message : `${message}\n${hint}`)
    return shelved
  }

  /** Undefined when the signal aborted before anything could be read. */
  async #readPatiently(signal: AbortSignal): Promise<readonly AgentRecord[] | undefined> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await this.list()
      } catch (error) {
        if (!(error instanceof Mistake)) throw error
        if (attempt === 0) this.#rules.warn(`changes of agents are not seen: ${error.message}`)
        await pause(waitMs(attempt), signal)
      }
    }
    return undefined
  }

  /** Works out a change of what is there, and again when that is not what was there any more as it was written. */
  #change<Answer>(step: (now: Shelved) => Step<Answer>): Promise<Answer> {
    const done = this.#lastChange.then(() => this.#changeNow(step))
    this.#lastChange = done.catch(() => undefined)
    return done
  }

  async #changeNow<Answer>(step: (now: Shelved) => Step<Answer>): Promise<Answer> {
    const giveUpAt = Date.now() + PATIENCE_MS
    for (let attempt = 0; ; attempt++) {
      const now = await this.#read()
      const { answer, change } = step(now)
      if (change === undefined || (await this.#shelf.write(now, change))) return answer
      if (Date.now() > giveUpAt)
        throw new Mistake('E_CONFLICT', `${this.description} is being changed by others all the time`, {
          hint: 'Nothing was changed. Try again when less is going on.',
        })
      await pause(waitMs(attempt))
    }
  }
}

interface Step<Answer> {
  readonly answer: Answer
  readonly change?: ShelfChange
}

type LooseChange = { readonly [K in keyof Omit<AgentChange, 'ifVersion'>]: AgentChange[K] | undefined }

function recordIn({ records, damaged }: Shelved, id: string): AgentRecord {
  const record = records.find((each) => each.id === id)
  if (record !== undefined) return record
  const damage = damaged.find((each) => each.id === id)
  if (damage !== undefined) throw damage.mistake
  throw new Mistake('E_NOT_FOUND', `there is no agent ${id}`)
}

function refuseOtherVersion(record: AgentRecord, ifVersion: number | undefined): void {
  if (ifVersion === undefined || ifVersion === record.version) return
  const { title, version, updatedBy, updatedAt } = record
  throw new Mistake(
    'E_CONFLICT',
    `agent "${title}" is not at version ${ifVersion} any more: ${updatedBy} made version ${version} at ${updatedAt}`,
    {
      hint: `Look at version ${version}, and save yours on top of it; without naming a version yours takes its place, and the history keeps both.`,
    },
  )
}

/** Whether this very change was made already, and only the answer got lost. */
function isDoneBy(
  record: AgentRecord,
  { title, code }: LooseChange,
  ifVersion: number | undefined,
  by: string,
): boolean {
  if (ifVersion === undefined || record.version !== ifVersion + 1 || record.updatedBy !== by) return false
  return (title === undefined || title === record.title) && (code === undefined || code === record.code)
}

function refuseTakenTitle({ records }: Shelved, title: string, path: string, except?: string): void {
  if (title === NEW_SCRIPT) return
  const owner = records.find((record) => record.title === title && record.id !== except)
  if (owner === undefined) return
  const whose =
    owner.source === undefined ? `agent ${owner.index}` : `agent ${owner.index}, from ${owner.source.path}`
  throw new Mistake(
    'E_CONFLICT',
    `the title "${title}"${path === '' ? '' : ` of ${path}`} is taken by ${whose}`,
    { hint: 'Titles tell agents apart: give one of them another in its first comment.' },
  )
}

/** The activation list when `before` has become `after`: what is activated joins, what is deactivated goes, titles follow. */
function listAfter(
  list: readonly string[],
  before: AgentRecord | undefined,
  after: AgentRecord,
): { readonly activeTitles?: readonly string[] } {
  if (before?.active === true && !after.active)
    return { activeTitles: withoutNames(list, namesOfRecord(before)) }
  const renamed = list.map((item) => (plainTitle(item) === before?.title ? after.title : item))
  const next = after.active && !isListed(renamed, namesOfRecord(after)) ? [...renamed, after.title] : renamed
  return next.join('\n') === list.join('\n') ? {} : { activeTitles: next }
}

/** Longer each time, and never the same for two that got in each other's way. */
function waitMs(attempt: number): number {
  return Math.random() * Math.min(LONGEST_WAIT_MS, 10 * 2 ** attempt)
}

const LONGEST_WAIT_MS = 500
/** How long one change tries to get through among those of others. */
const PATIENCE_MS = 30_000
