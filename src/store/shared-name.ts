import { emptyOf, sumOf } from '../shared-state/kinds.ts'
import { type Part, writePart } from '../shared-state/part.ts'
import { Replicas } from '../shared-state/replicas.ts'
import { type MessageId, Seen } from '../shared-state/seen.ts'
import type { Kind, Shared } from '../shared-state/value.ts'

export type NameOfAgent = Pick<Part, 'agent' | 'title' | 'kind' | 'name'>

/** Who writes: a node, and which run of it. */
export interface Writer {
  readonly node: string
  readonly boot: string
}

/** What is added and not known to be written. */
interface Added {
  value: Shared
  /** What messages brought, each by itself: a run of this node that came before may have written it as well. */
  messages: { readonly id: MessageId; readonly value: Shared }[]
}

/**
 * One name of one agent: the newest part of each node, and what this node has added since its part was written. A write is
 * numbered, and the number is in what is written: one of which nobody knows whether it came through is not added twice.
 */
export class SharedName {
  readonly agent: string
  readonly kind: Kind
  readonly name: string
  title: string
  readonly #writer: Writer
  readonly #replicas = new Replicas()
  /** Of this node's part; undefined when none is known to be there. */
  #revision: number | undefined
  #epoch = 0
  /** Since the last write began. */
  #added: Added
  /** What a write that is not known to have come through would add, with its number. */
  #sending: (Added & { readonly number: number; readonly part: Part }) | undefined
  #writes = 0
  #total: Shared | undefined
  /** The newest write of which the title is known. */
  #titledAt = 0

  constructor({ agent, title, kind, name }: NameOfAgent, writer: Writer) {
    this.agent = agent
    this.title = title
    this.kind = kind
    this.name = name
    this.#writer = writer
    this.#added = this.#nothing()
  }

  /** Adds, unless it is what a message brings that was added before: all of it at once. */
  add(value: Shared, message?: MessageId): void {
    if (message === undefined) this.#added.value.merge(value)
    else if (!this.#hasSeen(message)) this.#addMessage(message, value)
    this.#total = undefined
  }

  #addMessage(id: MessageId, value: Shared): void {
    const { messages } = this.#added
    messages.push({ id, value })
    if (messages.length <= MOST_MESSAGES) return
    // Nobody waits until they are written, and they cannot be.
    const oldest = messages.shift()
    if (oldest !== undefined) this.#added.value.merge(oldest.value)
  }

  /** Begins again at nothing. */
  reset(): void {
    this.#epoch++
    for (const added of [this.#added, this.#sending]) {
      if (added === undefined) continue
      added.value = emptyOf(this.kind)
      // They must not count later either.
      added.messages = added.messages.map(({ id }) => ({ id, value: emptyOf(this.kind) }))
    }
    this.#total = undefined
  }

  /** What all nodes have added. Not to be changed. */
  total(): Shared {
    this.#total ??= sumOf(this.kind, this.parts())
    return this.#total
  }

  /** The parts of which it is the sum. */
  parts(): Shared[] {
    const own = [
      ...(this.#sending === undefined ? [] : this.#news(this.#sending)),
      ...this.#news(this.#added),
    ]
    return this.#replicas.counted(this.#epoch, this.#writer.node, own)
  }

  /** What no part has, of this node or of one that had the same message before. */
  #news({ value, messages }: Added): Shared[] {
    const unseen = messages.filter(({ id }) => !this.#replicas.hasSeen(id.sender, id.number))
    return [value, ...unseen.map((message) => message.value)]
  }

  nodes(): string[] {
    return this.#replicas.nodes()
  }

  /** Nobody has anything of it. */
  get isGone(): boolean {
    return this.#replicas.size === 0 && this.#sending === undefined && isNothing(this.#added)
  }

  /** This node has counted something that counts. */
  get isWorthKeeping(): boolean {
    const own = this.#own
    return own !== undefined && own.epoch === this.#epoch && !own.value.isEmpty
  }

  /** A node has written; answers whether this node is to write as well: a reset takes what it had. */
  learn(part: Part, revision: number): boolean {
    // Of a write of this node that is under way, its answer will tell.
    if (part.node === this.#writer.node && this.#sending !== undefined) return false
    if (!this.#replicas.put(part)) return false
    if (part.node === this.#writer.node) this.#revision = revision
    if (revision > this.#titledAt) this.title = part.title
    this.#titledAt = Math.max(this.#titledAt, revision)
    this.#total = undefined
    if (part.epoch <= this.#epoch) return false
    this.#epoch = part.epoch
    return this.#own !== undefined && this.#own.epoch < part.epoch
  }

  /** The part of a node was deleted. */
  unlearn(node: string): void {
    this.#replicas.delete(node)
    if (node === this.#writer.node) this.#revision = undefined
    this.#total = undefined
  }

  /**
   * What this node is to write, and in place of what: undefined when there is nothing. One of which it is not known whether it
   * came through is tried again as it was; what was added since is for the next.
   */
  toWrite(): {
    readonly bytes: Uint8Array
    readonly revision: number | undefined
    readonly isLatest: boolean
  } {
    const isLatest = this.#sending === undefined
    if (this.#sending === undefined) {
      const added = this.#added
      this.#added = this.#nothing()
      this.#begin(added)
    } else this.#begin(this.#sending)
    const { part } = this.#sending as Added & { part: Part }
    return { bytes: writePart(part), revision: this.#revision, isLatest }
  }

  /** The write came through. */
  written(revision: number): void {
    if (this.#sending === undefined) return
    this.#replicas.put(this.#sending.part)
    this.#revision = revision
    this.#sending = undefined
    this.#total = undefined
  }

  /**
   * There was something else in its place than was thought, or nothing. Answers whether that had this write in it already and
   * nothing is left to write.
   */
  rebase(part: Part | undefined, revision: number | undefined): boolean {
    const { node, boot } = this.#writer
    this.#revision = revision
    // It was not deleted, or that would have been told: the bucket has lost it.
    if (revision === undefined) return false
    const found = part ?? { ...this.#partOf(emptyOf(this.kind), new Seen()), version: 0 }
    this.#replicas.delete(node)
    this.#replicas.put(found)
    this.#epoch = Math.max(this.#epoch, found.epoch)
    this.#total = undefined
    if (this.#sending === undefined || !found.seen.has(boot, this.#sending.number)) return false
    this.#sending = undefined
    return isNothing(this.#added) && found.epoch === this.#epoch
  }

  get #own(): Part | undefined {
    return this.#replicas.of(this.#writer.node)
  }

  #begin(added: Added): void {
    const number = this.#sending?.number ?? ++this.#writes
    const own = this.#own
    const before = own !== undefined && own.epoch === this.#epoch ? [own.value] : []
    const all = new Seen()
    if (own !== undefined) all.merge(own.seen)
    for (const { id } of added.messages) all.add(id.sender, id.number)
    all.add(this.#writer.boot, number)
    const value = sumOf(this.kind, [...before, ...this.#news(added)])
    this.#sending = { ...added, number, part: this.#partOf(value, all) }
  }

  #partOf(value: Shared, seen: Seen): Part {
    const { agent, title, kind, name } = this
    const version = (this.#own?.version ?? 0) + 1
    return { agent, title, kind, name, node: this.#writer.node, version, epoch: this.#epoch, value, seen }
  }

  #hasSeen({ sender, number }: MessageId): boolean {
    const waiting = [...(this.#sending?.messages ?? []), ...this.#added.messages]
    if (waiting.some(({ id }) => id.sender === sender && id.number === number)) return true
    return this.#replicas.hasSeen(sender, number)
  }

  #nothing(): Added {
    return { value: emptyOf(this.kind), messages: [] }
  }
}

function isNothing({ value, messages }: Added): boolean {
  return value.isEmpty && messages.length === 0
}

/** Messages whose parts are kept apart until they are written: who adds more waits for none. */
const MOST_MESSAGES = 100
