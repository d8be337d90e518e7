import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { type RespValue, readValue } from './value.ts'
import { ARRAY, CR, PUSH, SIMPLE } from './walker.ts'

/**
 * What both sides of a connection know of each other: which messages of the server answer a command, and which come
 * unasked. Subscriptions, MONITOR and CLIENT REPLY break the rule that each command has one reply.
 */
export class Session {
  /** Commands sent that have a reply, and replies that came for them. */
  #asked = 0
  #answered = 0
  /** Of the commands without a reply yet those that change what the server sends, the oldest first. */
  readonly #turns: Turn[] = []
  /** Confirmations still to come of a command whose first one came: SUBSCRIBE has one for each channel. */
  readonly #due = { name: '', count: 0 }
  readonly #subscriptions = { channels: 0, patterns: 0, shards: 0 }
  #isSubscribed = false
  #isMonitoring = false
  /** The client asked for the stream of commands that replicas get … */
  #asksForStream = false
  /** … and gets it. */
  #isReplica = false
  #silence: 'none' | 'next' | 'all' = 'none'

  /** A command was sent. False: it has no reply. */
  expectsReply(sent: SentCommand): boolean {
    if (!this.#isHeard(sent)) return false
    if (TURNS.has(sent.command) && this.#turns.length < MOST_TURNS)
      this.#turns.push({ ordinal: this.#asked, command: sent.command, count: sent.args.length })
    this.#asked++
    return true
  }

  /** A reply to PSYNC; true when the database follows. */
  beginsSnapshot(wire: Uint8Array): boolean {
    if (u8(wire, 0) !== SIMPLE || (wire[1] !== LETTER_F && wire[1] !== LETTER_C)) return false
    const [, word] = /^\+(FULLRESYNC|CONTINUE)\b/.exec(latin1(wire, 0, Math.min(wire.length, 16))) ?? []
    this.#isReplica ||= word === 'FULLRESYNC' || (word !== undefined && this.#asksForStream)
    return word === 'FULLRESYNC'
  }

  /** The pub/sub message in a value that the server sent, or the command for a replica; undefined when it is neither. */
  eventIn(wire: Uint8Array): ServerEvent | undefined {
    const type = u8(wire, 0)
    if (this.#isReplica && type === ARRAY) {
      const { items = [] } = readValue(wire)
      return { name: items[0]?.text.toUpperCase() ?? '', items }
    }
    if (type !== PUSH && (type !== ARRAY || !this.#mayBeEvent())) return undefined
    if (type === ARRAY && !hasFewElements(wire)) return undefined
    const { items = [] } = readValue(wire)
    const name = items[0]?.text.toUpperCase() ?? ''
    if (type === ARRAY && EVENT_LENGTHS[name] !== items.length) return undefined
    return { name, items }
  }

  /** Whether what the server sent answers the oldest command without a reply; if not, it came unasked. */
  answers(wire: Uint8Array, event: ServerEvent | undefined): boolean {
    if (event !== undefined && this.#isReplica) return false
    if (event !== undefined && CONFIRMATIONS.has(event.name)) return this.#confirms(event)
    if (event !== undefined) {
      this.#isSubscribed = true
      return false
    }
    if (this.#isMonitoring && isMonitorLine(wire)) return false
    this.#answer(wire)
    return true
  }

  #isHeard(sent: SentCommand): boolean {
    const { command } = sent
    if (command === 'REPLCONF' && sent.key.toUpperCase() === 'ACK') {
      this.#isReplica = true
      return false
    }
    if (command === 'RESET') this.#silence = 'none'
    if (command === 'PSYNC') this.#asksForStream = true
    if (command === 'CLIENT' && sent.key.toUpperCase() === 'REPLY')
      return this.#changesSilence(sent.args[1] ?? '')
    const heard = this.#silence === 'none'
    if (this.#silence === 'next') this.#silence = 'none'
    return heard
  }

  #changesSilence(mode: string): boolean {
    if (mode.toUpperCase() === 'ON') this.#silence = 'none'
    else if (mode.toUpperCase() === 'OFF') this.#silence = 'all'
    else if (this.#silence === 'none') this.#silence = 'next'
    return this.#silence === 'none'
  }

  /** Arrays look like replies: they are pub/sub messages where a reply cannot be, or where one was asked for. */
  #mayBeEvent(): boolean {
    return (
      this.#isSubscribed || this.#turns.length > 0 || this.#due.count > 0 || this.#asked === this.#answered
    )
  }

  #confirms({ name, items }: ServerEvent): boolean {
    const before = this.#count(name)
    this.#subscribed(name, Number(items[2]?.text))
    if (this.#due.count > 0 && this.#due.name === name) {
      this.#due.count--
      return false
    }
    this.#due.count = 0
    // After losses the counts may be off; replies come in order, so a confirmation tells how far they are.
    const index = this.#turns.findIndex((each) => each.command === name)
    const turn = this.#turns.splice(0, index + 1).at(-1)
    if (turn === undefined) return false
    this.#answered = turn.ordinal + 1
    this.#due.name = name
    // Without arguments it ends all subscriptions of its kind, and is confirmed once when there are none.
    this.#due.count = Math.max(turn.count === 0 ? before : turn.count, 1) - 1
    return true
  }

  #answer(wire: Uint8Array): void {
    this.#due.count = 0
    const turn = this.#turns[0]
    if (turn?.ordinal === this.#answered && u8(wire, 0) === SIMPLE) {
      if (turn.command === 'MONITOR') this.#isMonitoring = true
      if (turn.command === 'RESET') this.#reset()
    }
    this.#next()
  }

  #next(): void {
    if (this.#turns[0]?.ordinal === this.#answered) this.#turns.shift()
    if (this.#answered < this.#asked) this.#answered++
  }

  #reset(): void {
    this.#isMonitoring = false
    this.#isSubscribed = false
    Object.assign(this.#subscriptions, { channels: 0, patterns: 0, shards: 0 })
  }

  /** A confirmation tells how many subscriptions there are now, channels and patterns together. */
  #subscribed(name: string, total: number): void {
    if (Number.isNaN(total)) return
    const now = this.#subscriptions
    if (name.startsWith('P')) now.patterns = Math.max(total - now.channels, 0)
    else if (isSharded(name)) now.shards = total
    else now.channels = Math.max(total - now.patterns, 0)
    this.#isSubscribed = now.channels + now.patterns + now.shards > 0
  }

  #count(name: string): number {
    if (name.startsWith('P')) return this.#subscriptions.patterns
    return isSharded(name) ? this.#subscriptions.shards : this.#subscriptions.channels
  }
}

/** `message`, `subscribe` and their kin or a command, in upper case, with all elements of the value. */
export interface ServerEvent {
  readonly name: string
  readonly items: readonly RespValue[]
}

/** What is read of a command here. */
interface SentCommand {
  readonly command: string
  readonly key: string
  readonly args: readonly string[]
}

interface Turn {
  /** Of the commands that have a reply, counted from 0. */
  readonly ordinal: number
  readonly command: string
  /** Its arguments. */
  readonly count: number
}

/** `*3` or `*4`, as pub/sub messages are: what need not be read to be sure is not. */
function hasFewElements(wire: Uint8Array): boolean {
  return (u8(wire, 1) === 0x33 || u8(wire, 1) === 0x34) && u8(wire, 2) === CR
}

function isSharded(name: string): boolean {
  return name === 'SSUBSCRIBE' || name === 'SUNSUBSCRIBE'
}

/** `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"` */
function isMonitorLine(wire: Uint8Array): boolean {
  const first = u8(wire, 1)
  return u8(wire, 0) === SIMPLE && first >= 0x30 && first <= 0x39
}

const LETTER_C = 0x43
const LETTER_F = 0x46

const CONFIRMATIONS: ReadonlySet<string> = new Set([
  'SUBSCRIBE',
  'PSUBSCRIBE',
  'SSUBSCRIBE',
  'UNSUBSCRIBE',
  'PUNSUBSCRIBE',
  'SUNSUBSCRIBE',
])
const TURNS: ReadonlySet<string> = new Set([...CONFIRMATIONS, 'MONITOR', 'RESET'])
/** Elements of pub/sub messages in RESP2. */
const EVENT_LENGTHS: Readonly<Record<string, number>> = {
  ...Object.fromEntries([...CONFIRMATIONS].map((name) => [name, 3])),
  MESSAGE: 3,
  SMESSAGE: 3,
  PMESSAGE: 4,
}
/** Subscriptions that a client may have asked for before the first is answered; the rest count as plain commands. */
const MOST_TURNS = 1024
