import { randomUUID } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import {
  type AgentRecord,
  type AgentVersion,
  agentRecord,
  agentVersion,
  MOST_CODE_BYTES,
} from '../../wire/agents.ts'
import { AgentBook } from '../agent-book.ts'
import {
  changedRecord,
  freeTitle,
  hashOf,
  isListed,
  keptVersions,
  namesOf,
  namesOfRecord,
  newRecord,
  nextIndex,
  ownTitle,
  titleAfterEdit,
  versionOf,
  withoutNames,
} from '../records.ts'
import type { Damage, Shelf, ShelfChange, Shelved, StoreRules } from '../shelf.ts'
import { pause, Wake } from '../wake.ts'
import {
  FolderFiles,
  makeFolder,
  OWN,
  readText,
  type Step,
  statOf,
  storeMistake,
  type WriteFile,
  writeDurably,
} from './files.ts'
import { locked } from './lock.ts'

/**
 * Agents as files that people look into and edit: `003-slack-bot.js`. What has no place in a script is in `.remora` beside
 * them: a folder for each agent, with its record and its versions. A script that somebody edits, drops there or deletes is
 * a change by "folder".
 */
export function openFolderStore(options: FolderStoreOptions): AgentBook {
  const { folder, write, ...rules } = options
  return new AgentBook(new FolderShelf(folder, rules, write ?? writeDurably), rules)
}

export interface FolderStoreOptions extends StoreRules {
  readonly folder: string
  /** Of tests that fill the disk. */
  readonly write?: WriteFile
}

const keptRecord = agentRecord.omit({ code: true }).extend({
  /** Where its code lies, for people. */
  file: z.string().regex(/^[^/\\\0]+$/),
  versions: z.array(agentVersion.omit({ code: true })).min(1),
})
type KeptRecord = z.infer<typeof keptRecord>

const keptBook = z.object({ revision: z.string(), active: z.array(z.string()) })
type KeptBook = z.infer<typeof keptBook>

/** An agent as it is found. */
interface Found {
  readonly kept: KeptRecord
  /** As it was written last by us. */
  readonly record: AgentRecord
  /** Its file as it is now: undefined when it is gone. */
  readonly script: Script | undefined
}

interface Script {
  readonly name: string
  readonly changedMs: number
  /** Or what is wrong with it. */
  readonly text: string | Mistake
}

interface Scan {
  readonly book: KeptBook
  /** A book that nobody can read. */
  readonly damagedBook: string | undefined
  readonly agents: readonly Found[]
  /** Scripts that belong to no agent yet. */
  readonly strangers: readonly Script[]
  readonly damaged: readonly Damage[]
  /** Names of all scripts, whoever they belong to. */
  readonly names: ReadonlySet<string>
  /** When a file came or went. */
  readonly changedMs: number
  /** Whose scripts people have deleted. */
  readonly removed: readonly Removed[]
}

interface Removed {
  readonly folder: string
  readonly kept: KeptRecord
}

class FolderShelf implements Shelf {
  readonly description: string
  readonly #folder: string
  readonly #rules: StoreRules
  readonly #files: FolderFiles
  readonly #closed = new AbortController()
  readonly #sightings = new Sightings()

  constructor(folder: string, rules: StoreRules, write: WriteFile) {
    this.description = `folder ${folder}`
    this.#folder = folder
    this.#rules = rules
    this.#files = new FolderFiles(folder, write)
  }

  async read(): Promise<Shelved> {
    return this.#alone(async () => shelved(await this.#settle()))
  }

  async write(base: Shelved, change: ShelfChange): Promise<boolean> {
    return this.#alone(async () => {
      const scan = await this.#settle(change.put?.id ?? change.remove)
      if (scan.book.revision !== base.revision) return false
      const steps = [...this.#putting(scan, change), ...removing(scan, change.remove)]
      await this.#commit(scan, steps, change.activeTitles ?? scan.book.active)
      return true
    })
  }

  async versions(record: AgentRecord): Promise<readonly AgentVersion[]> {
    return this.#alone(async () => {
      const found = (await this.#scan()).agents.find(({ kept }) => kept.id === record.id)
      if (found === undefined) throw new Mistake('E_NOT_FOUND', `there is no agent ${record.id}`)
      const versions: AgentVersion[] = []
      for (const version of found.kept.versions) {
        const path = versionPath(record.index, version.version)
        const code = await readText(this.#at(path))
        if (code !== undefined && hashOf(code) === version.hash) versions.push({ ...version, code })
        else this.#rules.warn(`${this.#at(path)} is not what was saved: this version is left out`)
      }
      return versions
    })
  }

  async *changes(signal: AbortSignal): AsyncIterable<void> {
    const ending = AbortSignal.any([signal, this.#closed.signal])
    const wake = new Wake()
    // So that there is something to watch. Where that cannot be, reading says so.
    await this.#alone(async () => {}).catch(() => {})
    const watchers = this.#watchers(wake)
    try {
      for (let last: string | undefined; !ending.aborted; ) {
        const print = await this.#print()
        if (print !== last || this.#sightings.isUnsettled) yield
        last = print
        await wake.next(ending, this.#sightings.isUnsettled ? QUIET_MS : LOOK_EVERY_MS)
        // Files that are written come in several steps.
        await pause(20, ending)
      }
    } finally {
      for (const watcher of watchers) watcher.close()
    }
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }

  #at(path: string): string {
    return join(this.#folder, path)
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    try {
      await makeFolder(this.#at(OWN))
      return await locked(this.#at(`${OWN}/lock`), async () => {
        await this.#files.finish()
        return work()
      })
    } catch (error) {
      throw storeMistake(error, this.#folder)
    }
  }

  /** What there is, after what others have done to it became versions. `urgent` is an agent that is about to be written. */
  async #settle(urgent?: string): Promise<Scan> {
    const scan = await this.#scan()
    this.#sightings.begin()
    const { steps, active } = new Adoption(scan, this.#rules, this.#sightings, urgent).work()
    if (steps.length === 0) return scan
    try {
      await this.#commit(scan, steps, active)
    } catch (error) {
      const mistake = storeMistake(error, this.#folder)
      if (!(mistake instanceof Mistake)) throw error
      this.#rules.warn(`changes in ${this.#folder} are not taken up: ${mistake.message}`)
      return scan
    }
    return this.#scan()
  }

  async #commit(scan: Scan, steps: readonly Step[], active: readonly string[]): Promise<void> {
    if (scan.damagedBook !== undefined) await this.#files.keepDamaged(BOOK, scan.damagedBook)
    const book: KeptBook = { revision: randomUUID(), active: [...active] }
    await this.#files.commit([...steps, { kind: 'write', path: BOOK, content: pretty(book) }])
  }

  #putting(scan: Scan, { put, version }: ShelfChange): Step[] {
    if (put === undefined) return []
    const found = scan.agents.find(({ kept }) => kept.id === put.id)
    const file = fileFor(put, found, scan)
    const steps = saving(put, file, version, found?.kept.versions ?? [], this.#rules.keep)
    if (version === undefined) return steps
    const script = found?.script
    if (script !== undefined && script.text instanceof Mistake) steps.push(movedAside(script))
    else if (found !== undefined && file !== found.kept.file)
      steps.push({ kind: 'remove', path: found.kept.file })
    steps.push({ kind: 'write', path: file, content: put.code })
    return steps
  }

  async #scan(): Promise<Scan> {
    const scripts = await this.#scripts()
    const agents: Found[] = []
    const damaged: Damage[] = []
    const seen = new Set<string>()
    for (const folder of await this.#agentFolders()) {
      const found = await this.#found(folder, scripts)
      if (found === undefined) continue
      if ('mistake' in found) damaged.push(found)
      else if (seen.has(found.kept.id) || seen.has(found.kept.file))
        damaged.push(this.#damage(folder, 'is a copy of another one'))
      else agents.push(found)
      if ('kept' in found) seen.add(found.kept.id).add(found.kept.file)
    }
    for (const { text } of scripts.values()) if (text instanceof Mistake) damaged.push({ mistake: text })
    const strangers = [...scripts.values()].filter(
      ({ name }) => !seen.has(name) && !damaged.some(({ index }) => isFileOf(name, index)),
    )
    const changedMs = (await statOf(this.#folder))?.mtimeMs ?? 0
    const names = new Set(scripts.keys())
    const removed = strangers.length === 0 ? [] : await this.#removed(seen)
    return { ...(await this.#book(damaged)), agents, strangers, damaged, names, changedMs, removed }
  }

  async #removed(seen: ReadonlySet<string>): Promise<Removed[]> {
    const removed: Removed[] = []
    for (const folder of (await readdir(this.#at(OWN))).filter((name) => name.startsWith(REMOVED))) {
      const kept = parsed(keptRecord, (await readText(this.#at(`${OWN}/${folder}/${RECORD}`))) ?? '')
      if (kept !== undefined && !seen.has(kept.id)) removed.push({ folder, kept })
    }
    return removed
  }

  async #book(damaged: Damage[]): Promise<Pick<Scan, 'book' | 'damagedBook'>> {
    const text = await readText(this.#at(BOOK))
    if (text === undefined) return { book: { revision: 'none', active: [] }, damagedBook: undefined }
    const book = parsed(keptBook, text)
    if (book !== undefined) return { book, damagedBook: undefined }
    damaged.push({
      mistake: new Mistake('E_STORE', `${this.#at(BOOK)} is damaged: no titles are in the activation list`, {
        hint: 'The next change begins a new one, and keeps a copy of it beside.',
      }),
    })
    return { book: { revision: hashOf(text), active: [] }, damagedBook: text }
  }

  /** Undefined for a folder that somebody made and did not come to fill. */
  async #found(folder: string, scripts: ReadonlyMap<string, Script>): Promise<Found | Damage | undefined> {
    const path = this.#at(`${OWN}/${folder}/${RECORD}`)
    const stats = await statOf(path)
    if (stats === undefined) return undefined
    if (!stats.isFile() || stats.size > LARGEST_RECORD) return this.#damage(folder, 'is no record')
    const kept = parsed(keptRecord, (await readText(path)) ?? '')
    if (kept === undefined) return this.#damage(folder, 'is damaged')
    if (kept.index !== Number(folder))
      return this.#damage(folder, `says that it is number ${kept.index}`, kept.id)
    const script = scripts.get(kept.file)
    const code = await this.#savedCode(kept, script)
    if (code === undefined) return this.#damage(folder, 'has lost its code', kept.id)
    const { file: _file, versions: _versions, ...record } = kept
    return { kept, record: { ...record, code }, script }
  }

  async #savedCode(
    { index, version, hash }: KeptRecord,
    script: Script | undefined,
  ): Promise<string | undefined> {
    if (typeof script?.text === 'string' && hashOf(script.text) === hash) return script.text
    const saved = await readText(this.#at(versionPath(index, version)))
    return saved !== undefined && hashOf(saved) === hash ? saved : undefined
  }

  #damage(folder: string, what: string, id?: string): Damage {
    const path = this.#at(`${OWN}/${folder}/${RECORD}`)
    const mistake = new Mistake('E_STORE', `${path} ${what}: agent ${Number(folder)} is left out`, {
      hint: `Mend it, or remove the folder ${this.#at(`${OWN}/${folder}`)} and give its script a new name.`,
    })
    return { index: Number(folder), ...(id === undefined ? {} : { id }), mistake }
  }

  async #agentFolders(): Promise<string[]> {
    const names = await readdir(this.#at(OWN))
    return names.filter((name) => /^\d{3,9}$/.test(name)).sort((a, b) => Number(a) - Number(b))
  }

  async #scripts(): Promise<Map<string, Script>> {
    const scripts = new Map<string, Script>()
    for (const name of (await readdir(this.#folder)).filter(isScript).sort()) {
      const script = await this.#script(name)
      if (script !== undefined) scripts.set(name, script)
    }
    return scripts
  }

  async #script(name: string): Promise<Script | undefined> {
    const path = this.#at(name)
    try {
      const stats = await statOf(path)
      if (stats === undefined || stats.isDirectory()) return undefined
      const script = { name, changedMs: stats.mtimeMs }
      if (!stats.isFile()) return { ...script, text: unusable(path, 'is no file') }
      if (stats.size > MOST_CODE_BYTES)
        return {
          ...script,
          text: unusable(path, `has ${stats.size} bytes; a script may have ${MOST_CODE_BYTES}`),
        }
      const text = await readText(path)
      if (text === undefined) return undefined
      if (text.includes('\0') || Buffer.byteLength(text) > MOST_CODE_BYTES)
        return { ...script, text: unusable(path, 'is not a script: it has bytes that no text has') }
      return { ...script, text }
    } catch (error) {
      return { name, changedMs: 0, text: unusable(path, `cannot be read: ${(error as Error).message}`) }
    }
  }

  #watchers(wake: Wake): FSWatcher[] {
    const watchers: FSWatcher[] = []
    for (const [folder, counts] of [
      [this.#folder, isScript],
      [this.#at(OWN), (name: string) => `${OWN}/${name}` === BOOK],
    ] as const)
      try {
        const watcher = watch(folder, (_event, name) => {
          if (name === null || counts(name)) wake.ring()
        })
        // Looking from time to time goes on.
        watchers.push(watcher.on('error', () => watcher.close()))
      } catch {
        // A system without watchers, or without one more: the same.
      }
    return watchers
  }

  /** Another one after each change of a script, or of anything by us. */
  async #print(): Promise<string> {
    try {
      const names = (await readdir(this.#folder)).filter(isScript).sort()
      const stats = await Promise.all([BOOK, ...names].map((name) => statOf(this.#at(name))))
      return JSON.stringify([names, stats.map((each) => [each?.ino, each?.size, each?.mtimeMs])])
    } catch (error) {
      return String(error)
    }
  }
}

/** Makes versions of what people did to the scripts: edited, renamed, deleted, dropped one there. */
class Adoption {
  readonly #scan: Scan
  readonly #rules: StoreRules
  readonly #urgent: string | undefined
  readonly #steps: Step[] = []
  readonly #records: AgentRecord[]
  readonly #strangers: Set<Script>
  readonly #sightings: Sightings
  #active: readonly string[]

  constructor(scan: Scan, rules: StoreRules, sightings: Sightings, urgent: string | undefined) {
    this.#scan = scan
    this.#rules = rules
    this.#sightings = sightings
    this.#urgent = urgent
    this.#records = scan.agents.map(({ record }) => record)
    this.#strangers = new Set(scan.strangers.filter(({ text }) => typeof text === 'string'))
    this.#active = scan.book.active
  }

  work(): { readonly steps: readonly Step[]; readonly active: readonly string[] } {
    for (const found of this.#scan.agents) {
      if (found.script === undefined) this.#missing(found)
      else if (typeof found.script.text === 'string' && hashOf(found.script.text) !== found.record.hash)
        this.#edited(found, found.script, found.script.text)
    }
    for (const stranger of this.#strangers) this.#dropped(stranger)
    return { steps: this.#steps, active: this.#active }
  }

  #edited(found: Found, script: Script, code: string): void {
    const isSettled = this.#sightings.isSettled(script.name, hashOf(code), script.changedMs)
    if (found.kept.id !== this.#urgent && !isSettled) return
    const { record } = found
    const others = this.#records.filter(({ id }) => id !== record.id)
    const title = titleAfterEdit(record, code, script.name, this.#rules)
    const put = changedRecord(
      record,
      { code, title: title === record.title ? title : freeTitle(title, others) },
      BY,
      this.#rules.now().toISOString(),
    )
    this.#replace(record, put)
    this.#active = this.#active.map((item) => (item === record.title ? put.title : item))
    this.#steps.push(...saving(put, script.name, versionOf(put), found.kept.versions, this.#rules.keep))
  }

  /** Renamed, deleted, or an editor is about to put the new one in its place. */
  #missing(found: Found): void {
    const { record, kept } = found
    const renamed = [...this.#strangers].find(({ text }) => hashOf(String(text)) === record.hash)
    if (renamed !== undefined) {
      this.#strangers.delete(renamed)
      this.#steps.push(...saving(record, renamed.name, undefined, kept.versions, this.#rules.keep))
    } else if (this.#sightings.isSettled(kept.file, 'gone', this.#scan.changedMs)) {
      this.#records.splice(this.#records.indexOf(record), 1)
      this.#active = withoutNames(this.#active, namesOfRecord(record))
      const folder = `${OWN}/${number(record.index)}`
      this.#steps.push({
        kind: 'move',
        path: folder,
        to: `${OWN}/${REMOVED}${number(record.index)}-${record.id}`,
      })
      this.#rules.warn(
        `${kept.file} is gone, and agent "${record.title}" with it; its versions are kept in ${OWN}`,
      )
    }
  }

  #dropped(script: Script): void {
    const code = String(script.text)
    if (!this.#sightings.isSettled(script.name, hashOf(code), script.changedMs)) return
    const removed = this.#scan.removed.find(({ kept }) => kept.file === script.name)
    if (removed === undefined) this.#begun(script, code)
    else this.#back(removed, script, code)
  }

  #begun(script: Script, code: string): void {
    const title = freeTitle(ownTitle(code, script.name, this.#rules), this.#records)
    const active = isListed(this.#active, namesOf(title, code, script.name))
    const fresh = { id: randomUUID(), index: this.#nextIndex(), title, code, active }
    const record = newRecord(fresh, BY, this.#rules.now().toISOString())
    this.#records.push(record)
    this.#steps.push(...saving(record, script.name, versionOf(record), [], this.#rules.keep))
  }

  /** It was deleted, or lay in another branch for a while. */
  #back({ folder, kept }: Removed, script: Script, code: string): void {
    const { file: _file, versions, ...rest } = kept
    const isFree = ![...this.#records, ...this.#scan.damaged].some(({ index }) => index === kept.index)
    const index = isFree ? kept.index : this.#nextIndex()
    const title = freeTitle(ownTitle(code, script.name, this.#rules), this.#records)
    const isSame = hashOf(code) === kept.hash
    const before = { ...rest, index, code: isSame ? code : `${code}\0` }
    const change = isSame ? { title: freeTitle(kept.title, this.#records) } : { code, title }
    const record = changedRecord(before, change, BY, this.#rules.now().toISOString())
    const version = record.version === kept.version ? undefined : versionOf(record)
    this.#records.push(record)
    this.#steps.push({ kind: 'move', path: `${OWN}/${folder}`, to: `${OWN}/${number(index)}` })
    this.#steps.push(...saving(record, script.name, version, versions, this.#rules.keep))
  }

  #nextIndex(): number {
    return nextIndex([...this.#records, ...this.#scan.damaged].map((each) => each.index ?? -1))
  }

  #replace(before: AgentRecord, after: AgentRecord): void {
    this.#records.splice(this.#records.indexOf(before), 1, after)
  }
}

/**
 * Whether somebody is still at work on a file: what it is counts when it was the same some time ago, however long nobody
 * looked in between. Editors write in several steps, and some remove the old file first.
 */
class Sightings {
  #before: ReadonlyMap<string, Sighting> = new Map()
  #now = new Map<string, Sighting>()
  /** Something is to be looked at again. */
  isUnsettled = false

  begin(): void {
    this.#before = this.#now
    this.#now = new Map()
    this.isUnsettled = false
  }

  isSettled(name: string, print: string, changedMs: number): boolean {
    const nowMs = Date.now()
    const before = this.#before.get(name)
    const sinceMs = before?.print === print ? before.sinceMs : nowMs
    this.#now.set(name, { print, sinceMs })
    if (nowMs - sinceMs >= QUIET_MS || Math.abs(nowMs - changedMs) >= LONG_AGO_MS) return true
    this.isUnsettled = true
    return false
  }
}

interface Sighting {
  readonly print: string
  readonly sinceMs: number
}

/** What of an agent is kept in our own folder. */
function saving(
  { code: _code, ...record }: AgentRecord,
  file: string,
  version: AgentVersion | undefined,
  before: KeptRecord['versions'],
  keep: number,
): Step[] {
  const steps: Step[] = []
  const { code, ...bare } = version ?? {}
  const known = before.filter((each) => each.version !== version?.version)
  const versions = keptVersions(
    version === undefined ? known : [...known, bare as KeptRecord['versions'][number]],
    keep,
  )
  if (version !== undefined)
    steps.push({ kind: 'write', path: versionPath(record.index, version.version), content: version.code })
  for (const each of known.filter((one) => !versions.includes(one)))
    steps.push({ kind: 'remove', path: versionPath(record.index, each.version) })
  const kept: KeptRecord = { ...record, file, versions }
  steps.push({ kind: 'write', path: `${OWN}/${number(record.index)}/${RECORD}`, content: pretty(kept) })
  return steps
}

function removing({ agents }: Scan, id: string | undefined): Step[] {
  const found = agents.find(({ kept }) => kept.id === id)
  if (found === undefined) return []
  const { kept, script } = found
  const isUnusable = script !== undefined && script.text instanceof Mistake
  return [
    isUnusable ? movedAside(script) : { kind: 'remove', path: kept.file },
    { kind: 'remove', path: `${OWN}/${number(kept.index)}` },
  ]
}

function movedAside({ name, changedMs }: Script): Step {
  return { kind: 'move', path: name, to: `${OWN}/damaged-${name}-${Math.round(changedMs)}` }
}

/** A name that we gave follows the title; one that a person gave stays. */
function fileFor(record: AgentRecord, found: Found | undefined, { agents, names }: Scan): string {
  const before = found?.kept.file
  const given = `${number(record.index)}-${slug(found?.record.title ?? '')}.`
  if (before !== undefined && !before.startsWith(given)) return before
  const taken = new Set([...names, ...agents.map(({ kept }) => kept.file)])
  if (before !== undefined) taken.delete(before)
  const ending = record.source?.path.endsWith('.ts') ? '.ts' : '.js'
  for (let again = 1; ; again++) {
    const name = `${number(record.index)}-${slug(record.title)}${again === 1 ? '' : `.${again}`}${ending}`
    if (!taken.has(name)) return name
  }
}

function shelved({ agents, book, damaged }: Scan): Shelved {
  const records = agents.map(({ record }) => record)
  return { records, activeTitles: book.active, damaged, revision: book.revision }
}

function parsed<S extends z.ZodType>(schema: S, text: string): z.output<S> | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function unusable(path: string, what: string): Mistake {
  return new Mistake('E_STORE', `${path} ${what}: it is left out`, {
    hint: 'Agents are files of text that end in .js; put other things elsewhere.',
  })
}

function isScript(name: string): boolean {
  return !name.startsWith('.') && !name.endsWith('.d.ts') && /\.(js|ts)$/.test(name)
}

function isFileOf(name: string, index: number | undefined): boolean {
  return index !== undefined && name.startsWith(`${number(index)}-`)
}

function versionPath(index: number, version: number): string {
  return `${OWN}/${number(index)}/${version}.js`
}

function number(index: number): string {
  return String(index).padStart(3, '0')
}

function slug(title: string): string {
  const words = title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return words.slice(0, 40).replace(/^-+|-+$/g, '') || 'agent'
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Who changed what people change in the folder. */
const BY = 'folder'
const RECORD = 'record.json'
/** Agents that people have deleted lie in folders whose names begin so. */
const REMOVED = 'removed-'
const BOOK = `${OWN}/book.json`
const LARGEST_RECORD = 1 << 20
const QUIET_MS = 300
/** Nobody works on a file for so long without writing. */
const LONG_AGO_MS = 10_000
/** Where the system does not tell of changes. */
const LOOK_EVERY_MS = 1000
