import { randomUUID } from 'node:crypto'
import type { Bus } from '../../bus/bus.ts'
import { objectKey } from '../../cluster/objects.ts'
import { Mistake } from '../../mistake/mistake.ts'
import {
  type ClusterKept,
  type ClusterKind,
  type ClusterNews,
  type ClusterQuestion,
  clusterQuestion,
} from '../../wire/cluster.ts'
import { decode } from '../../wire/codec.ts'
import { SUBJECTS } from '../../wire/subjects.ts'
import type { PackedObject } from './packed-object.ts'

export interface FeedOptions {
  readonly bus: Pick<Bus, 'publish' | 'respond' | 'mostBytes'>
  /** Grows with each hub that leads. */
  readonly term: number
  /** For tests: how long changes wait for others. */
  readonly batchMs?: number
  readonly beatMs?: number
  /** Likewise: messages that go out at once. */
  readonly burst?: number
}

/**
 * Tells all programs what there is in the cluster: changes in numbered messages, and to those who ask what they have missed,
 * or all there is, in pages. What it is told goes out as it is: the texts of objects are not read again.
 */
export class ClusterFeed {
  readonly id = randomUUID()
  readonly #bus: FeedOptions['bus']
  readonly #term: number
  /** Another hub has told nearly everything before. */
  readonly #isLater: boolean
  readonly #batchMs: number
  readonly #burst: number
  readonly #mostBytes: number
  /** In the order of their places: an object that comes anew gets a new one, behind all others. */
  readonly #objects = new Map<string, Entry>()
  readonly #counts: Record<ClusterKind, number> = { pod: 0, service: 0, endpointSlice: 0, node: 0 }
  readonly #complete = new Set<string>()
  readonly #log = new MessageLog()
  readonly #stopAnswering: () => void
  readonly #beating: NodeJS.Timeout
  /** Changes to be sent. */
  #waiting: string[] = []
  /** What is complete when so many changes in all have been sent. */
  #completing: { readonly scope: string; readonly sent: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #place = 0
  #seq = 0
  #clusterId = ''
  #sent = 0
  #unchanged = 0
  #pages = 0
  #tooLarge = 0
  #tooMany = 0
  #kept = 0

  constructor({ bus, term, batchMs = BATCH_MS, beatMs = BEAT_MS, burst = BURST }: FeedOptions) {
    this.#bus = bus
    this.#term = term
    this.#isLater = term > 1
    this.#batchMs = batchMs
    this.#burst = burst
    this.#mostBytes = Math.min(MESSAGE_BYTES, bus.mostBytes - HEAD_BYTES)
    this.#stopAnswering = bus.respond(SUBJECTS.clusterFeed(this.id), async (payload) => this.#answer(payload))
    this.#beating = setInterval(() => this.#beat(), beatMs)
    this.#beat()
  }

  set clusterId(id: string) {
    this.#clusterId = id
  }

  /** How many objects are known, by kind. */
  get known(): Readonly<Record<ClusterKind, number>> {
    return { ...this.#counts }
  }

  get counters() {
    return {
      sent: this.#sent,
      unchanged: this.#unchanged,
      pages: this.#pages,
      'too-large': this.#tooLarge,
      'too-many': this.#tooMany,
      kept: this.#kept,
    }
  }

  /** All that there is in a scope now: what it had before, and is not among them, is gone. */
  all(scope: string, objects: readonly PackedObject[], at: number): void {
    const keys = new Set(objects.map(objectKey))
    // First who has gone: somebody else may have its address by now.
    for (const [key, entry] of this.#objects)
      if (entry.scope === scope && !keys.has(key)) this.#remove(key, entry, at)
    const isFirst = this.#isLater && !this.#complete.has(scope)
    for (const object of objects) this.#put(scope, object, at, isFirst)
    this.#completing.push({ scope, sent: this.#sent + this.#waiting.length })
    this.#flush(this.#burst)
  }

  put(scope: string, object: PackedObject, at: number): void {
    this.#put(scope, object, at, false)
  }

  /** `isLikelyKnown`: another hub has told it before. */
  #put(scope: string, object: PackedObject, at: number, isLikelyKnown: boolean): void {
    const key = objectKey(object)
    const before = this.#objects.get(key)
    if (before !== undefined && before.object.content === object.content) {
      this.#unchanged++
      return
    }
    if (!this.#hasRoom(object, before)) return
    if (before !== undefined && before.object.uid !== object.uid) {
      this.#remove(key, before, at)
      this.#put(scope, object, at, false)
      return
    }
    const place = before?.place ?? ++this.#place
    if (before === undefined) this.#counts[object.kind]++
    const isKept = before === undefined && isLikelyKnown
    this.#objects.set(key, { scope, object, at, place, isTold: !isKept })
    if (isKept) this.#kept++
    this.#queue(isKept ? keptText(object) : textOf(before === undefined ? 'ADDED' : 'MODIFIED', object, at))
  }

  delete(object: PackedObject, at: number): void {
    const key = objectKey(object)
    const before = this.#objects.get(key)
    // One of the same name that is there by now is another one.
    if (before?.object.uid === object.uid) this.#remove(key, { ...before, object }, at)
  }

  close(): void {
    this.#stopAnswering()
    clearInterval(this.#beating)
    clearTimeout(this.#timer)
  }

  #remove(key: string, { object }: Entry, at: number): void {
    this.#objects.delete(key)
    this.#counts[object.kind]--
    this.#queue(textOf('DELETED', object, at))
  }

  #hasRoom(object: PackedObject, before: Entry | undefined): boolean {
    const isTooLarge = Buffer.byteLength(object.content) > this.#bus.mostBytes - HEAD_BYTES
    if (isTooLarge) this.#tooLarge++
    else if (before === undefined && this.#objects.size >= MOST_OBJECTS) this.#tooMany++
    else return true
    return false
  }

  #queue(change: string): void {
    this.#waiting.push(change)
    this.#timer ??= setTimeout(() => this.#flush(this.#burst), this.#batchMs)
  }

  /** So many messages; the rest a little later, lest all else that goes over the bus has to wait for them. */
  #flush(messages: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const most = this.#waiting.length > MOST_WAITING ? Number.POSITIVE_INFINITY : messages
    let sent = 0
    let published = 0
    for (const changes of portions(this.#waiting, this.#mostBytes)) {
      if (published++ >= most) break
      const text = changes.join(',')
      this.#log.add(++this.#seq, text)
      sent += changes.length
      this.#publish(text)
    }
    this.#waiting = this.#waiting.slice(sent)
    this.#sent += sent
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#flush(this.#burst), this.#batchMs)
    this.#tellComplete()
  }

  #tellComplete(): void {
    const done = this.#completing.filter(({ sent }) => sent <= this.#sent)
    if (done.length === 0) return
    this.#completing = this.#completing.filter(({ sent }) => sent > this.#sent)
    for (const { scope } of done) this.#complete.add(scope)
    this.#beat()
  }

  /** Who has missed the last message learns of it. */
  #beat(): void {
    this.#publish('')
  }

  #publish(changes: string): void {
    const head: Omit<ClusterNews, 'changes'> = {
      feed: this.id,
      term: this.#term,
      seq: this.#seq,
      clusterId: this.#clusterId,
      complete: [...this.#complete],
    }
    this.#bus.publish(
      SUBJECTS.clusterNews,
      Buffer.from(`${JSON.stringify(head).slice(0, -1)},"changes":[${changes}]}`),
    )
  }

  #answer(payload: Uint8Array): Uint8Array {
    const question = decode(clusterQuestion, payload)
    if (question === undefined)
      throw new Mistake('E_REQUEST', 'what is asked of the cluster is not understood')
    return Buffer.from(this.#answerTo(question))
  }

  #answerTo(question: ClusterQuestion): string {
    switch (question.kind) {
      case 'news':
        return this.#missed(question.after)
      case 'page':
        return this.#page(question.after)
      case 'tell':
        return this.#tell(question.keys)
    }
  }

  /** Once to all: who needs one of them is not the only one as a rule. */
  #tell(keys: readonly string[]): string {
    for (const key of keys) {
      const entry = this.#objects.get(key)
      if (entry === undefined || entry.isTold) continue
      entry.isTold = true
      this.#queue(textOf('ADDED', entry.object, entry.at))
    }
    return '{"kind":"told"}'
  }

  #missed(after: number): string {
    const messages = this.#log.after(after, this.#mostBytes)
    if (messages === undefined || after > this.#seq) return '{"kind":"gone"}'
    const texts = messages.map(({ seq, text }) => `{"seq":${seq},"changes":[${text}]}`)
    return `{"kind":"news","messages":[${texts.join(',')}]}`
  }

  #page(after: number): string {
    this.#pages++
    // So that it is exactly what was told up to a message.
    this.#flush(Number.POSITIVE_INFINITY)
    const texts: string[] = []
    let bytes = 0
    let next: number | null = null
    let last = after
    for (const { object, at, place } of this.#objects.values()) {
      if (place <= after) continue
      const text = textOf('ADDED', object, at)
      bytes += Buffer.byteLength(text) + 1
      if (bytes > this.#mostBytes && texts.length > 0) {
        next = last
        break
      }
      last = place
      texts.push(text)
    }
    const complete = JSON.stringify([...this.#complete])
    return `{"kind":"page","seq":${this.#seq},"complete":${complete},"next":${next},"objects":[${texts.join(',')}]}`
  }
}

interface Entry {
  readonly scope: string
  readonly object: PackedObject
  readonly at: number
  readonly place: number
  /** Not KEPT alone. */
  isTold: boolean
}

/** The last messages, for who has missed some. */
class MessageLog {
  #messages: { readonly seq: number; readonly text: string }[] = []
  #length = 0

  add(seq: number, text: string): void {
    this.#messages.push({ seq, text })
    this.#length += text.length
    let old = 0
    while (this.#length > LOG_LENGTH && old < this.#messages.length - 1) {
      this.#length -= this.#messages[old]?.text.length ?? 0
      old++
    }
    if (old > 0) this.#messages = this.#messages.slice(old)
  }

  /** The next ones after a number, as many as fit, and one at least; undefined when they are not kept any more. */
  after(seq: number, mostBytes: number): { readonly seq: number; readonly text: string }[] | undefined {
    const first = this.#messages[0]
    if (first === undefined) return []
    if (first.seq > seq + 1) return undefined
    const found: { readonly seq: number; readonly text: string }[] = []
    let bytes = 0
    for (const message of this.#messages.slice(seq + 1 - first.seq)) {
      bytes += Buffer.byteLength(message.text) + HEAD_OF_ONE
      if (bytes > mostBytes && found.length > 0) break
      found.push(message)
    }
    return found
  }
}

/** In order, each as large as a message may be; one that is larger alone. */
function* portions(texts: readonly string[], mostBytes: number): Generator<string[]> {
  let portion: string[] = []
  let bytes = 0
  for (const text of texts) {
    const more = Buffer.byteLength(text) + 1
    if (bytes + more > mostBytes && portion.length > 0) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(text)
    bytes += more
  }
  if (portion.length > 0) yield portion
}

/** A `clusterChange`. */
function textOf(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: PackedObject, at: number): string {
  return `{"kind":"${object.kind}","type":"${type}","at":${at},"object":${object.json()}}`
}

/** A `clusterKept`. */
function keptText({ kind, namespace, name, uid, hash }: PackedObject): string {
  return JSON.stringify({ kind, type: 'KEPT', namespace, name, uid, hash } satisfies ClusterKept)
}

const BATCH_MS = 100
const BEAT_MS = 1000
/** Messages that go out at once: with `BATCH_MS`, 10 MiB a second. */
const BURST = 16
/** Changes; when there are more, all go out. */
const MOST_WAITING = 50_000
/** Of a message, where the bus takes as much. */
const MESSAGE_BYTES = 64 << 10
/** What stands around the changes of a message. */
const HEAD_BYTES = 16 << 10
const HEAD_OF_ONE = 40
/** Of what is kept for those who have missed something. */
const LOG_LENGTH = 4 << 20
/** Pods, services, endpoint slices and nodes together. */
const MOST_OBJECTS = 500_000
