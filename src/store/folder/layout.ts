import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type AgentRecord, type AgentVersion, agentRecord, agentVersion } from '../../wire/agents.ts'
import { keptVersions } from '../records.ts'
import type { Damage } from '../shelf.ts'
import { OWN, type Step } from './files.ts'

export const keptRecord = agentRecord.omit({ code: true }).extend({
  /** Where its code lies, for people. */
  file: z.string().regex(/^[^./\\\0][^/\\\0]*\.(js|ts)$/),
  versions: z.array(agentVersion.omit({ code: true })).min(1),
})
export type KeptRecord = z.infer<typeof keptRecord>

export const keptBook = z.object({ revision: z.string(), active: z.array(z.string()) })
export type KeptBook = z.infer<typeof keptBook>

/** An agent as it is found. */
export interface Found {
  readonly kept: KeptRecord
  /** As it was written last by us. */
  readonly record: AgentRecord
  /** Its file as it is now: undefined when it is gone. */
  readonly script: Script | undefined
}

export interface Script {
  readonly name: string
  readonly changedMs: number
  /** Or what is wrong with it. */
  readonly text: string | Mistake
}

export interface Scan {
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

export interface Removed {
  readonly folder: string
  readonly kept: KeptRecord
}

/** What of an agent is kept in our own folder. */
export function saving(
  { code: _code, ...record }: AgentRecord,
  file: string,
  version: AgentVersion | undefined,
  before: KeptRecord['versions'],
  keep: number,
): Step[] {
  const steps: Step[] = []
  const known = before.filter((each) => each.version !== version?.version)
  const versions = keptVersions([...known, ...bareVersions(version)], keep)
  if (version !== undefined)
    steps.push({ kind: 'write', path: versionPath(record.index, version.version), content: version.code })
  for (const each of known.filter((one) => !versions.includes(one)))
    steps.push({ kind: 'remove', path: versionPath(record.index, each.version) })
  const kept: KeptRecord = { ...record, file, versions }
  steps.push({ kind: 'write', path: `${OWN}/${number(record.index)}/${RECORD}`, content: pretty(kept) })
  return steps
}

function bareVersions(version: AgentVersion | undefined): KeptRecord['versions'] {
  if (version === undefined) return []
  const { code: _code, ...bare } = version
  return [bare]
}

export function removing({ agents }: Scan, id: string | undefined): Step[] {
  const found = agents.find(({ kept }) => kept.id === id)
  if (found === undefined) return []
  const { kept, script } = found
  const isUnusable = script !== undefined && script.text instanceof Mistake
  return [
    isUnusable ? movedAside(script) : { kind: 'remove', path: kept.file },
    { kind: 'remove', path: `${OWN}/${number(kept.index)}` },
  ]
}

export function movedAside({ name, changedMs }: Script): Step {
  return { kind: 'move', path: name, to: `${OWN}/damaged-${name}-${Math.round(changedMs)}` }
}

/** A name that we gave follows the title; one that a person gave stays. */
export function fileFor(record: AgentRecord, found: Found | undefined, { agents, names }: Scan): string {
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

export function isScript(name: string): boolean {
  return !name.startsWith('.') && !name.endsWith('.d.ts') && /\.(js|ts)$/.test(name)
}

export function isFileOf(name: string, index: number | undefined): boolean {
  return index !== undefined && name.startsWith(`${number(index)}-`)
}

export function versionPath(index: number, version: number): string {
  return `${OWN}/${number(index)}/${version}.js`
}

export function number(index: number): string {
  return String(index).padStart(3, '0')
}

function slug(title: string): string {
  const words = title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return words.slice(0, 40).replace(/^-+|-+$/g, '') || 'agent'
}

export function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

export const RECORD = 'record.json'
/** Agents that people have deleted lie in folders whose names begin so. */
export const REMOVED = 'removed-'
export const BOOK = `${OWN}/book.json`
