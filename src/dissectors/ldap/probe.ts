import { u8 } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'
import { ENUMERATED, INTEGER, OCTET_STRING, readHeader, SEQUENCE } from './ber.ts'
import {
  ABANDON_REQUEST,
  BIND_REQUEST,
  DEL_REQUEST,
  EXTENDED_REQUEST,
  INTERMEDIATE_RESPONSE,
  SEARCH_ENTRY,
  SEARCH_REFERENCE,
  UNBIND_REQUEST,
} from './names.ts'
import { type Head, readHead } from './wire.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * A message begins here, as this side sends them: lengths that fit into one another, and the operation begins with what
 * it must. SNMP and Kerberos begin alike, but have no such operations.
 */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  const head = readHead(bytes, start, end, from)
  if (head === undefined) return 'reject'
  if (head === 'more') return 'unsure'
  const verdict = isOperation(head, bytes, end)
  if (verdict !== 'match') return verdict
  const behind = head.start + head.operationLength
  const last = start + head.length
  // Controls, and nothing else, may follow on the operation.
  if (behind < last && behind < end && u8(bytes, behind) !== CONTROLS) return 'reject'
  return last >= end || u8(bytes, last) === SEQUENCE || head.tag === UNBIND_REQUEST ? 'match' : 'reject'
}

function isOperation({ tag, start, operationLength }: Head, bytes: Uint8Array, end: number): Verdict {
  if (tag === UNBIND_REQUEST) return operationLength === 0 ? 'match' : 'reject'
  if (tag === ABANDON_REQUEST) return operationLength >= 1 && operationLength <= 4 ? 'match' : 'reject'
  if (tag === DEL_REQUEST)
    return isText(bytes, start, Math.min(end, start + operationLength)) ? 'match' : 'reject'
  if (tag === INTERMEDIATE_RESPONSE && operationLength === 0) return 'match'
  if (start >= end) return 'unsure'
  const first = u8(bytes, start)
  if (!(FIRST[tag] ?? [ENUMERATED]).includes(first)) return 'reject'
  const header = readHeader(bytes, start, end)
  if (header === undefined) return 'unsure'
  if (header.start + header.length > start + operationLength) return 'reject'
  const isSmall = first === ENUMERATED || first === INTEGER
  if (isSmall && (header.length < 1 || header.length > 2)) return 'reject'
  // Behind the number of a result or a version comes a name.
  const next = header.start + header.length
  return isSmall && next < end && u8(bytes, next) !== OCTET_STRING ? 'reject' : 'match'
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (u8(bytes, at) < 0x20) return false
  return true
}

const CONTROLS = 0xa0
/** Tags of the first element of operations; of results it is their code. */
const FIRST: Readonly<Record<number, readonly number[]>> = {
  [BIND_REQUEST]: [INTEGER],
  [SEARCH_ENTRY]: [OCTET_STRING],
  [SEARCH_REFERENCE]: [OCTET_STRING],
  [EXTENDED_REQUEST]: [0x80],
  [INTERMEDIATE_RESPONSE]: [0x80, 0x81],
  // Search, Modify, Add, Modify DN and Compare Request.
  99: [OCTET_STRING],
  102: [OCTET_STRING],
  104: [OCTET_STRING],
  108: [OCTET_STRING],
  110: [OCTET_STRING],
}
