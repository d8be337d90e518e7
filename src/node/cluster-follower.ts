import { isDeepStrictEqual } from 'node:util'
import type { Bus } from '../bus/bus.ts'
import {
  type ClusterObjects,
  contentOf,
  type KnownChange,
  objectKey,
  readObject,
} from '../cluster/objects.ts'
import { podReason } from '../cluster/pod-reasons.ts'
import { SharedParts } from '../cluster/shared-parts.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import { Mistake } from '../mistake/mistake.ts'
import { pause } from '../waiting/pause.ts'
import {
  type ClusterAnswer,
  type ClusterKept,
  type ClusterKind,
  type ClusterNews,
  type ClusterQuestion,
  clusterAnswer,
  clusterChange,
  clusterKept,
  clusterNews,
} from '../wire/cluster.ts'
import { decode, encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { contentHash } from './content-hash.ts'
import type { Note } from './note.ts'

export interface ClusterFollowerOptions {
  readonly bus: Pick<Bus, 'subscribe' | 'request'>
  /** False where nobody wants to know of a cluster. */
  readonly isOn: boolean
  readonly note: Note
  /** For tests: how long it waits before it asks again what was not answered. */
  readonly againMs?: number
}

export type ClusterListener = (changes: readonly KnownChange[]) => void

/**
 * What is known of the cluster here: follows what the hub that leads tells. What is known stays known while nobody tells
 * anything, and after that only differences are told on. Messages that were lost are asked for, or all there is.
 */
export class ClusterFollower {
  readonly #bus: ClusterFollowerOptions['bus']
  readonly #againMs: number
  readonly #isOn: boolean
  readonly #note: Note
  readonly #known = new Map<string, Known>()
  readonly #byKind: { readonly [Kind in ClusterKind]: Map<string, Known> } = {
    pod: new Map(),
    service: new Map(),
    endpointSlice: new Map(),
    node: new Map(),
  }
  readonly #shared = new SharedParts()
  readonly #listeners = new Set<ClusterListener>()
  readonly #closing = new AbortController()
  readonly #unsubscribe: () => void
  #feed: Feed | undefined
  #heardAt = Number.NEGATIVE_INFINITY
  #working: Promise<void> | undefined
  /** Of what was told since all there was had been asked for the last time. */
  #round = 0
  #resyncs = 0
  #repaired = 0
  #malformed = 0
  #refused = 0
  #failures = 0
  #hasNotedFull = false

  constructor({ bus, isOn, note, againMs = AGAIN_MS }: ClusterFollowerOptions) {
    this.#againMs = againMs
    this.#bus = bus
    this.#isOn = isOn
    this.#note = note
    this.#unsubscribe = isOn
      ? bus.subscribe(SUBJECTS.clusterNews, (payload) => this.#hear(payload))
      : () => {}
  }

  /** `waiting`: what is known may be old, or nothing is. */
  get state(): 'off' | 'waiting' | 'following' {
    if (!this.#isOn) return 'off'
    const isKnown = this.#feed?.seq !== undefined && this.#feed.lacking.size === 0
    return isKnown && !this.#isSilent() ? 'following' : 'waiting'
  }

  /** Identity of the cluster: that of its namespace `kube-system`; "" where it is not known. */
  get clusterId(): string {
    return this.#feed?.clusterId ?? ''
  }

  /** Since the hub that leads was heard the last time; undefined when it never was. */
  get silentMs(): number | undefined {
    return Number.isFinite(this.#heardAt) ? Math.round(performance.now() - this.#heardAt) : undefined
  }

  /** All that are known of a kind now. */
  objects<Kind extends ClusterKind>(kind: Kind): ClusterObjects[Kind][] {
    return Array.from(this.#byKind[kind].values(), ({ change }) => change.object as ClusterObjects[Kind])
  }

  /** For `utils.health` and those who run it; nothing where no cluster was ever heard of. */
  get health(): Readonly<Record<string, unknown>> {
    const newsAgeMs = this.silentMs
    if (newsAgeMs === undefined) return {}
    const known = Object.entries(this.#byKind).map(([kind, objects]) => [kind, objects.size])
    return { cluster: { state: this.state, newsAgeMs, known: Object.fromEntries(known) } }
  }

  /** Everything that is known comes first, at once, as ADDED; then changes in order. Answers how to stop. */
  onChanges(listener: ClusterListener): () => void {
    this.#listeners.add(listener)
    const all = Array.from(this.#known.values(), (known) => changeOf('ADDED', known))
    if (all.length > 0) this.#call(listener, all)
    return () => this.#listeners.delete(listener)
  }

  /** None where nobody wants to know of a cluster. */
  get counters(): Readonly<Record<string, number>> {
    if (!this.#isOn) return {}
    const { dropped } = COUNTER_NAMES
    return {
      [dropped('cluster', 'malformed')]: this.#malformed,
      [dropped('cluster', 'too-many')]: this.#refused,
      ...Object.fromEntries(
        Object.entries(this.#byKind).map(([kind, objects]) => [`cluster.known.${kind}`, objects.size]),
      ),
      'cluster.resyncs': this.#resyncs,
      'cluster.repaired': this.#repaired,
      'cluster.failures': this.#failures,
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#unsubscribe()
    await this.#working
  }

  #hear(payload: Uint8Array): void {
    const news = decode(clusterNews, payload)
    if (news === undefined) {
      this.#malformed++
      return
    }
    if (!this.#isOurs(news)) return
    this.#heardAt = performance.now()
    const feed = this.#feed
    if (feed === undefined) return
    feed.clusterId = news.clusterId
    if (feed.seq !== undefined && news.changes.length > 0 && news.seq === feed.seq + 1)
      this.#apply(feed, news.seq, news.changes)
    feed.last = Math.max(feed.last, news.seq)
    // What is complete is so with the message that says it, not before those that went ahead of it.
    if (feed.seq === news.seq) this.#tell(this.#complete(feed, news.complete))
    if (!isUpToDate(feed)) this.#catchUp()
  }

  /** Takes up a new feed: that of a later leader, or of an earlier one when the one that is followed has gone silent. */
  #isOurs({ feed: id, term, clusterId }: ClusterNews): boolean {
    const current = this.#feed
    if (current?.id === id) return true
    if (current !== undefined && term < current.term && !this.#isSilent()) return false
    this.#feed = { id, term, clusterId, seq: undefined, last: 0, lacking: new Set(), unasked: new Set() }
    return true
  }

  #isSilent(): boolean {
    return performance.now() - this.#heardAt > SILENT_MS
  }

  #catchUp(): void {
    if (this.#working !== undefined || this.#closing.signal.aborted) return
    this.#working = this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** Asks until nothing is missing. What fails is begun again with the next message that is heard. */
  async #work(): Promise<void> {
    const { signal } = this.#closing
    for (let feed = this.#feed; feed !== undefined && !signal.aborted; feed = this.#feed) {
      if (isUpToDate(feed)) return
      try {
        if (feed.seq === undefined) await this.#readAll(feed)
        else if (feed.seq < feed.last) await this.#readMissed(feed, feed.seq)
        else await this.#askForLacking(feed)
      } catch (error) {
        if (signal.aborted) return
        this.#failures++
        if (!(error instanceof Mistake))
          this.#note('error', 'the cluster could not be followed', { error: String(error) })
        // Who told us may be gone by now: then another one follows.
        await pause(this.#againMs, signal)
        if (this.#feed === feed) return
      }
    }
  }

  async #readMissed(feed: Feed, after: number): Promise<void> {
    const answer = await this.#ask(feed, { kind: 'news', after })
    if (this.#feed !== feed) return
    if (answer.kind !== 'news') {
      feed.seq = undefined
      return
    }
    for (const { seq, changes } of answer.messages) {
      if (feed.seq === undefined || seq !== feed.seq + 1) continue
      this.#repaired++
      this.#apply(feed, seq, changes)
    }
    // The feed does not know them either: it said more than it had.
    if (answer.messages.length === 0) feed.last = feed.seq ?? feed.last
  }

  /** They come with the messages. */
  async #askForLacking(feed: Feed): Promise<void> {
    const keys = [...feed.unasked].slice(0, MOST_ASKED)
    // One that is KEPT again meanwhile has to be asked for again.
    for (const key of keys) feed.unasked.delete(key)
    try {
      const answer = await this.#ask(feed, { kind: 'tell', keys })
      if (answer.kind !== 'told') throw new Mistake('E_BUS', 'the hub answered something else')
    } catch (error) {
      for (const key of keys) if (feed.lacking.has(key)) feed.unasked.add(key)
      throw error
    }
  }

  async #readAll(feed: Feed): Promise<void> {
    const pages: { readonly seq: number; readonly objects: (KnownChange | undefined)[] }[] = []
    let complete: readonly string[] | undefined
    for (let after: number | null = 0; after !== null; ) {
      const page = await this.#ask(feed, { kind: 'page', after })
      if (this.#feed !== feed) return
      if (page.kind !== 'page') throw new Mistake('E_BUS', 'the hub answered something else')
      if (page.next !== null && page.next <= after) throw new Mistake('E_BUS', 'the hub goes in circles')
      // Each as it comes: all at once would keep everything else waiting.
      pages.push({ seq: page.seq, objects: page.objects.map((each) => this.#read(each)) })
      complete ??= page.complete
      after = page.next
    }
    this.#resyncs++
    this.#round++
    feed.lacking.clear()
    feed.unasked.clear()
    const changes: KnownChange[] = []
    for (const { seq, objects } of pages) for (const each of objects) this.#take(each, seq, changes, seq)
    feed.seq = pages[0]?.seq ?? 0
    feed.last = Math.max(feed.last, feed.seq)
    // First who has gone: somebody else may have its address by now.
    this.#tell([...this.#complete(feed, complete ?? []), ...changes])
  }

  async #ask(feed: Feed, question: ClusterQuestion): Promise<ClusterAnswer> {
    const payload = encode(question)
    const { signal } = this.#closing
    const options = { timeoutMs: ANSWER_MS, signal }
    const answer = decode(
      clusterAnswer,
      await this.#bus.request(SUBJECTS.clusterFeed(feed.id), payload, options),
    )
    if (answer !== undefined) return answer
    this.#malformed++
    throw new Mistake('E_BUS', 'the hub answered something that is not understood')
  }

  #apply(feed: Feed, seq: number, told: readonly unknown[]): void {
    const changes: KnownChange[] = []
    for (const each of told) {
      if (isKept(each)) this.#keep(feed, each, seq)
      else this.#take(this.#read(each), seq, changes)
    }
    feed.seq = seq
    this.#tell(changes)
  }

  /** It is still there: as it is known here, or it has to be told. */
  #keep(feed: Feed, value: unknown, seq: number): void {
    const { success, data: kept } = clusterKept.safeParse(value)
    if (!success) {
      this.#malformed++
      return
    }
    const key = objectKey(kept)
    const before = this.#known.get(key)
    // It was read from a page that came later than this message.
    if (before?.round === this.#round && before.page >= seq) return
    if (before?.change.object.metadata.uid === kept.uid) {
      this.#remember(key, { ...before, round: this.#round, page: 0 })
      if (contentHash(contentOf(before.change.object)) === kept.hash) return
    }
    feed.lacking.add(key)
    feed.unasked.add(key)
  }

  #remember(key: string, known: Known): void {
    this.#known.set(key, known)
    this.#byKind[known.change.kind].set(key, known)
  }

  /** What is not understood is counted and left. */
  #read(value: unknown): KnownChange | undefined {
    const change = clusterChange.safeParse(value)
    const object = change.success
      ? readObject(change.data.kind, change.data.object, { shared: this.#shared })
      : undefined
    // Kind and object go together: the object was read as one of this kind.
    if (change.success && object !== undefined) return { ...change.data, object } as KnownChange
    this.#malformed++
    return undefined
  }

  /** Keeps what has changed, and adds it to the changes to be told. */
  #take(change: KnownChange | undefined, seq: number, changes: KnownChange[], page = 0): void {
    if (change === undefined) return
    const { kind, object } = change
    const key = keyOf(change)
    this.#feed?.lacking.delete(key)
    this.#feed?.unasked.delete(key)
    const before = this.#known.get(key)
    // It was read from a page that came later than this message.
    if (page === 0 && before?.round === this.#round && before.page >= seq) return
    if (change.type === 'DELETED') {
      if (before === undefined) return
      this.#forget(key, kind)
      // Of one that came in its place, and went before it was told, nobody here has heard.
      const isThis = before.change.object.metadata.uid === object.metadata.uid
      changes.push(isThis ? withReason(change, before.change) : changeOf('DELETED', before, change.at))
      return
    }
    if (before === undefined && this.#known.size >= MOST_OBJECTS) {
      this.#refuse()
      return
    }
    this.#remember(key, { change, round: this.#round, page })
    if (before === undefined) changes.push({ ...change, type: 'ADDED' })
    else if (before.change.object.metadata.uid !== object.metadata.uid)
      changes.push(
        changeOf('DELETED', before, change.at),
        withReason({ ...change, type: 'ADDED' }, before.change),
      )
    else if (!isSame(before.change, change))
      changes.push(withReason({ ...change, type: 'MODIFIED' }, before.change))
  }

  /** What everything has been told of: what is known of it from before, and was not told again, is gone. */
  #complete(feed: Feed, scopes: readonly string[]): KnownChange[] {
    if (feed.round === this.#round && isDeepStrictEqual(feed.complete, scopes)) return []
    feed.complete = scopes
    feed.round = this.#round
    const whole = new Set(scopes)
    const at = Date.now()
    return [...this.#known].flatMap(([key, known]) => {
      const { kind, object } = known.change
      const isTold = whole.has(kind) || whole.has(`${kind}/${object.metadata.namespace}`)
      // What has come in its place is told together with it.
      if (known.round === this.#round || !isTold || feed.lacking.has(key)) return []
      this.#forget(key, kind)
      return [changeOf('DELETED', known, at)]
    })
  }

  #forget(key: string, kind: ClusterKind): void {
    this.#known.delete(key)
    this.#byKind[kind].delete(key)
  }

  #refuse(): void {
    this.#refused++
    if (this.#hasNotedFull) return
    this.#hasNotedFull = true
    this.#note('warning', 'more objects of the cluster than are kept', { most: MOST_OBJECTS })
  }

  #tell(changes: readonly KnownChange[]): void {
    if (changes.length === 0) return
    for (const listener of this.#listeners) this.#call(listener, changes)
  }

  /** One that fails does not keep the others from hearing of it. */
  #call(listener: ClusterListener, changes: readonly KnownChange[]): void {
    try {
      listener(changes)
    } catch (error) {
      this.#failures++
      this.#note('error', 'a change of the cluster could not be taken', { error: String(error) })
    }
  }
}

interface Feed {
  readonly id: string
  readonly term: number
  clusterId: string
  /** Message up to which everything is known here; undefined: all there is has to be asked for. */
  seq: number | undefined
  /** Last one that it is known to have. */
  last: number
  /** Keys of what was KEPT and is not known here as it is. */
  readonly lacking: Set<string>
  /** Those of them for which the feed has not been asked. */
  readonly unasked: Set<string>
  complete?: readonly string[]
  /** In which it was said what is complete. */
  round?: number
}

interface Known {
  /** The last one that was told of it. */
  readonly change: KnownChange
  readonly round: number
  /** Message up to which it was read from a page in this round; 0: it came in a message. */
  readonly page: number
}

function changeOf(type: KnownChange['type'], { change }: Known, at = change.at): KnownChange {
  const { reason: _, ...rest } = change
  return { ...rest, type, at }
}

/** Read off here, where it is known what was before: also when some of what happened in between was missed. */
function withReason(change: KnownChange, before: KnownChange): KnownChange {
  if (change.kind !== 'pod') return change
  const reason = podReason(change.type, before.object, change.object)
  return reason === undefined ? change : { ...change, reason }
}

function keyOf({ kind, object: { metadata } }: KnownChange): string {
  return objectKey({ kind, namespace: metadata.namespace, name: metadata.name })
}

/** Whether it stands for an object that is told of when somebody asks. */
function isKept(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === KEPT
}

/** Nothing has to be asked for. */
function isUpToDate({ seq, last, unasked }: Feed): boolean {
  return seq !== undefined && seq >= last && unasked.size === 0
}

/** Whether nothing has changed but the version that it is told with. */
function isSame({ object: one }: KnownChange, { object: other }: KnownChange): boolean {
  const { resourceVersion } = one.metadata
  if (resourceVersion !== '' && resourceVersion === other.metadata.resourceVersion) return true
  return isDeepStrictEqual(one, { ...other, metadata: { ...other.metadata, resourceVersion } })
}

const KEPT: ClusterKept['type'] = 'KEPT'
/** The hub says something each second. */
const SILENT_MS = 5000
const ANSWER_MS = 5000
const AGAIN_MS = 500
/** Objects in a question. */
const MOST_ASKED = 500
/** Pods, services, endpoint slices and nodes together. */
const MOST_OBJECTS = 500_000
