import { u8, u16, u32 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { ANSWERS, ASKS, isOpcode, PACKET_HEADER, STATUSES } from './binary.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/** Begins commands. Lines that others may send, too, are left to the server: its reply tells. */
export function probeCommand(bytes: Uint8Array, start: number, end: number): Verdict {
  return u8(bytes, start) === ASKS ? probePacket(bytes, start, end) : probeLine(bytes, start, end)
}

/** Begins replies, of a kind that nobody else sends. */
export function probeReply(bytes: Uint8Array, start: number, end: number): Verdict {
  if (u8(bytes, start) === ANSWERS) return probePacket(bytes, start, end)
  const head = headOf(bytes, start, end)
  if (!mayBe(head, REPLY_WORDS)) return 'reject'
  const line = lineOf(head)
  if (line === undefined) return head.length < LONGEST_HEAD ? 'unsure' : 'reject'
  if (!REPLY.test(line)) return 'reject'
  const value = /^(?:VALUE [^ ]+ \d{1,10}|VA) (\d{1,10})(?: .*)?$/.exec(line)
  if (value !== null)
    return endsLine(bytes, start + line.length + 2 + Number(value[1]), end) ? 'match' : 'reject'
  const next = head.slice(line.length + 2)
  return /^STAT \S+ .+$/.test(line) && /^(STAT \S+ |END\r\n)/.test(next) ? 'match' : 'unsure'
}

/** Is a reply, in a connection that is one of memcached. */
export function beginsReply(bytes: Uint8Array, start: number, end: number): boolean {
  if (u8(bytes, start) === ANSWERS) return probePacket(bytes, start, end) === 'match'
  const line = lineOf(headOf(bytes, start, end))
  return line !== undefined && REPLY.test(line) && probeReply(bytes, start, end) !== 'reject'
}

/** The header of a packet: an opcode that there is, lengths that fit it and each other, a status. */
function probePacket(bytes: Uint8Array, start: number, end: number): Verdict {
  if (end - start > 1 && !isOpcode(u8(bytes, start + 1))) return 'reject'
  if (end - start < PACKET_HEADER) return end - start < 6 || u8(bytes, start + 5) === 0 ? 'unsure' : 'reject'
  const key = u16(bytes, start + 2)
  const extras = u8(bytes, start + 4)
  const length = u32(bytes, start + 8) - key - extras
  if (u8(bytes, start + 5) !== 0 || key > LONGEST_KEY || length < 0 || length > LONGEST_VALUE) return 'reject'
  const isReply = u8(bytes, start) === ANSWERS
  const opcode = u8(bytes, start + 1)
  if (isReply)
    return STATUSES[u16(bytes, start + 6)] !== undefined && (extras === 0 || extras === 4)
      ? 'match'
      : 'reject'
  const form = FORMS[opcode] ?? (key > 0 ? KEYED : BARE)
  const fits =
    form.extras.includes(extras) && (form.key ? key > 0 : key === 0) && (form.value || length === 0)
  return fits ? 'match' : 'reject'
}

function probeLine(bytes: Uint8Array, start: number, end: number): Verdict {
  const head = headOf(bytes, start, end)
  if (!mayBe(head, COMMAND_WORDS)) return 'reject'
  const line = lineOf(head)
  // Many keys may make it long.
  if (line === undefined) return head.length < LONGEST_HEAD || /^gets? \S/.test(head) ? 'unsure' : 'reject'
  if (!COMMAND.test(line)) return 'reject'
  const stored = STORED.exec(line)
  if (stored === null) return OWN.test(line) ? 'match' : 'unsure'
  const data = start + line.length + 2
  return endsLine(bytes, data + Number(stored[1] ?? stored[2]), end) ? 'match' : 'reject'
}

/** What is here of a first line, and of what follows. */
function headOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1(bytes, start, Math.min(end, start + LONGEST_HEAD))
}

function lineOf(head: string): string | undefined {
  const end = head.indexOf('\r\n')
  return end < 0 ? undefined : head.slice(0, end)
}

/** Begins with one of these words, or is too short to tell. */
function mayBe(head: string, words: readonly string[]): boolean {
  const word = /^[^ \r]*/.exec(head)?.[0] ?? ''
  if (word.length < head.length)
    return words.includes(word) || (words === REPLY_WORDS && /^\d{1,20}$/.test(word))
  return words.some((each) => each.startsWith(word)) || (words === REPLY_WORDS && /^\d{1,20}$/.test(word))
}

/** The line ends at `at`, or that place is not here yet. */
function endsLine(bytes: Uint8Array, at: number, end: number): boolean {
  return (at >= end || u8(bytes, at) === 0x0d) && (at + 1 >= end || u8(bytes, at + 1) === 0x0a)
}

const KEY = '[^ \\r\\n]{1,250}'
const NOREPLY = '( noreply)?'
const FLAGS = '( [A-Za-z][^ \\r\\n]{0,250})*'

/** A line of the text protocol: the command with all that belongs to it. */
const COMMAND = new RegExp(
  `^((set|add|replace|append|prepend) ${KEY} \\d{1,10} -?\\d{1,10} \\d{1,10}${NOREPLY}` +
    `|cas ${KEY} \\d{1,10} -?\\d{1,10} \\d{1,10} \\d{1,20}${NOREPLY}` +
    `|gets?( ${KEY})+|gats? -?\\d{1,10}( ${KEY})+|delete ${KEY}( 0)?${NOREPLY}|(incr|decr) ${KEY} \\d{1,20}${NOREPLY}` +
    `|touch ${KEY} -?\\d{1,10}${NOREPLY}|m[gda] ${KEY}${FLAGS}|ms ${KEY} \\d{1,10}${FLAGS}|mn|me ${KEY}( b)?` +
    `|stats( [a-z]\\S*)*|version( \\S+)*|flush_all( -?\\d{1,10})?${NOREPLY}|verbosity( \\S+)*|quit) *$`,
)
/** Of these, what nobody else says. */
const OWN = /^(flush_all|verbosity|gats? -?\d|stats (items|slabs|settings|sizes)$)/
/** The length of what follows. */
const STORED = /^(?:(?:set|add|replace|append|prepend|cas) [^ ]+ \d+ -?\d+ (\d+)|ms [^ ]+ (\d+))\b/
const REPLY =
  /^(VALUE [^ ]{1,250} \d{1,10} \d{1,10}( \d{1,20})?|END|STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|\d{1,20} {0,20}|OK|RESET|VERSION \d\S*.*|STAT \S+ .*|ERROR|(CLIENT|SERVER)_ERROR .+|(HD|NS|EX|NF)( [A-Za-z]\S*)* ?|VA \d{1,10}( [A-Za-z]\S*)* ?|EN|MN|ME \S+( .*)?)$/
const COMMAND_WORDS =
  'set add replace append prepend cas get gets gat gats delete incr decr touch mg ms md ma mn me stats version flush_all verbosity quit'.split(
    ' ',
  )
const REPLY_WORDS =
  'VALUE END STORED NOT_STORED EXISTS NOT_FOUND DELETED TOUCHED OK RESET VERSION STAT ERROR CLIENT_ERROR SERVER_ERROR HD VA NS EX NF EN MN ME'.split(
    ' ',
  )

/** What a packet has: how long its extras may be, whether a key and a value. */
interface Form {
  readonly extras: readonly number[]
  readonly key: boolean
  readonly value: boolean
}
const KEYED: Form = { extras: [0], key: true, value: false }
const STORING: Form = { extras: [8], key: true, value: true }
const COUNTING: Form = { extras: [20], key: true, value: false }
const JOINING: Form = { extras: [0], key: true, value: true }
const BARE: Form = { extras: [0], key: false, value: false }
const FLUSHING: Form = { extras: [0, 4], key: false, value: false }
const TOUCHING: Form = { extras: [4], key: true, value: false }
const FORMS: Readonly<Record<number, Form>> = {
  0: KEYED,
  1: STORING,
  2: STORING,
  3: STORING,
  4: KEYED,
  5: COUNTING,
  6: COUNTING,
  7: BARE,
  8: FLUSHING,
  9: KEYED,
  10: BARE,
  11: BARE,
  12: KEYED,
  13: KEYED,
  14: JOINING,
  15: JOINING,
  17: STORING,
  18: STORING,
  19: STORING,
  20: KEYED,
  21: COUNTING,
  22: COUNTING,
  23: BARE,
  24: FLUSHING,
  25: JOINING,
  26: JOINING,
  // A Stat may be asked for with a key, or without one.
  27: { extras: [4], key: false, value: false },
  28: TOUCHING,
  29: TOUCHING,
  30: TOUCHING,
  32: BARE,
  33: JOINING,
  34: JOINING,
  35: TOUCHING,
  36: TOUCHING,
}

/** Bytes of lines that are looked at. */
const LONGEST_HEAD = 1024
const LONGEST_KEY = 250
/** Of an item, where nobody has asked for more than memcached allows by far. */
const LONGEST_VALUE = 1 << 27
