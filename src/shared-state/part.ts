import { isKind, isName, readShared } from './kinds.ts'
import { readSeen, type Seen } from './seen.ts'
import { isNumber, isRecord, type Kind, type Shared } from './value.ts'

/** What one node has added to one name of one agent, as it is kept: written by that node alone. */
export interface Part {
  /** Identity of the agent, and how it is called. */
  readonly agent: string
  readonly title: string
  readonly kind: Kind
  readonly name: string
  readonly node: string
  /** Grows with each write of the node. */
  readonly version: number
  /** How often the name was reset: only the parts with the highest one count. */
  readonly epoch: number
  readonly value: Shared
  /** Messages that are in it. */
  readonly seen: Seen
}

/** Bytes of JSON. */
export function writePart(part: Part): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(part))
}

/** Undefined for bytes that are no part, whoever wrote them. */
export function readPart(bytes: Uint8Array): Part | undefined {
  const json = parse(bytes)
  if (!isRecord(json)) return undefined
  const { agent, title, kind, name, node, version, epoch } = json
  if (!isText(agent) || !isText(title) || !isText(node) || !isKind(kind) || !isName(name)) return undefined
  if (!isWhole(version) || !isWhole(epoch)) return undefined
  const value = readShared(kind, json.value)
  const seen = readSeen(json.seen)
  if (value === undefined || seen === undefined) return undefined
  return { agent, title, kind, name, node, version, epoch, value, seen }
}

function parse(bytes: Uint8Array): unknown {
  if (bytes.length > MOST_PART_BYTES) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function isWhole(value: unknown): value is number {
  return isNumber(value) && Number.isSafeInteger(value) && value >= 0
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_TEXT
}

/** What NATS takes as one value. */
export const MOST_PART_BYTES = 1 << 20
const LONGEST_TEXT = 4096
