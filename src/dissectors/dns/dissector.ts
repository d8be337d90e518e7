import { copyOf, u8, u16 } from '../../bytes/read.ts'
import { defineDissector, type Parser, type Step } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, list, number, object, text } from '../../entry/shape.ts'
import { CLASSES, CODES, OPCODES } from './names.ts'
import { type Question, type ResourceRecord, readQuestions, readRecords, skipName } from './reader.ts'

const questionType = '{ name: string, type: string, class: string }[]'
const recordType =
  '{ name: string, type: string, class: string, ttl: number, data: string, ip: string, ns: string, cname: string, ptr: string, txts: string, soa: string, srv: string, mx: string, opt: string, uri: string }[]'

const requestShape = object('DNS query', {
  opCode: text('Query, Notify, Update …'),
  questions: list<Question>('What is asked', questionType),
  id: number('Transaction id'),
  recursionDesired: flag('The RD bit'),
})

const responseShape = object('DNS reply', {
  code: text('No Error, Non-Existent Domain, Server Failure …'),
  answers: list<ResourceRecord>('Answer section', recordType),
  authorities: list<ResourceRecord>('Authority section', recordType),
  additionals: list<ResourceRecord>('Additional section', recordType),
  questions: list<Question>('The question, repeated', questionType),
  id: number('Transaction id'),
  opCode: text('As in the query'),
  authoritative: flag('The AA bit'),
  truncated: flag('The TC bit: the rest comes over TCP'),
  recursionAvailable: flag('The RA bit'),
  malformed: flag('Cut off or broken behind the question'),
})

/** A DNS message (RFC 1035 §4.1). Sections are read when somebody looks at them. */
class DnsMessage {
  readonly id: number
  readonly #isCut: boolean
  readonly #bytes: Uint8Array
  readonly #flags: number
  #questions: Question[] | undefined
  #sections: ResourceRecord[][] | undefined

  #isBroken = false

  constructor(bytes: Uint8Array, isCut: boolean) {
    this.#bytes = bytes
    this.id = u16(bytes, 0)
    this.#flags = u16(bytes, 2)
    this.#isCut = isCut
  }

  /** Also when names in it lead nowhere, which shows when they are read. */
  get malformed(): boolean {
    this.#section(0)
    return this.#isCut || this.#isBroken
  }

  get isReply(): boolean {
    return this.#flags >> 15 === 1
  }

  get opCode(): string {
    const code = (this.#flags >> 11) & 15
    return OPCODES[code] ?? `Opcode ${code}`
  }

  get code(): string {
    const code = (this.#flags & 15) | (extendedCode(this.#bytes) << 4)
    return CODES[code] ?? `Code ${code}`
  }

  get questions(): Question[] {
    this.#questions ??= readQuestions(
      this.#bytes,
      0,
      HEADER,
      this.#bytes.length,
      u16(this.#bytes, 4),
    ).questions
    return this.#questions
  }

  get answers(): ResourceRecord[] {
    return this.#section(0)
  }

  get authorities(): ResourceRecord[] {
    return this.#section(1)
  }

  get additionals(): ResourceRecord[] {
    return this.#section(2)
  }

  get authoritative(): boolean {
    return (this.#flags & 0x0400) !== 0
  }

  get truncated(): boolean {
    return (this.#flags & 0x0200) !== 0
  }

  get recursionDesired(): boolean {
    return (this.#flags & 0x0100) !== 0
  }

  get recursionAvailable(): boolean {
    return (this.#flags & 0x0080) !== 0
  }

  #section(index: number): ResourceRecord[] {
    this.#sections ??= this.#readSections()
    return this.#sections[index] as ResourceRecord[]
  }

  #readSections(): ResourceRecord[][] {
    const bytes = this.#bytes
    let at = readQuestions(bytes, 0, HEADER, bytes.length, u16(bytes, 4)).end
    this.#isBroken = at < 0
    return [6, 8, 10].map((countAt) => {
      if (at < 0) return []
      const { records, end } = readRecords(
        bytes,
        0,
        at,
        bytes.length,
        Math.min(u16(bytes, countAt), MOST_RECORDS),
      )
      at = end
      this.#isBroken ||= end < 0
      return records
    })
  }
}

/** Walks all sections without reading them: how far the message makes sense. */
function extent(bytes: Uint8Array, start: number, end: number): 'whole' | 'questions' | 'none' {
  let at = start + HEADER
  for (let count = u16(bytes, start + 4); count > 0; count--) {
    at = skipName(bytes, at, end)
    if (at < 0 || at + 4 > end) return 'none'
    at += 4
  }
  for (
    let count = u16(bytes, start + 6) + u16(bytes, start + 8) + u16(bytes, start + 10);
    count > 0;
    count--
  ) {
    at = skipName(bytes, at, end)
    // Type 0 is never used (RFC 6895 §3.1); zeros of other protocols would pass for records.
    if (at < 0 || at + 10 > end || u16(bytes, at) === 0) return 'questions'
    at += 10 + u16(bytes, at + 8)
    if (at > end) return 'questions'
  }
  return 'whole'
}

/** The upper bits of the reply code, which stand in the OPT record when there is one; else 0. RFC 6891 §6.1.3 */
function extendedCode(bytes: Uint8Array): number {
  if (u16(bytes, 10) === 0) return 0
  const end = bytes.length
  let at = HEADER
  for (let count = u16(bytes, 4); count > 0 && at >= 0; count--) {
    at = skipName(bytes, at, end)
    if (at >= 0) at += 4
  }
  for (let count = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10); count > 0 && at >= 0; count--) {
    at = skipName(bytes, at, end)
    if (at < 0 || at + 10 > end) return 0
    if (u16(bytes, at) === OPT) return u8(bytes, at + 4)
    at += 10 + u16(bytes, at + 8)
  }
  return 0
}

/** Counts, opcode and bits that a DNS message can have, and sections that fit. */
function looksLikeMessage(bytes: Uint8Array, start: number, end: number, isReply: boolean): boolean {
  if (end - start < HEADER) return false
  const flags = u16(bytes, start + 2)
  if (flags >> 15 !== (isReply ? 1 : 0)) return false
  if (OPCODES[(flags >> 11) & 15] === undefined || (flags & 0x0040) !== 0) return false
  if (!isReply && (flags & 15) !== 0) return false
  const questions = u16(bytes, start + 4)
  const records = u16(bytes, start + 6) + u16(bytes, start + 8) + u16(bytes, start + 10)
  if (questions + records === 0 || questions > MOST_QUESTIONS || records > MOST_RECORDS) return false
  if (isNetbios(bytes, start, end) || (questions > 0 && !hasKnownClass(bytes, start + HEADER, end)))
    return false
  const reach = extent(bytes, start, end)
  // Cut short by the capture or the TC bit, the question alone must do; it must then be a plausible one.
  return reach === 'whole' || (reach === 'questions' && questions === 1)
}

/** The question at `start` is of a class that is in use. Few bytes of others that pass for a header do as well. */
function hasKnownClass(bytes: Uint8Array, start: number, end: number): boolean {
  const nameEnd = skipName(bytes, start, end)
  return nameEnd >= 0 && nameEnd + 4 <= end && CLASSES[u16(bytes, nameEnd + 2) & 0x7fff] !== undefined
}

/** NetBIOS names have the format of DNS: one label of 32 letters A to P (RFC 1002 §4.1). */
function isNetbios(bytes: Uint8Array, start: number, end: number): boolean {
  const at = start + HEADER
  if (end - at < 34 || u8(bytes, at) !== 32) return false
  for (let index = 1; index <= 32; index++) {
    const byte = u8(bytes, at + index)
    if (byte < 65 || byte > 80) return false
  }
  return true
}

/**
 * What a reply has in common with its query: the id. mDNS has no replies in this sense: its messages stand alone, with
 * id 0 and without the wish for recursion that a host's own queries have, whatever their id. RFC 6762 §18.1, §18.6
 */
function pairingId(message: DnsMessage): string | undefined {
  return message.id === 0 && !message.recursionDesired ? undefined : String(message.id)
}

function readMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
): Step<DnsMessage> & { kind: 'message' | 'invalid' } {
  const reach = end - start < HEADER ? 'none' : extent(bytes, start, end)
  if (reach === 'none') return { kind: 'invalid', reason: 'the question does not fit' }
  const message = new DnsMessage(copyOf(bytes, start, end), reach !== 'whole')
  const id = pairingId(message)
  return { kind: 'message', message, length: end - start, ...(id === undefined ? {} : { id }) }
}

/** Which of the two a datagram is shows its first bit, whoever sent it. */
const datagram = (isReply: boolean): Parser<DnsMessage> => ({
  next(bytes, start, end) {
    const step = readMessage(bytes, start, end)
    return step.kind === 'message' && step.message.isReply !== isReply
      ? { kind: 'invalid', reason: 'a query that none would send' }
      : step
  },
})

/** RFC 1035 §4.2.2: over TCP each message has its length in front. */
const framed = (idOf: (message: DnsMessage) => string | undefined): Parser<DnsMessage> => ({
  next(bytes, start, end) {
    if (end - start < 2) return { kind: 'incomplete', need: 2 }
    const length = u16(bytes, start)
    if (length < HEADER) return { kind: 'invalid', reason: 'a message shorter than its header' }
    if (end - start < 2 + length) return { kind: 'incomplete', need: 2 + length }
    const step = readMessage(bytes, start + 2, start + 2 + length)
    if (step.kind === 'invalid') return step
    const id = idOf(step.message)
    return { kind: 'message', message: step.message, length: 2 + length, ...(id === undefined ? {} : { id }) }
  },
})

/** Which replies of a connection go on with a zone transfer: it takes as many as it needs. RFC 5936 §2.2 */
class ZoneTransfers {
  /** Ids of the transfers asked for, and whether their first reply came. */
  readonly #begun = new Map<string, boolean>()

  queryId(query: DnsMessage): string | undefined {
    const id = pairingId(query)
    if (id === undefined) return id
    if (TRANSFERS.has(query.questions[0]?.type ?? '')) this.#begun.set(id, false)
    else this.#begun.delete(id)
    return id
  }

  replyId(reply: DnsMessage): string | undefined {
    const id = pairingId(reply)
    if (id === undefined || this.#begun.size === 0) return id
    const begun = this.#begun.get(id)
    if (begun === undefined) return id
    this.#begun.set(id, true)
    return begun ? 'push' : id
  }
}

const common = {
  name: 'dns',
  pairing: 'by-id',
  request: requestShape,
  response: responseShape,
  summarize: (request: DnsMessage | null, response: DnsMessage | null) => {
    const question = (request ?? response)?.questions[0]
    const asked = `${request === null ? 'response' : 'request'}.questions[0]`
    return {
      method: question?.type ?? '',
      methodQuery: question === undefined ? '' : `${asked}.type == ${JSON.stringify(question.type)}`,
      summary: question?.name ?? '',
      summaryQuery: question === undefined ? '' : `${asked}.name == ${JSON.stringify(question.name)}`,
      status: 0,
      statusQuery: response === null ? '' : `response.code == ${JSON.stringify(response.code)}`,
    }
  },
  /**
   * The name that was asked for, which is what people know, not the alias that leads to the address. Where the question
   * was not for an address, or there were several or none (mDNS), addresses have the names that stand beside them.
   */
  names: (response: DnsMessage) => {
    const [question, ...others] = response.questions
    const asked = others.length === 0 && ADDRESS_TYPES.has(question?.type ?? '') ? question?.name : undefined
    return response.answers.filter(({ ip }) => ip !== '').map(({ ip, name }) => ({ ip, name: asked ?? name }))
  },
} as const

/** DNS over UDP, and what shares its format: mDNS, LLMNR. RFC 1035, 6762, 4795. */
export const dns = defineDissector({
  ...common,
  transport: 'udp',
  ports: [53, 5353, 5355],
  protocols: [protocol('udp')],
  probe: (bytes, start, end, from) =>
    looksLikeMessage(bytes, start, end, from === 'server') ? 'match' : 'reject',
  open: () => ({ client: datagram(false), server: datagram(true) }),
})

/** DNS over TCP. */
export const dnsTcp = defineDissector({
  ...common,
  transport: 'tcp',
  ports: [53],
  protocols: [protocol('tcp')],
  probe: (bytes: Uint8Array, start: number, end: number, from: 'client' | 'server') => {
    if (end - start < 2 + HEADER) return end - start < 2 || u16(bytes, start) >= HEADER ? 'unsure' : 'reject'
    const length = u16(bytes, start)
    if (length < HEADER) return 'reject'
    const isReply = from === 'server'
    const flags = u16(bytes, start + 4)
    if (
      flags >> 15 !== (isReply ? 1 : 0) ||
      OPCODES[(flags >> 11) & 15] === undefined ||
      (flags & 0x0040) !== 0
    )
      return 'reject'
    if (u16(bytes, start + 6) > 1) return 'reject'
    // Of a long message the question will do.
    if (end - start < 2 + length) return looksLikeMessage(bytes, start + 2, end, isReply) ? 'match' : 'unsure'
    return looksLikeMessage(bytes, start + 2, start + 2 + length, isReply) ? 'match' : 'reject'
  },
  open() {
    const transfers = new ZoneTransfers()
    return {
      client: framed((query) => transfers.queryId(query)),
      server: framed((reply) => transfers.replyId(reply)),
    }
  },
})

function protocol(layer4: 'udp' | 'tcp'): Protocol {
  return {
    name: 'dns',
    version: '0',
    abbr: 'DNS',
    longName: 'Domain Name System',
    macro: 'dns',
    backgroundColor: '#606060',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: 'https://www.rfc-editor.org/rfc/rfc1035',
    ports: ['53'],
    layer4,
    layer3: 'ip',
    priority: 4,
  }
}

const HEADER = 12
/** Type of the record that carries what EDNS adds. */
const OPT = 41
const TRANSFERS: ReadonlySet<string> = new Set(['AXFR', 'IXFR'])
const ADDRESS_TYPES: ReadonlySet<string> = new Set(['A', 'AAAA', 'ANY'])
const MOST_QUESTIONS = 64
const MOST_RECORDS = 4096
