import { type Octets, textOf } from '../../bytes/octets.ts'
import type { Found, Reply } from './messages.ts'

/**
 * What follows a line of a reply: more lines, nothing, or the data of a value, behind which a reply to a meta command
 * ends.
 */
export type After = 'more' | 'nothing' | { readonly value: Found; readonly isLast: boolean }

/** Reads a line of a reply, given without its end, into the reply. */
export function readReplyLine(line: Octets, reply: Reply): After {
  const [word = '', ...args] = textOf(line)
    .split(' ')
    .filter((each) => each !== '')
  reply.status = word
  switch (word) {
    case 'VALUE':
    case 'CONFIG':
      return readValueLine(args, reply)
    case 'VA':
      readFlags(args.slice(1), reply)
      return { value: metaValue(args, reply), isLast: true }
    case 'HD':
    case 'NS':
    case 'EX':
    case 'NF':
      readFlags(args, reply)
      return 'nothing'
    case 'STAT':
    case 'ITEM':
      reply.counts(args[0] ?? '', args.slice(1).join(' '))
      return 'more'
    case 'VERSION':
      reply.says(args.join(' '))
      return 'nothing'
    case 'ERROR':
    case 'CLIENT_ERROR':
    case 'SERVER_ERROR':
      reply.error = line
      return 'nothing'
  }
  reply.args = args
  if (/^\d{1,20}$/.test(word)) reply.says(word)
  return LISTED.test(line) ? 'more' : 'nothing'
}

/** VALUE <key> <flags> <bytes> [<cas>], then the data. A length that is none makes it a reply of one line. */
function readValueLine([key = '', flags, bytes, cas = '']: readonly string[], reply: Reply): After {
  const length = lengthOf(bytes)
  if (length < 0) return 'nothing'
  reply.cas = cas
  return { value: { key, flags: Number(flags) || 0, bytes: length, cas, value: '' }, isLast: false }
}

/** VA <bytes> <flags>, then the data */
function metaValue([bytes]: readonly string[], reply: Reply): Found {
  const flag = (letter: string) => reply.args.find((each) => each[0] === letter)?.slice(1)
  return {
    key: flag('k') ?? '',
    flags: Number(flag('f')) || 0,
    bytes: Math.max(lengthOf(bytes), 0),
    cas: flag('c') ?? '',
    value: '',
  }
}

/** Of a reply to a meta command: each a letter, with a value behind it. */
function readFlags(args: readonly string[], reply: Reply): void {
  reply.args = args
  reply.opaque = args.find((each) => each[0] === 'O')?.slice(1) ?? ''
  reply.cas = args.find((each) => each[0] === 'c')?.slice(1) ?? ''
}

function lengthOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= LONGEST_DATA ? Number(text) : -1
}

/** The keys of `lru_crawler metadump` and `mgdump`. */
const LISTED = /^(key=|mg .)/
/** The largest item that can be configured. */
const LONGEST_DATA = 1 << 30
