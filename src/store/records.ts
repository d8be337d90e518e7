import { createHash } from 'node:crypto'
import { Mistake } from '../mistake/mistake.ts'
import {
  type AgentChange,
  type AgentRecord,
  type AgentSource,
  type AgentVersion,
  MOST_CODE_BYTES,
} from '../wire/agents.ts'
import type { StoreRules } from './shelf.ts'

/** What several agents may be called: a script that somebody has just begun. */
export const NEW_SCRIPT = 'New Script'
/** Longer ones are refused, or cut when a script gives them to itself. */
export const LONGEST_TITLE = 500

/** Titles are compared like this: spaces at the ends and how many there are between words do not count. */
export function plainTitle(title: string): string {
  return title.trim().replace(/\s+/g, ' ')
}

export function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}

/** All that an activation list may call an agent: its title, as its script writes it, and the name of its file. */
export function namesOf(title: string, code: string, path: string): ReadonlySet<string> {
  const file = path.split(/[\\/]/).at(-1) ?? ''
  const names = [title, firstComment(code), file, file.replace(/\.(js|ts)$/, '')]
  return new Set(names.map(plainTitle).filter((name) => name !== ''))
}

export function namesOfRecord({ title, code, source }: AgentRecord): ReadonlySet<string> {
  return namesOf(title, code, source?.path ?? '')
}

export function isListed(list: readonly string[], names: ReadonlySet<string>): boolean {
  return list.some((item) => names.has(plainTitle(item)))
}

export function withoutNames(list: readonly string[], names: ReadonlySet<string>): readonly string[] {
  return list.filter((item) => !names.has(plainTitle(item)))
}

/** The whole text of the comment that a script begins with: what its title was in Kubeshark. */
function firstComment(code: string): string {
  const text = code.replace(/^\ufeff/, '').trimStart()
  return /^\/\/(.*)|^\/\*([\s\S]*?)\*\//.exec(text)?.slice(1).join('') ?? ''
}

export interface NewRecord {
  readonly id: string
  readonly index: number
  readonly title: string
  readonly code: string
  readonly active: boolean
  readonly source?: AgentSource | undefined
}

export function newRecord({ source, ...rest }: NewRecord, by: string, at: string): AgentRecord {
  return {
    ...rest,
    version: 1,
    hash: hashOf(rest.code),
    ...(source === undefined ? {} : { source }),
    createdAt: at,
    updatedAt: at,
    updatedBy: by,
  }
}

/** The same agent after a change; the very same record when nothing is different. Another code or title is a new version. */
export function changedRecord(record: AgentRecord, change: AgentChange, by: string, at: string): AgentRecord {
  const { failure, source, ...rest } = record
  const title = change.title ?? record.title
  const code = change.code ?? record.code
  const isVersion = title !== record.title || code !== record.code
  const active = change.active ?? record.active
  const nextSource = change.source === undefined ? source : (change.source ?? undefined)
  if (!isVersion && active === record.active && sameSource(nextSource, source)) return record
  return {
    ...rest,
    title,
    code,
    active,
    hash: hashOf(code),
    version: isVersion ? record.version + 1 : record.version,
    ...(nextSource === undefined ? {} : { source: nextSource }),
    ...(isVersion || failure === undefined ? {} : { failure }),
    updatedAt: at,
    updatedBy: by,
  }
}

function sameSource(one: AgentSource | undefined, other: AgentSource | undefined): boolean {
  return one?.path === other?.path && one?.hash === other?.hash && one?.syncedBy === other?.syncedBy
}

/** The title that a script gives itself. */
export function ownTitle(code: string, path: string, rules: StoreRules): string {
  return plainTitle(plainTitle(rules.titleOf(code, path)).slice(0, LONGEST_TITLE)) || NEW_SCRIPT
}

/** What an agent is called after somebody has changed its code where it lies: a title that its script gave it follows. */
export function titleAfterEdit(record: AgentRecord, code: string, path: string, rules: StoreRules): string {
  return ownTitle(record.code, path, rules) === record.title ? ownTitle(code, path, rules) : record.title
}

/** The title, with a number behind it when another agent has it. */
export function freeTitle(title: string, records: readonly AgentRecord[]): string {
  if (title === NEW_SCRIPT) return title
  const taken = new Set(records.map((record) => record.title))
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? title : `${title} (${number})`
    if (!taken.has(candidate)) return candidate
  }
}

export function versionOf(record: AgentRecord, note?: string): AgentVersion {
  const { version, title, code, hash, updatedAt, updatedBy } = record
  return { version, title, code, hash, at: updatedAt, by: updatedBy, ...(note === undefined ? {} : { note }) }
}

/** How many versions are kept: never none. */
export function keptVersions<V extends { readonly version: number }>(
  versions: readonly V[],
  keep: number,
): V[] {
  return [...versions].sort((a, b) => b.version - a.version).slice(0, Math.max(1, keep))
}

export function nextIndex(indexes: Iterable<number>): number {
  let highest = -1
  for (const index of indexes) highest = Math.max(highest, index)
  return highest + 1
}

/** Throws `E_TOO_LARGE` for more code than an agent may have. */
export function checkCodeSize(title: string, code: string): void {
  const bytes = Buffer.byteLength(code)
  if (bytes <= MOST_CODE_BYTES) return
  throw new Mistake(
    'E_TOO_LARGE',
    `the code of agent "${title}" has ${bytes} bytes; an agent may have ${MOST_CODE_BYTES}`,
    {
      hint: 'Split it into several agents, or fetch large tables with a helper instead of writing them down.',
    },
  )
}
