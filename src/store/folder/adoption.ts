import { randomUUID } from 'node:crypto'
import type { AgentRecord } from '../../wire/agents.ts'
import {
  changedRecord,
  freeTitle,
  hashOf,
  isListed,
  namesOf,
  namesOfRecord,
  newRecord,
  nextIndex,
  ownTitle,
  titleAfterEdit,
  versionOf,
  withoutNames,
} from '../records.ts'
import type { StoreRules } from '../shelf.ts'
import { OWN, type Step } from './files.ts'
import { type Found, number, REMOVED, type Removed, type Scan, type Script, saving } from './layout.ts'

/** Makes versions of what people did to the scripts: edited, renamed, deleted, dropped one there. */
export class Adoption {
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
export class Sightings {
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

/** Who changed what people change in the folder. */
const BY = 'folder'
export const QUIET_MS = 300
/** Nobody works on a file for so long without writing. */
const LONG_AGO_MS = 10_000
