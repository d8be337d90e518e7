import { readObject } from '../cluster/objects.ts'
import type { ClusterChange, ClusterObject } from '../wire/cluster.ts'
import type { PodEvent, PodsMessage } from './host/protocol.ts'

/** Whoever knows the pods. */
export interface PodSource {
  /**
   * A listener first gets all that is known as ADDED, at once, then each change, in order; changes of other kinds than pods are
   * not looked at. Answers how to end it.
   */
  onChanges(listener: (changes: readonly ClusterChange[]) => void): () => void
  /** Those that agents are to be told of, and from then on until they are gone; absent: all. */
  isMeant?(pod: ClusterObject): boolean
}

export interface PodDeliveryOptions {
  readonly source: PodSource
  /** False: time comes with the traffic, and changes wait for theirs, also those from before anybody heard. */
  readonly isLive: () => boolean
  /** What time it is for agents when they are told (ms). */
  readonly timeOf: (change: ClusterChange) => number
  /** Resolves when the agents have been told; with false when their process died before. */
  readonly send: (message: PodsMessage) => Promise<boolean>
  /** For the books: events on their way to a slot, those that its process lost, and those that there was no room for. */
  readonly sent: (slot: number, events: number) => void
  readonly lost: (slot: number, events: number) => void
  readonly dropped: (slot: number, events: number) => void
}

/** A message on its way, and the changes that it has. */
interface Sending {
  readonly slots: readonly number[]
  readonly events: number
  changes: readonly ClusterChange[]
  /** Its process has died. */
  isLost: boolean
}

/** All known pods on their way to agents that know none. */
interface Replay {
  readonly slots: Set<number>
  readonly pods: readonly ClusterChange[]
  at: number
}

/**
 * Brings changes of pods to the agents that have onPodEvent: each gets all pods that there are as ADDED when it was loaded, and
 * then what changes, nothing twice and nothing left out. One message is under way at a time; what comes meanwhile waits, up
 * to a limit. While nobody hears, nothing is kept.
 */
export class PodDelivery {
  readonly #options: PodDeliveryOptions
  /** As those know them that hear: by namespace and name. */
  readonly #known = new Map<string, ClusterChange>()
  /** The same with all that waits. */
  readonly #latest = new Map<string, ClusterChange>()
  /** Slots that have all of `#known`, and those that have nothing. */
  readonly #ready = new Set<number>()
  readonly #fresh = new Set<number>()
  #queue: ClusterChange[] = []
  /** What there was no room for while a message was under way: by pod. */
  readonly #passedOver = new Map<string, ClusterChange>()
  #sending: Sending | undefined
  #replay: Replay | undefined
  #isHeld = true
  #unsubscribe: (() => void) | undefined
  #idle: (() => void)[] = []

  constructor(options: PodDeliveryOptions) {
    this.#options = options
  }

  /** Changes that wait. */
  get waiting(): number {
    return this.#queue.length
  }

  /** What was loaded into the slot has onPodEvent, and knows no pod. */
  hear(slot: number): void {
    this.#ready.delete(slot)
    this.#replay?.slots.delete(slot)
    this.#fresh.add(slot)
    this.#unsubscribe ??= this.#subscribe()
    this.#next()
  }

  /** Others are meant than before. */
  lookAgain(): void {
    if (this.#unsubscribe === undefined) return
    this.#unsubscribe()
    this.#isLooking = true
    this.#unsubscribe = this.#subscribe()
    this.#isLooking = false
  }
  /** All that is known comes once more: what agents know of is no news. */
  #isLooking = false

  #subscribe(): () => void {
    return this.#options.source.onChanges((changes) => this.#take(changes))
  }

  /** It hears no more. */
  leave(slot: number): void {
    for (const slots of [this.#fresh, this.#ready, this.#replay?.slots]) slots?.delete(slot)
    if (this.#fresh.size + this.#hearing().length === 0) this.#forget()
  }

  /** Those that get what waits. */
  #hearing(): number[] {
    return [...this.#ready, ...(this.#replay?.slots ?? [])]
  }

  /** Agents are being loaded: nothing is told until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#next()
  }

  /** The process has died, and its successor has agents that know no pod. */
  restarted(): void {
    for (const slot of this.#hearing()) this.#fresh.add(slot)
    this.#ready.clear()
    this.#replay = undefined
    if (this.#sending?.isLost === false) this.#takeBack(this.#sending)
    this.#next()
  }

  #takeBack(sending: Sending): void {
    sending.isLost = true
    for (const slot of sending.slots) this.#options.lost(slot, sending.events)
    if (this.#passedOver.size === 0) this.#queue.unshift(...sending.changes)
    else {
      // They came before what there was no room for, and cannot come after it.
      for (const slot of sending.slots) this.#options.dropped(slot, sending.changes.length)
      this.#learnAll(sending.changes)
    }
  }

  /** Resolves when all that came so far has been told. */
  async told(): Promise<void> {
    while (this.#sending !== undefined || (this.#queue.length > 0 && !this.#isHeld))
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve)
      })
  }

  close(): void {
    this.#isHeld = true
    this.#end()
  }

  #end(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  #forget(): void {
    this.#end()
    if (this.#sending !== undefined) this.#sending.changes = []
    this.#known.clear()
    this.#latest.clear()
    this.#passedOver.clear()
    this.#queue = []
    this.#replay = undefined
  }

  #take(changes: readonly ClusterChange[]): void {
    for (const change of changes)
      if (change.kind === 'pod') for (const each of this.#inOrder(change)) this.#enqueue(each)
    this.#next()
  }

  /** A change as agents are to hear it: a pod that they do not know is added first, and one of the same name is gone before. */
  #inOrder(change: ClusterChange): readonly ClusterChange[] {
    const key = keyOf(change.object)
    const before = this.#latest.get(key)
    const isSame = before !== undefined && before.object.metadata.uid === change.object.metadata.uid
    if (change.type === 'DELETED') {
      if (!isSame) return []
      this.#latest.delete(key)
      return [change]
    }
    if (isSame && this.#isLooking) return []
    const inOrder: ClusterChange[] = []
    if (before !== undefined && !isSame) {
      this.#latest.delete(key)
      inOrder.push({ kind: 'pod', type: 'DELETED', at: change.at, object: before.object })
    }
    if (!isSame && this.#options.source.isMeant?.(change.object) === false) return inOrder
    this.#latest.set(key, change)
    return [...inOrder, { ...change, type: isSame ? 'MODIFIED' : 'ADDED' }]
  }

  #enqueue(change: ClusterChange): void {
    // All who hear get it with everything else that there is.
    const isHeard = this.#ready.size > 0 || !this.#options.isLive()
    if (!isHeard && this.#sending === undefined && this.#replay === undefined) {
      this.#learn([...this.#queue, change])
      this.#queue = []
      return
    }
    this.#queue.push(change)
    if (this.#queue.length <= MOST_WAITING) return
    const oldest = this.#queue.shift() as ClusterChange
    for (const slot of this.#hearing()) this.#options.dropped(slot, 1)
    if (this.#sending === undefined) this.#learn([oldest])
    else this.#passedOver.set(keyOf(oldest.object), oldest)
  }

  /** And what was passed over after them. */
  #learnAll(changes: readonly ClusterChange[]): void {
    this.#learn(changes)
    this.#learn(this.#passedOver.values())
    this.#passedOver.clear()
  }

  #learn(changes: Iterable<ClusterChange>): void {
    for (const change of changes) {
      const key = keyOf(change.object)
      if (change.type === 'DELETED') this.#known.delete(key)
      else this.#known.set(key, change)
    }
  }

  #next(): void {
    if (this.#sending !== undefined || this.#isHeld) return
    if (this.#replay === undefined && this.#fresh.size > 0) {
      this.#replay = { slots: new Set(this.#fresh), pods: [...this.#known.values()], at: 0 }
      this.#fresh.clear()
    }
    if (this.#replay !== undefined) this.#sendKnown(this.#replay)
    else if (this.#queue.length > 0) this.#sendChanges()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  #sendKnown(replay: Replay): void {
    const { events, end } = this.#packed(replay.pods, replay.at, 'ADDED')
    if (events.length === 0) {
      this.#replay = undefined
      for (const slot of replay.slots) this.#ready.add(slot)
      this.#next()
      return
    }
    replay.at = end
    this.#send([...replay.slots], events, [])
  }

  #sendChanges(): void {
    const { events, end } = this.#packed(this.#queue, 0)
    this.#send([...this.#ready], events, this.#queue.splice(0, end))
  }

  #send(slots: readonly number[], events: readonly PodEvent[], changes: readonly ClusterChange[]): void {
    for (const slot of slots) this.#options.sent(slot, events.length)
    const sending: Sending = { slots, events: events.length, changes, isLost: false }
    this.#sending = sending
    void this.#options.send({ slots, events, isTimed: !this.#options.isLive() }).then((isTold) => {
      if (!isTold) this.restarted()
      this.#sending = undefined
      if (!sending.isLost) this.#learnAll(sending.changes)
      this.#next()
    })
  }

  /** As many as cross together, from `start` on. */
  #packed(changes: readonly ClusterChange[], start: number, as?: ClusterChange['type']) {
    const events: PodEvent[] = []
    let characters = 0
    let end = start
    while (end < changes.length && events.length < MOST_TOGETHER && characters < MOST_CHARACTERS) {
      const change = changes[end++] as ClusterChange
      const event = this.#eventOf(change, as)
      events.push(event)
      characters += event.pod.length
    }
    return { events, end }
  }

  /** `as`: there is no more to be said of it than that it is there. */
  #eventOf(change: ClusterChange, as: ClusterChange['type'] | undefined): PodEvent {
    const { type, object, at, reason } = change
    const event = {
      ms: this.#options.timeOf(change),
      event: as ?? type,
      pod: JSON.stringify(object),
      meta: JSON.stringify({ node: readObject('pod', object)?.spec.nodeName ?? '', time: at }),
    }
    return reason === undefined || as !== undefined ? event : { ...event, reason: JSON.stringify(reason) }
  }
}

function keyOf({ metadata }: ClusterObject): string {
  return `${metadata.namespace}/${metadata.name}`
}

/** Changes that wait for the sandbox: the oldest go when there are more. */
const MOST_WAITING = 10_000
const MOST_TOGETHER = 200
const MOST_CHARACTERS = 512 << 10
