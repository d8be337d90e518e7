import { latin1 } from '../../bytes/text.ts'
import type {
  Dissector,
  Found,
  Message,
  Opening,
  Parser,
  Parsers,
  Side,
  Step,
} from '../../dissect/dissector.ts'
import { Dissection } from '../../dissect/engine.ts'
import { Entry, type EntryOrigin, type Exchange } from '../../entry/entry.ts'
import type { Identity } from '../../entry/identity.ts'
import { encodeRow, type LayoutField } from '../../entry/layout.ts'
import type { ObjectShape } from '../../entry/shape.ts'
import { type Connection, type ConnectionHandler, IDLE } from '../../reassembly/connection.ts'
import { AgentMessage, agentProtocol, type DissectorSettings } from './agent-protocol.ts'
import type { MadeCounters } from './protocol.ts'
import { connectionOf, readRelayed, type Told } from './relayed.ts'

/** The functions of a script that read its protocol, called in its realm. They may throw, and be interrupted. */
export interface AgentReader {
  readonly settings: DissectorSettings
  /** It was stopped or unloaded: nothing is asked of it any more. */
  readonly isGone: boolean
  probe(text: string, from: Side): 'match' | 'reject' | 'unsure'
  /** What `parse` of the script answers, as JSON; "" for nothing. */
  parse(session: number, text: string, from: Side): string
  /** The answer made sense. */
  parsed(): void
  forget(session: number): void
  /** Says what is wrong with an answer on the console of the script. */
  complain(problem: string): void
  /** Takes an entry of its protocol. */
  emit(exchange: Exchange, origin: EntryOrigin): void
}

/**
 * Reads connections with dissectors that scripts have defined: the same engine as in the capture thread, on bytes that
 * were relayed from there. Entries come out as rows of a batch.
 */
export class AgentDissection {
  readonly #origin: Omit<EntryOrigin, 'nameOf'>
  readonly #conversations = new Map<number, Conversation>()
  readonly #readers = new Map<Dissector, AgentReader>()
  readonly #names = new Map<string, string>()
  /** By `address:port`. */
  readonly #identities = new Map<string, Identity>()
  readonly #dissection: Dissection
  #current: Conversation | undefined
  #sessions = 0
  /** The capture has come to here. */
  #seconds = 0
  /** What is held of messages that are no entries yet, over all connections. */
  #held = 0
  /** What was counted when the counters were told last. */
  #told = NOTHING

  /** `replyTimeout`: seconds after which a datagram without a reply is an entry of its own. */
  constructor(origin: Omit<EntryOrigin, 'nameOf'>, replyTimeout: number) {
    this.#origin = origin
    this.#dissection = new Dissection({
      dissectors: [],
      ports: new Map(),
      context: { wantsBodies: true, maxBody: LONGEST_PIECE },
      replyTimeout,
      memory: MEMORY,
      conversation: () => {},
      reportEvery: Number.POSITIVE_INFINITY,
      exchange: (exchange) => this.#exchange(exchange),
    })
  }

  /** Connections that begin from now on are read by these, in this order; so are those whose reader is gone. */
  setReaders(readers: readonly AgentReader[]): void {
    const dissectors = readers.map((reader) => {
      const dissector = this.#dissectorOf(reader)
      this.#readers.set(dissector, reader)
      return dissector
    })
    for (const [dissector, { isGone }] of this.#readers) if (isGone) this.#readers.delete(dissector)
    this.#dissection.use(dissectors)
  }

  /** Works off a row of a batch. An interrupt in the middle must be followed by `interrupted`. */
  relayed(row: readonly unknown[]): void {
    const event = readRelayed(row)
    this.time(event.seconds)
    if (event.told !== null) this.#learn(event.told[10], event.told[11])
    let conversation = this.#conversations.get(event.connection) ?? this.#open(event)
    if (conversation === undefined) return
    if (event.kind !== 'close' && isOrphan(conversation))
      conversation = this.#restart(event.connection, conversation)
    const { connection, handler } = conversation
    connection.seconds = event.seconds
    connection.nanos = event.nanos
    this.#current = conversation
    conversation.rows++
    switch (event.kind) {
      case 'data': {
        const bytes = Buffer.from(event.text, 'latin1')
        handler.data(event.from, bytes, 0, bytes.length)
        break
      }
      case 'gap':
        handler.gap(event.from, event.length)
        break
      case 'end':
        handler.end(event.from)
        break
      case 'close':
        this.#close(event.connection, conversation, event.reason)
    }
    this.#current = undefined
    if (this.#held > MOST_HELD) this.#giveUp()
  }

  /**
   * A script was stopped while it read: nobody knows where it stood. Others may read its connection from the row at hand
   * on, which has to be given again. False when none was.
   */
  interrupted(): boolean {
    if (this.#current === undefined) return false
    const conversation = this.#current
    this.#current = undefined
    conversation.handler.evict()
    this.#held -= conversation.held
    this.#reopen(conversation, conversation.rows - 1)
    return true
  }

  /** Something has been read that is no entry yet. */
  get isWaiting(): boolean {
    return this.#held > 0
  }

  /** Datagrams that nobody has answered become entries when their time is up: the capture has come to here. */
  time(seconds: number): void {
    if (seconds <= this.#seconds) return
    this.#seconds = seconds
    for (const conversation of this.#conversations.values()) {
      this.#current = conversation
      conversation.handler.time(seconds)
    }
    this.#current = undefined
  }

  /** What was counted since the last time. */
  takeCounters(): Pick<MadeCounters, 'dissected' | 'skipped' | 'invalid'> {
    const now = countersOf(this.#dissection)
    const since = {
      dissected: now.dissected - this.#told.dissected,
      skipped: {} as Record<string, number>,
      invalid: {} as Record<string, number>,
    }
    for (const kind of ['skipped', 'invalid'] as const)
      for (const [reason, number] of Object.entries(now[kind])) {
        const more = number - (this.#told[kind][reason] ?? 0)
        if (more > 0) since[kind][reason] = more
      }
    this.#told = now
    return since
  }

  /** Who its ends are may have become known since it was told first. */
  #learn(names: Told[10], identities: Told[11]): void {
    for (const [ip, name] of names) {
      if (name === '') this.#names.delete(ip)
      else this.#names.set(ip, name)
    }
    if (this.#names.size > MOST_NAMES) this.#names.clear()
    for (const [end, identity] of identities)
      if (identity === null) this.#identities.delete(end)
      else this.#identities.set(end, identity)
    if (this.#identities.size > MOST_NAMES) this.#identities.clear()
  }

  #open(event: ReturnType<typeof readRelayed>): Conversation | undefined {
    // Of a connection that ends nothing more is to be read; and where a batch was lost, nobody knows what it is.
    if (event.kind === 'close' || event.told === null) return undefined
    if (this.#conversations.size >= MOST_CONVERSATIONS) {
      const [oldest] = this.#conversations
      if (oldest !== undefined) this.#close(...oldest, 'evicted')
    }
    const connection = connectionOf(event, IDLE)
    return this.#begin(connection, 0)
  }

  #begin(connection: Connection, rows: number): Conversation {
    const conversation = {
      connection,
      handler: this.#dissection.open(connection),
      rows,
      sessions: [],
      held: 0,
    }
    this.#conversations.set(connection.id, conversation)
    return conversation
  }

  /** Reads on as one who comes in the middle. */
  #reopen({ connection }: Conversation, rows: number): Conversation {
    if (rows > 0) connection.opener = -1
    return this.#begin(connection, rows)
  }

  #restart(id: number, conversation: Conversation): Conversation {
    this.#close(id, conversation, 'evicted')
    return this.#reopen(conversation, conversation.rows)
  }

  /** What scripts have made of requests whose replies do not come has grown too much: where it is most, it is let go. */
  #giveUp(): void {
    const byWeight = [...this.#conversations].sort(([, a], [, b]) => b.held - a.held)
    for (const [id, conversation] of byWeight) {
      if (this.#held <= MOST_HELD / 2) return
      this.#restart(id, conversation)
      for (const { reader } of conversation.sessions) if (!reader.isGone) reader.complain(TOO_MUCH_WAITS)
    }
  }

  #close(id: number, conversation: Conversation, reason: Relayed['reason']): void {
    const before = this.#current
    this.#current = conversation
    this.#conversations.delete(id)
    conversation.handler.close(reason === 'recognised' ? 'closed' : reason)
    this.#current = before
    for (const { reader, session } of conversation.sessions) if (!reader.isGone) reader.forget(session)
  }

  /** A message has come, or (below 0) has become an entry, of the conversation at hand. */
  readonly #hold = (weight: number): void => {
    this.#held += weight
    if (this.#current !== undefined) this.#current.held += weight
  }

  #exchange(exchange: Exchange): void {
    this.#hold(-weightOf(exchange.request) - weightOf(exchange.response))
    const reader = this.#readers.get(exchange.dissector as unknown as Dissector)
    const index = exchange.index + FIRST_INDEX
    const matcherKey = exchange.matcherKey.slice(ID_OF_SCRIPT.length)
    reader?.emit(
      { ...exchange, index, matcherKey },
      {
        ...this.#origin,
        nameOf: (ip) => this.#names.get(ip),
        identityOf: (ip, port) => this.#identities.get(`${ip}:${port}`),
      },
    )
  }

  #dissectorOf(reader: AgentReader): Dissector {
    const { settings } = reader
    return {
      ...agentProtocol(settings),
      transport: settings.transport,
      ports: settings.ports,
      pairing: settings.pairing,
      probe: (bytes, start, end, from) =>
        reader.isGone ? 'reject' : reader.probe(textOf(bytes, start, end), from),
      open: (_context, _opening: Opening): Parsers<Message<ObjectShape>, Message<ObjectShape>> => {
        const session = ++this.#sessions
        this.#current?.sessions.push({ reader, session })
        return {
          client: new AgentParser(reader, session, 'client', this.#hold),
          server: new AgentParser(reader, session, 'server', this.#hold),
        }
      },
    } as Dissector
  }
}

/** One side of a connection, read by a script. */
class AgentParser implements Parser<Message<ObjectShape>> {
  readonly #reader: AgentReader
  readonly #session: number
  readonly #from: Side
  readonly #hold: (weight: number) => void
  /** The bytes that messages are being taken from, and what of them is text already. */
  #bytes: Uint8Array | undefined
  #text = ''
  #textAt = 0

  constructor(reader: AgentReader, session: number, from: Side, hold: (weight: number) => void) {
    this.#reader = reader
    this.#session = session
    this.#from = from
    this.#hold = hold
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Message<ObjectShape>> {
    const here = end - start
    if (here === 0) return { kind: 'incomplete', need: 1 }
    if (this.#reader.isGone) return { kind: 'invalid', reason: 'its agent does not run any more' }
    const answer = this.#reader.parse(this.#session, this.#textOf(bytes, start, end), this.#from)
    const step = readAnswer(answer, here)
    if (typeof step === 'string' || !('length' in step) || step.length >= here) this.#forgetText()
    if (typeof step !== 'string') {
      if (answer !== 'false') this.#reader.parsed()
      if (step.kind === 'message') {
        this.#hold(weightOf(step.message))
        if (step.id === undefined && this.#reader.settings.pairing === 'by-id') this.#reader.complain(NO_ID)
      }
      const isTooLong = step.kind === 'incomplete' && step.need > LONGEST_PIECE
      return isTooLong ? { kind: 'invalid', reason: 'a message of more than 1 MiB' } : step
    }
    this.#reader.complain(step)
    return { kind: 'invalid', reason: 'parse answered what makes no sense' }
  }

  /** Made once for all messages in it: the engine goes on behind each until nothing is left. */
  #textOf(bytes: Uint8Array, start: number, end: number): string {
    if (bytes !== this.#bytes) {
      this.#text = textOf(bytes, start, end)
      this.#bytes = bytes
      this.#textAt = start
    }
    return this.#text.slice(start - this.#textAt)
  }

  /** What is left is held, and something else when it comes again. */
  #forgetText(): void {
    this.#text = ''
    this.#bytes = undefined
  }

  /** The session is kept: what the script knows of the connection stays true. */
  rejoin(): void {}
}

/** What an answer of `parse`, as JSON, means, or what is wrong with it. `here`: bytes that it was given. */
function readAnswer(json: string, here: number): Step<Message<ObjectShape>> | string {
  const answer: unknown = json === '' ? undefined : JSON.parse(json)
  if (answer === undefined || answer === null) return { kind: 'incomplete', need: here + 1 }
  if (answer === false) return { kind: 'invalid', reason: 'not of this protocol' }
  const objects = objectsIn(answer, DEEPEST_ANSWER)
  if (objects === Number.POSITIVE_INFINITY)
    return `parse returned lists and objects that lie more than ${DEEPEST_ANSWER} deep in each other`
  if (typeof answer !== 'object' || Array.isArray(answer))
    return 'parse must return an object, nothing (more bytes are needed), or false (not of this protocol)'
  const { need, skip, length, message } = answer as Record<string, unknown>
  if ([need, skip, length].filter((each) => each !== undefined).length > 1)
    return 'parse returned more than one of need, skip and length: what begins behind a message is for the next call'
  if (message !== undefined && length === undefined) return `parse returned a message without its length`
  if (need !== undefined)
    return isCount(need) && need > here
      ? { kind: 'incomplete', need }
      : `parse returned need: ${need}, and has ${here} bytes already`
  if (skip !== undefined)
    return isCount(skip) && skip > 0 ? { kind: 'skip', length: skip } : `parse returned skip: ${skip}`
  if (!isCount(length) || length > here || length === 0)
    return `parse returned length: ${length}; it must be from 1 to the ${here} bytes that it was given`
  if (message === undefined || message === null) return { kind: 'partial', length }
  if (typeof message !== 'object' || Array.isArray(message))
    return 'parse returned a message that is no object'
  const weight = json.length + objects * OBJECT_BYTES
  return { kind: 'message', length, ...found(answer as Record<string, unknown>, weight) }
}

/** Lists and objects in a value, itself included; infinitely many where they lie too deep in each other. */
function objectsIn(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth === 0) return Number.POSITIVE_INFINITY
  let objects = 1
  for (const inner of Object.values(value)) objects += objectsIn(inner, depth - 1)
  return objects
}

function found(answer: Record<string, unknown>, weight: number): Found<Message<ObjectShape>> {
  const { message, id, noReply, push, method, summary, status } = answer
  const row = { method: text(method), summary: text(summary), status: Number(status) || 0 }
  const made = new AgentMessage(
    message as Readonly<Record<string, unknown>>,
    row,
    weight,
  ) as unknown as Message<ObjectShape>
  if (noReply === true) return { message: made, id: 'no-reply' }
  if (push === true) return { message: made, id: 'push' }
  if (typeof id === 'string' || typeof id === 'number') return { message: made, id: ID_OF_SCRIPT + id }
  return { message: made }
}

/** An entry of a protocol of a script: what it has read stands in for the objects that others have. */
export class AgentEntry extends Entry {
  override get request(): object | null {
    return (super.request as AgentMessage | null)?.fields ?? null
  }
  override get response(): object | null {
    return (super.response as AgentMessage | null)?.fields ?? null
  }
}

export function agentRow(
  layout: number,
  fields: readonly LayoutField[],
  exchange: Exchange,
  origin: EntryOrigin,
): unknown[] {
  return [layout, ...encodeRow(fields, new AgentEntry(exchange, origin))]
}

function countersOf({ counters }: Dissection): Counters {
  return { dissected: counters.dissected, skipped: { ...counters.skipped }, invalid: { ...counters.invalid } }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1(bytes, start, end)
}

/** Who read it is stopped, or has made way for a newer version. */
function isOrphan({ sessions }: Conversation): boolean {
  for (const { reader } of sessions) if (reader.isGone) return true
  return false
}

function weightOf(message: unknown): number {
  return message instanceof AgentMessage ? message.weight : 0
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}

interface Conversation {
  readonly connection: Connection
  readonly handler: ConnectionHandler
  /** Events so far. */
  rows: number
  readonly sessions: { readonly reader: AgentReader; readonly session: number }[]
  /** What of `MOST_HELD` is its own. */
  held: number
}

type Counters = Pick<MadeCounters, 'dissected' | 'skipped' | 'invalid'>
type Relayed = ReturnType<typeof readRelayed>

const NOTHING: Counters = { dissected: 0, skipped: {}, invalid: {} }
/** Before the ids of scripts, which may be words that mean something to the engine. */
const ID_OF_SCRIPT = '='
/** Connections that are read at the same time; further ones take the place of the oldest. */
const MOST_CONVERSATIONS = 10_000
/** Names of addresses: beyond it they are learned anew. */
const MOST_NAMES = 10_000
/** Bytes of a message that a script can see at once. */
const LONGEST_PIECE = 1 << 20
/** Lists and objects in each other that `parse` may answer with: the realm of every agent copies them step by step. */
const DEEPEST_ANSWER = 64
/** Entries of a connection that agents read are numbered apart from what else is told of it. */
const FIRST_INDEX = 1 << 20
/** Bytes of unfinished messages, over all connections. */
const MEMORY = 16 << 20
/** Bytes, about, of messages that wait for their replies, over all connections. */
const MOST_HELD = 16 << 20
/** What a list or an object takes beside what JSON has of it. */
const OBJECT_BYTES = 64
const NO_ID =
  'parse returned a message without an id, which pairing: "by-id" needs; or noReply: true, or push: true'
const TOO_MUCH_WAITS =
  'requests without replies were given up, as they took too much memory; noReply: true says that there is none to come'
