import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type AgentRecord, type AgentVersion, agentRecord } from '../../wire/agents.ts'
import {
  changedRecord,
  hashOf,
  keptVersions,
  namesOfRecord,
  newRecord,
  ownTitle,
  plainTitle,
  versionOf,
} from '../records.ts'
import type { Damage, ShelfChange, Shelved, StoreRules } from '../shelf.ts'
import { readActiveList, writeActiveList } from './active-list.ts'
import { packVersions, unpackVersions } from './history.ts'

/** `data` of a config map. */
export type Data = Readonly<Record<string, string>>

/** Where a document is, and what it is held to. */
export interface DocumentContext {
  /** For messages: `config map kubeshark-config-map`. */
  readonly where: string
  readonly rules: StoreRules
  /** Identity of a script that somebody else has put there. */
  identity(index: number, title: string): string
  /** What else the config map holds. */
  readonly otherBytes: number
}

/** A script as Kubeshark keeps it; what else somebody wrote there stays. */
const keptScript = z.looseObject({
  title: z.string().default(''),
  code: z.string(),
  active: z.boolean().default(false),
})

/** What has no room there. */
const keptAgent = agentRecord.omit({ code: true }).extend({ history: z.string() })
type KeptAgent = z.infer<typeof keptAgent>

const keptAgents = z.object({ agents: z.array(z.unknown()), removed: z.array(z.unknown()) })

interface Agent {
  readonly record: AgentRecord
  readonly history: string
}

interface Parts {
  readonly data: Data
  /** In order of index. */
  readonly agents: readonly Agent[]
  /** What is known of agents whose script nobody can read. */
  readonly asleep: readonly KeptAgent[]
  /** Those that others have removed: they may come back. */
  readonly removed: readonly KeptAgent[]
  readonly damaged: readonly Damage[]
  /** Somebody else has written: what became of it is to be kept. */
  readonly isChanged: boolean
}

/**
 * All agents of a config map, in the format of Kubeshark: `SCRIPTING_SCRIPTS` and `SCRIPTING_ACTIVE_SCRIPTS`. Identities,
 * versions and sources are in a key of our own. Where the two disagree somebody else has written: what the scripts say
 * counts, and is a new version.
 */
export class Document {
  readonly isChanged: boolean
  readonly #parts: Parts
  readonly #context: DocumentContext

  constructor(parts: Parts, context: DocumentContext) {
    this.isChanged = parts.isChanged
    this.#parts = parts
    this.#context = context
  }

  get shelved(): Omit<Shelved, 'revision'> {
    const { data, agents, damaged } = this.#parts
    const known = new Set(agents.flatMap(({ record }) => [...namesOfRecord(record)]))
    const activeTitlesWith = (names: ReadonlySet<string>) =>
      readActiveList(data[ACTIVE] ?? '', known.union(names))
    const records = agents.map(({ record }) => record)
    return { records, activeTitles: activeTitlesWith(new Set()), activeTitlesWith, damaged }
  }

  async versions(record: AgentRecord): Promise<readonly AgentVersion[] | undefined> {
    const agent = this.#parts.agents.find((each) => each.record.id === record.id)
    if (agent === undefined) return undefined
    const versions = (await unpackVersions(agent.history)) ?? []
    // Where there was no room for any, there still is the one that runs.
    const isComplete = versions.some(({ version }) => version === agent.record.version)
    return isComplete ? versions : [versionOf(agent.record), ...versions]
  }

  /** `data` after a change, with as many versions as there is room for. Throws `E_TOO_LARGE` when it is too much without. */
  async dataAfter({ put, version, remove, activeTitles }: ShelfChange): Promise<Data> {
    const { data, agents } = this.#parts
    const before = agents.find(({ record }) => record.id === (put?.id ?? remove))
    const { history, isWhole } = await joined(before?.history ?? '', version, this.#context.rules.keep)
    const after = put && { record: put, history }
    const others = agents.filter((each) => each !== before)
    const next = after === undefined ? others : [...others, after]
    const scripts = put === undefined && remove === undefined ? {} : { [SCRIPTS]: this.#scripts(before, put) }
    const list = activeTitles === undefined ? {} : { [ACTIVE]: writeActiveList(activeTitles) }
    return this.#fitted({ ...withCopy(data, !isWhole), ...scripts, ...list }, next)
  }

  /** All others stay as they are, whatever they are. */
  #scripts(before: Agent | undefined, put: AgentRecord | undefined): string {
    const scripts = readScripts(this.#parts.data, this.#context.where)
    const old = before === undefined ? undefined : scripts.get(String(before.record.index))
    if (before !== undefined) scripts.delete(String(before.record.index))
    if (put !== undefined) {
      const { title, code, active } = put
      scripts.set(String(put.index), { ...(keptScript.safeParse(old).data ?? {}), title, code, active })
    }
    return JSON.stringify(Object.fromEntries(scripts))
  }

  async #fitted(data: Data, agents: readonly Agent[]): Promise<Data> {
    const { asleep } = this.#parts
    const room = agents.map(keptOf)
    const removed = [...this.#parts.removed]
    for (;;) {
      const ours = JSON.stringify({ agents: [...room, ...asleep].sort(byIndex), removed })
      const all = { ...data, [OURS]: ours }
      const bytes = bytesOf(all) + this.#context.otherBytes
      if (bytes <= MOST_BYTES) return all
      // The history goes first: of those that are gone, then of those that have most of it.
      if (removed.pop() !== undefined) continue
      const [longest] = room.toSorted((a, b) => b.history.length - a.history.length)
      if (longest === undefined || longest.history === '') throw tooLarge(bytes, all, this.#context)
      room.splice(room.indexOf(longest), 1, { ...longest, history: await halved(longest.history) })
    }
  }
}

/** Throws `E_STORE` when the scripts as a whole cannot be read: nobody knows then who is there. */
export async function readDocument(data: Data, context: DocumentContext): Promise<Document> {
  const scripts = readScripts(data, context.where)
  const kept = readKept(data[OURS])
  const hasScript = ({ index }: KeptAgent) => scripts.has(String(index))
  const removed = [...kept.agents.filter((each) => !hasScript(each)), ...kept.removed]
  for (const { title } of kept.agents.filter((each) => !hasScript(each)))
    context.rules.warn(`agent "${title}" was removed from the ${context.where}; its versions are kept there`)
  const agents: Agent[] = []
  const asleep: KeptAgent[] = []
  const damaged: Damage[] = []
  let isDamaged = kept.isDamaged
  let isChanged = isDamaged || kept.agents.some((each) => !hasScript(each))
  for (const [key, value] of scripts) {
    if (!INDEX.test(key)) {
      damaged.push(damagedScript(key, undefined, context.where))
      continue
    }
    const known = kept.agents.find(({ index }) => index === Number(key))
    const script = keptScript.safeParse(value)
    if (script.success) {
      const found = new FoundScript(Number(key), script.data, context)
      const agent = await found.agent(known ?? found.takeFrom(removed))
      agents.push(agent)
      if (!agent.isWhole) isDamaged = true
      if (known === undefined || !isSame(agent.record, known)) isChanged = true
    } else {
      if (known !== undefined) asleep.push(known)
      damaged.push(damagedScript(key, known, context.where))
    }
  }
  agents.sort((a, b) => a.record.index - b.record.index)
  if (isDamaged) damaged.push(damagedKey(context.where))
  const parts = { data: withCopy(data, isDamaged), agents, asleep, removed, damaged, isChanged }
  return new Document(parts, context)
}

/** A script that may have been written by others. */
class FoundScript {
  readonly #index: number
  readonly #title: string
  readonly #code: string
  readonly #active: boolean
  readonly #context: DocumentContext

  constructor(index: number, script: z.infer<typeof keptScript>, context: DocumentContext) {
    this.#index = index
    this.#code = script.code
    this.#active = script.active
    this.#title = plainTitle(script.title) || ownTitle(script.code, '', context.rules)
    this.#context = context
  }

  /** One that was removed comes back under its title: as itself, and with its history. */
  takeFrom(removed: KeptAgent[]): KeptAgent | undefined {
    const at = removed.findIndex(({ title }) => title === this.#title)
    const [found] = at < 0 ? [] : removed.splice(at, 1)
    return found && { ...found, index: this.#index }
  }

  async agent(known: KeptAgent | undefined): Promise<Agent & Joined> {
    const { rules } = this.#context
    const at = rules.now().toISOString()
    const now = { title: this.#title, code: this.#code, active: this.#active }
    if (known === undefined) {
      const id = this.#context.identity(this.#index, this.#title)
      const record = newRecord({ id, index: this.#index, ...now }, BY, at)
      return { record, history: await packVersions([versionOf(record)]), isWhole: true }
    }
    const { history, ...before } = known
    // What the code was is not known here; that it was another one, its hash says.
    const code = hashOf(now.code) === before.hash ? now.code : `${now.code}\0`
    const record = changedRecord({ ...before, code }, now, BY, at)
    const version = record.version === before.version ? undefined : versionOf(record)
    return { record, ...(await joined(history, version, rules.keep)) }
  }
}

function isSame(record: AgentRecord, known: KeptAgent): boolean {
  return record.version === known.version && record.active === known.active
}

function readScripts(data: Data, where: string): Map<string, unknown> {
  // Go writes null for a map that has nothing in it, and some editors begin with a mark of the order of bytes.
  const text = (data[SCRIPTS] ?? '').trim()
  const scripts = text === '' || text === 'null' ? {} : jsonOf(text)
  if (typeof scripts === 'object' && scripts !== null && !Array.isArray(scripts))
    return new Map(Object.entries(scripts))
  throw new Mistake('E_STORE', `${SCRIPTS} in the ${where} is damaged: it is no JSON object`, {
    hint: 'Mend it with kubectl edit. Until then agents go on as they are, and nothing is written there.',
  })
}

interface Kept {
  readonly agents: readonly KeptAgent[]
  readonly removed: readonly KeptAgent[]
  /** There is more than could be read. */
  readonly isDamaged: boolean
}

function readKept(text = ''): Kept {
  const kept = text === '' ? { agents: [], removed: [] } : keptAgents.safeParse(jsonOf(text)).data
  if (kept === undefined) return { agents: [], removed: [], isDamaged: true }
  const ids = new Set<string>()
  const indexes = new Set<number>()
  const agents: KeptAgent[] = []
  const removed: KeptAgent[] = []
  for (const each of kept.agents) {
    const agent = keptAgent.safeParse(each).data
    if (agent === undefined || ids.has(agent.id) || indexes.has(agent.index)) continue
    ids.add(agent.id)
    indexes.add(agent.index)
    agents.push(agent)
  }
  for (const each of kept.removed) {
    const agent = keptAgent.safeParse(each).data
    if (agent === undefined || ids.has(agent.id)) continue
    ids.add(agent.id)
    removed.push(agent)
  }
  return { agents, removed, isDamaged: ids.size < kept.agents.length + kept.removed.length }
}

/** What nobody can read is kept under another key before ours is written again. */
function withCopy(data: Data, isDamaged: boolean): Data {
  const text = data[OURS] ?? ''
  return isDamaged ? { ...data, [`${OURS}.damaged-${hashOf(text).slice(0, 8)}`]: text } : data
}

/** A history with one more version; without those before when nobody can read them: then it is not whole. */
async function joined(history: string, version: AgentVersion | undefined, keep: number): Promise<Joined> {
  if (version === undefined) return { history, isWhole: true }
  const before = await unpackVersions(history)
  const versions = keptVersions([version, ...(before ?? [])], keep)
  return { history: await packVersions(versions), isWhole: before !== undefined }
}

interface Joined {
  readonly history: string
  readonly isWhole: boolean
}

/** The newer half. */
async function halved(history: string): Promise<string> {
  const versions = (await unpackVersions(history)) ?? []
  return packVersions(keptVersions(versions, versions.length).slice(0, Math.floor(versions.length / 2)))
}

function keptOf({ record, history }: Agent): KeptAgent {
  const { code: _code, ...rest } = record
  return { ...rest, history }
}

function byIndex(one: KeptAgent, other: KeptAgent): number {
  return one.index - other.index
}

function bytesOf(data: Data): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0)
}

function tooLarge(bytes: number, data: Data, { where }: DocumentContext): Mistake {
  const scripts = Buffer.byteLength(data[SCRIPTS] ?? '')
  const ours = Buffer.byteLength(data[OURS] ?? '')
  return new Mistake(
    'E_TOO_LARGE',
    `the ${where} would have ${bytes} bytes, and Kubernetes takes ${MOST_BYTES}: ${scripts} are scripts, ${ours} what Remora knows of them, ${bytes - scripts - ours} other keys`,
    { hint: 'Delete agents that nobody needs, make them shorter, or keep them in NATS (hub.store: nats).' },
  )
}

function damagedScript(key: string, known: KeptAgent | undefined, where: string): Damage {
  const mistake = new Mistake(
    'E_STORE',
    `script ${key} of ${SCRIPTS} in the ${where} is damaged: it is left out`,
    {
      hint: 'It should be {"title": …, "code": …, "active": true or false} under a number; mend it with kubectl edit.',
    },
  )
  const index = INDEX.test(key) ? { index: Number(key) } : {}
  return { ...index, ...(known === undefined ? {} : { id: known.id }), mistake }
}

function damagedKey(where: string): Damage {
  const message = `${OURS} in the ${where} is damaged: identities and versions of some agents are lost`
  return {
    mistake: new Mistake('E_STORE', message, {
      hint: `What was there is kept under ${OURS}.damaged-*; the scripts themselves are whole.`,
    }),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SCRIPTS = 'SCRIPTING_SCRIPTS'
const ACTIVE = 'SCRIPTING_ACTIVE_SCRIPTS'
const OURS = 'REMORA_AGENTS'
/** What is read of a config map. */
export const OWN_KEYS: ReadonlySet<string> = new Set([SCRIPTS, ACTIVE, OURS])
const INDEX = /^(0|[1-9]\d{0,8})$/
/** Who writes what others write there. */
const BY = 'config map'
/** What a config map may hold is 1 MiB; some of it for those who edit it by hand. */
const MOST_BYTES = (1 << 20) - (8 << 10)
