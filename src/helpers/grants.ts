import { isIP, isIPv6 } from 'node:net'
import { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import { Busy } from './answer.ts'
import type { EffectTarget } from './helper.ts'

/** What effects of an agent are held to, of one kind each. A list that is absent holds it to nothing. */
export interface Grants {
  /** `hooks.slack.com`, `*.example.com`, an address or `10.0.0.0/8`. */
  readonly hosts?: readonly string[] | undefined
  /** Buckets, containers, streams and topics; `*` stands for any letters. */
  readonly buckets?: readonly string[] | undefined
  /** In the data folder: `reports/` for all that is in it, `*.pcap`, or a file. */
  readonly paths?: readonly string[] | undefined
  /** `vendor.slack`, `vendor.*`: those that have an effect. */
  readonly helpers?: readonly string[] | undefined
  readonly rates?: readonly Rate[] | undefined
}

/** At most so many calls in so long, of the helpers that the name means all together. */
export interface Rate {
  readonly helper: string
  readonly calls: number
  readonly perMs: number
}

/** What is wrong with a header comment, and where in the text. */
export interface GrantProblem {
  /** Index of its first letter. */
  readonly at: number
  readonly reason: string
  readonly hint: string
}

/** An effect as grants see it. */
export interface WantedEffect {
  readonly helper: string
  readonly target?: EffectTarget | undefined
  /** Paths that it writes, below the data folder. */
  readonly paths: readonly string[]
}

/**
 * Reads `// @allow hosts a, b` and `// @rate vendor.slack 10/min` out of the comments before the code. `header` is the text
 * up to there. Lines of the same kind are one list; `none` allows nothing of the kind.
 */
export function readGrants(header: string): { readonly grants: Grants; readonly problem?: GrantProblem } {
  const lists: Partial<Record<Kind, string[]>> = {}
  const rates: Rate[] = []
  for (const { index, 2: word = '', 3: rest = '' } of header.matchAll(TAG)) {
    const at = index + header.slice(index).indexOf('@')
    const read = word === 'rate' ? readRate(rest) : readAllow(rest)
    if ('reason' in read) return { grants: {}, problem: { at, ...read } }
    if ('rate' in read) rates.push(read.rate)
    else lists[read.kind] = [...(lists[read.kind] ?? []), ...read.names]
  }
  return { grants: rates.length === 0 ? lists : { ...lists, rates } }
}

/** Whether a comment is one that would hold the script to something. */
export function isGrantComment(text: string): boolean {
  return new RegExp(TAG.source, 'm').test(text)
}

/** A line of a comment, with or without the star of a block. */
const TAG = /^([ \t]*(?:\/\/+|\/\*+|\*)?[ \t]*)@(allow|rate)\b[ \t]*([^\n]*?)(?:\*\/)?[ \t]*\r?$/gm

type Kind = (typeof KINDS)[number]
const KINDS = ['hosts', 'buckets', 'paths', 'helpers'] as const

type Complaint = Pick<GrantProblem, 'reason' | 'hint'>

function readAllow(text: string): { kind: Kind; names: string[] } | Complaint {
  const [word = '', ...rest] = text.trim().split(/\s+/)
  const kind = KINDS.find((each) => each === word)
  if (kind === undefined) {
    const meant = nearest(word, KINDS)
    return {
      reason: `@allow ${word}: there is no such kind of grant`,
      hint: meant === undefined ? `Write one of ${KINDS.join(', ')}.` : `Did you mean @allow ${meant}?`,
    }
  }
  const names = rest
    .join(' ')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0)
    return { reason: `@allow ${kind}: nothing is named`, hint: `Name some, or write: @allow ${kind} none` }
  if (names.length === 1 && names[0] === 'none') return { kind, names: [] }
  const wrong = names.find((name) => !SPELT[kind](name))
  if (wrong === undefined) return { kind, names }
  return {
    reason: `@allow ${kind}: ${wrong} is none`,
    hint: `Write ${kind} with commas between them: ${EXAMPLES[kind]}`,
  }
}

function readRate(text: string): { rate: Rate } | Complaint {
  const rate = rateOf(text.trim())
  if (rate !== undefined) return { rate }
  return {
    reason: `@rate ${text.trim()}: that is no rate`,
    hint: 'Write a helper and a rate: @rate vendor.webhook 10/min',
  }
}

/** `vendor.webhook 10/min`; undefined for what is none. */
export function rateOf(text: string): Rate | undefined {
  const [, helper = '', calls = '', unit = ''] =
    /^(\S+)\s+(\d{1,9})\/(s|sec|min|h|hour|d|day)$/.exec(text) ?? []
  const perMs = UNITS[unit]
  if (perMs === undefined || !isHelper(helper) || Number(calls) === 0) return undefined
  return { helper, calls: Number(calls), perMs }
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  min: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
}

const SPELT: Readonly<Record<Kind, (name: string) => boolean>> = {
  hosts: isHostPattern,
  buckets: (name) => /^\S+$/.test(name),
  paths: (name) => !name.split('/').includes('..'),
  helpers: isHelper,
}

const EXAMPLES: Readonly<Record<Kind, string>> = {
  hosts: 'hooks.slack.com, *.example.com, 10.0.0.0/8',
  buckets: 'traffic-*, audit',
  paths: 'reports/, *.pcap',
  helpers: 'vendor.slack, file.*',
}

function isHelper(name: string): boolean {
  return /^(\*|[A-Za-z]\w*(\.(\w+|\*))*)$/.test(name)
}

/** A host (hooks.slack.com, *.example.com), an address or a network. */
export function isHostPattern(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  if (isIP(address) === 0) return bits === undefined && /^(\*|(\*\.)?[\w-]+(\.[\w-]+)*)$/.test(text)
  if (bits === undefined) return true
  return more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv6(address) ? 128 : 32)
}

/**
 * Throws E_HELPER_REFUSED for an effect that is not among what is granted. `by`: who says so, for the message. Hosts are for
 * the egress, which knows more of them.
 */
export function checkGrants(grants: Grants, { helper, target, paths }: WantedEffect, by: GrantedBy): void {
  const { helpers, buckets, paths: folders } = grants
  if (helpers !== undefined && !helpers.some((pattern) => isHelperOf(pattern, helper)))
    throw refusedBy(by, helper, 'the helper', helper, 'helpers')
  const bucket = target?.bucket
  if (buckets !== undefined && bucket !== undefined && !buckets.some((pattern) => isLike(pattern, bucket)))
    throw refusedBy(by, helper, `the bucket`, bucket, 'buckets')
  const outside = folders && paths.find((path) => !folders.some((pattern) => isPathOf(pattern, path)))
  if (outside !== undefined) throw refusedBy(by, helper, 'the path', outside, 'paths')
}

export type GrantedBy = 'script' | 'operator'

/** How the refusal of something that nobody has granted reads, and how that is mended. */
export function refusedBy(by: GrantedBy, helper: string, what: string, name: string, kind: Kind): Mistake {
  const where = by === 'script' ? 'the header of the script' : 'scripting.grants'
  const way =
    by === 'script'
      ? `Add it to the comment at the top: // @allow ${kind} ${name}`
      : `Who runs Remora may add ${name} to ${kind} there.`
  return new Mistake('E_HELPER_REFUSED', `${helper}: ${what} ${name} is not granted by ${where}`, {
    hint: way,
  })
}

/** `vendor.slack` means `vendor.slack.queue` as well. */
export function isHelperOf(pattern: string, helper: string): boolean {
  if (pattern === '*') return true
  if (pattern.endsWith('.*')) return helper.startsWith(pattern.slice(0, -1))
  return helper === pattern || helper.startsWith(`${pattern}.`)
}

function isPathOf(pattern: string, path: string): boolean {
  const folder = pattern.replace(/^\.?\//, '')
  if (folder.endsWith('/')) return path.startsWith(folder) || `${path}/` === folder
  return isLike(folder, path)
}

/** `*` stands for any letters, but not for the slash. */
function isLike(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/]*')}$`).test(name)
}

/** Calls of agents against their rates, as buckets of tokens: so many at once, then as they come in again. */
export class Rates {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  /**
   * Takes one call of each rate that is about the helper, or none, and throws E_HELPER_REFUSED with when there will be one. Time
   * is that of the agent, ms: on a capture file that of the traffic.
   */
  take(agent: string, helper: string, rates: readonly Rate[], nowMs: number): void {
    const mine = rates
      .filter((rate) => isHelperOf(rate.helper, helper))
      .map((rate) => ({ rate, bucket: this.#bucketOf(agent, rate, nowMs) }))
    const waits = mine.map(({ rate, bucket }) => ((1 - bucket.tokens) * rate.perMs) / rate.calls)
    const longest = Math.max(...waits, 0)
    if (longest > 0) {
      const { calls, perMs } = mine[waits.indexOf(longest)]?.rate ?? { calls: 0, perMs: 0 }
      throw new Busy(
        `${helper}: more than ${calls} calls in ${inWords(perMs)}; the next one may go in ${inWords(longest)}`,
        longest,
      )
    }
    for (const { bucket } of mine) bucket.tokens--
  }

  #bucketOf(agent: string, { helper, calls, perMs }: Rate, nowMs: number): { tokens: number; atMs: number } {
    const key = JSON.stringify([agent, helper, calls, perMs])
    const bucket = this.#buckets.get(key) ?? { tokens: calls, atMs: nowMs }
    const passed = Math.max(nowMs - bucket.atMs, 0)
    bucket.tokens = Math.min(calls, bucket.tokens + (passed * calls) / perMs)
    bucket.atMs = nowMs
    this.#buckets.set(key, bucket)
    return bucket
  }
}

function inWords(ms: number): string {
  const unit = Object.entries({ day: 86_400_000, hour: 3_600_000, min: 60_000 }).find(
    ([, each]) => ms >= each,
  )
  const [name, size] = unit ?? ['s', 1000]
  return `${Math.ceil((ms / size) * 10) / 10} ${name}`
}
