import { randomUUID } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { firstOf } from '../../waiting/first-of.ts'
import { pause } from '../../waiting/pause.ts'
import { Wake } from '../../waiting/wake.ts'
import { type AgentRecord, type AgentVersion, MOST_CODE_BYTES } from '../../wire/agents.ts'
import { AgentBook } from '../agent-book.ts'
import { hashOf } from '../records.ts'
import type { Damage, Shelf, ShelfChange, Shelved, StoreRules } from '../shelf.ts'
import { Adoption, QUIET_MS, Sightings } from './adoption.ts'
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
import {
  BOOK,
  type Found,
  fileFor,
  isFileOf,
  isScript,
  type KeptBook,
  type KeptRecord,
  keptBook,
  keptRecord,
  movedAside,
  pretty,
  RECORD,
  REMOVED,
  type Removed,
  removing,
  type Scan,
  type Script,
  saving,
  versionPath,
} from './layout.ts'
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
    const { signal: ending, release } = firstOf(signal, this.#closed.signal)
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
      release()
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

const LARGEST_RECORD = 1 << 20
/** Where the system does not tell of changes. */
const LOOK_EVERY_MS = 1000
