import type { AliveNodes, JobClock, JobOutcome } from '../agent/cluster-job.ts'
import { type AnnouncedJob, decodeState, type JobState } from '../agent/cluster-job-state.ts'
import { ClusterJobs } from '../agent/cluster-jobs.ts'
import type { Bucket, Change } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { Incoming } from '../waiting/incoming.ts'
import { MemoryBucket } from './memory-bucket.ts'

/** Time that passes only when everything that is to happen at a moment has happened. */
export class VirtualTime {
  now = 0
  readonly #events: { at: number; order: number; run: () => void }[] = []
  #order = 0

  at(at: number, run: () => void): void {
    const event = { at: Math.max(at, this.now), order: this.#order++, run }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#events[middle]
      if (
        other !== undefined &&
        (other.at < event.at || (other.at === event.at && other.order < event.order))
      )
        low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
  }

  async run(untilMs: number): Promise<void> {
    await settled()
    for (;;) {
      const [next] = this.#events
      if (next === undefined || next.at > untilMs) break
      this.#events.shift()
      this.now = next.at
      next.run()
      await settled()
    }
    this.now = untilMs
  }
}

/** A run that was begun. */
export interface Start {
  readonly due: number
  readonly boot: string
  readonly at: number
}

/** When a program was out of touch: dead, stopped, or cut off. */
export interface Absence {
  readonly boot: string
  readonly from: number
  readonly to: number
  readonly kind: 'crash' | 'pause' | 'cut'
}

/** Nodes that run jobs of the cluster over one bucket, with everything that can go wrong between them. */
export class SimulatedCluster {
  readonly time = new VirtualTime()
  readonly bucket = new MemoryBucket()
  readonly starts: Start[] = []
  /** Due times in the order in which they were noted as done. */
  readonly done: number[] = []
  readonly absences: Absence[] = []
  readonly random: () => number
  readonly nodes: SimulatedNode[]
  /** Nobody reaches the bucket. */
  isOut = false
  /** Share of answers that are lost though the thing was done. */
  lostAnswers = 0
  boots = 0

  constructor(
    nodes: number,
    job: AnnouncedJob,
    { random, skewMs }: { random: () => number; skewMs: number },
  ) {
    this.random = random
    this.#noteDone()
    this.nodes = Array.from({ length: nodes }, (_, at) => {
      const skew = skewMs * (2 * random() - 1)
      return new SimulatedNode(this, `node-${at}`, skew, job)
    })
  }

  /** The bucket is away for everybody. */
  outage(ms: number): void {
    if (this.isOut) return
    this.isOut = true
    for (const node of this.nodes) node.linkChanged()
    this.time.at(this.time.now + ms, () => {
      this.isOut = false
      for (const node of this.nodes) node.linkChanged()
    })
  }

  heartbeat(from: SimulatedNode, boot: string): void {
    for (const node of this.nodes) if (node !== from) node.hear(boot)
  }

  /** Reads it off the bucket itself: what nodes believe does not count. */
  #noteDone(): void {
    let before: JobState | undefined
    this.bucket.listen((change) => {
      if (change.kind !== 'put') return
      const state = decodeState(change.value)
      if (state === undefined) return
      if (before !== undefined && state.runs === before.runs + 1)
        this.done.push(before.claim?.due ?? Number.NaN)
      before = state
    })
  }
}

/** One node: its clock, its way to the bucket, and the program that runs on it now, if any does. */
export class SimulatedNode {
  readonly name: string
  jobs: ClusterJobs | undefined
  readonly #cluster: SimulatedCluster
  readonly #job: AnnouncedJob
  readonly #skewMs: number
  #boot = ''
  #isCut = false
  #isPaused = false
  #held: (() => void)[] = []
  #heard = new Map<string, number>()
  #queues = new Set<{ push(changes: readonly Change[]): void }>()
  #linkListeners = new Set<(connected: boolean) => void>()
  #lastDelivery = 0

  constructor(cluster: SimulatedCluster, name: string, skewMs: number, job: AnnouncedJob) {
    this.name = name
    this.#cluster = cluster
    this.#skewMs = skewMs
    this.#job = job
    cluster.time.at(0, () => this.start())
  }

  get isUp(): boolean {
    return this.jobs !== undefined && !this.#isPaused && !this.#isCut
  }

  start(): void {
    const boot = `${this.name}/${++this.#cluster.boots}`
    this.#boot = boot
    this.#heard = new Map()
    this.#queues = new Set()
    this.#linkListeners = new Set()
    this.jobs = new ClusterJobs({
      ...{ node: this.name, boot, bucket: this.#bucket(), alive: this.#alive(), clock: this.#clock() },
      link: this.#link(),
      random: this.#cluster.random,
      nextRun: (cron, after) => everySeconds(Number(cron), after),
      run: (_, __, due) => this.#run(boot, due),
    })
    this.jobs.announce(this.#job)
    this.#beat(boot)
  }

  crash(ms: number): void {
    if (this.jobs === undefined) return
    this.#absent(ms, 'crash')
    this.jobs = undefined
    this.#boot = ''
    this.#held = []
    this.#isPaused = false
    this.#cluster.time.at(this.#now + ms, () => this.start())
  }

  /** The machine stands still, and goes on as if nothing had been. */
  pause(ms: number): void {
    if (this.#isPaused || this.jobs === undefined) return
    this.#absent(ms, 'pause')
    this.#isPaused = true
    const boot = this.#boot
    this.#cluster.time.at(this.#now + ms, () => {
      if (boot !== this.#boot) return
      this.#isPaused = false
      const held = this.#held
      this.#held = []
      for (const run of held) this.later(0, run)
    })
  }

  /** It runs, and reaches nobody. */
  cut(ms: number): void {
    if (this.#isCut) return
    this.#absent(ms, 'cut')
    this.#isCut = true
    this.linkChanged()
    this.#cluster.time.at(this.#now + ms, () => {
      this.#isCut = false
      this.linkChanged()
    })
  }

  hear(boot: string): void {
    if (this.#isLinked) this.later(1, () => this.#heard.set(boot, this.#now))
  }

  linkChanged(): void {
    const connected = this.#isLinked
    for (const listener of this.#linkListeners) this.later(0, () => listener(connected))
    if (!connected) return
    for (const queue of this.#queues)
      for (const change of this.#cluster.bucket.everything()) this.#deliver(queue, change)
  }

  /** What happens to the program that runs now: not when it is gone by then, and later when it stands still. */
  later(ms: number, run: () => void): void {
    const boot = this.#boot
    this.#cluster.time.at(this.#now + ms, () => {
      if (boot !== this.#boot || boot === '') return
      if (this.#isPaused) this.#held.push(run)
      else run()
    })
  }

  get #now(): number {
    return this.#cluster.time.now
  }

  get #isLinked(): boolean {
    return !this.#isCut && !this.#cluster.isOut
  }

  #absent(ms: number, kind: Absence['kind']): void {
    this.#cluster.absences.push({ boot: this.#boot, from: this.#now, to: this.#now + ms, kind })
  }

  #run(boot: string, due: number): Promise<JobOutcome> {
    this.#cluster.starts.push({ due, boot, at: this.#now })
    const { promise, resolve } = Promise.withResolvers<JobOutcome>()
    const { random } = this.#cluster
    const takesMs = random() < 0.01 ? 6000 + random() * 14_000 : 5 + random() * 400
    this.later(takesMs, () => resolve({ kind: 'passed' }))
    return promise
  }

  #beat(boot: string): void {
    if (this.#isLinked) this.#cluster.heartbeat(this, boot)
    this.later(1000, () => this.#beat(boot))
  }

  #clock(): JobClock {
    return {
      now: () => EPOCH + this.#now + this.#skewMs,
      monotonic: () => this.#now,
      after: (ms, callback) => {
        let isOff = false
        this.later(ms, () => {
          if (!isOff) callback()
        })
        return () => {
          isOff = true
        }
      },
    }
  }

  #alive(): AliveNodes {
    const isAlive = (boot: string) => this.#now - (this.#heard.get(boot) ?? Number.NEGATIVE_INFINITY) < 4000
    const heard = () => [...this.#heard.keys()]
    return {
      isAlive,
      get count() {
        return 1 + heard().filter(isAlive).length
      },
    }
  }

  #link() {
    const isLinked = () => this.#isLinked
    return {
      get connected() {
        return isLinked()
      },
      onConnection: (listener: (connected: boolean) => void) => {
        this.#linkListeners.add(listener)
        return () => this.#linkListeners.delete(listener)
      },
    }
  }

  #bucket(): Bucket {
    const { bucket } = this.#cluster
    return {
      get: (key) => this.#over(() => bucket.find(key)),
      put: (key, value) => this.#over(() => bucket.set(key, value)),
      create: (key, value) => this.#over(() => bucket.set(key, value, 0)),
      update: (key, value, revision) => this.#over(() => bucket.set(key, value, revision)),
      delete: (key, revision) => this.#over(() => bucket.unset(key, revision)),
      keys: (prefix) => bucket.keys(prefix),
      watch: ({ signal }) => {
        const queue = new Incoming<Change>(signal)
        this.#queues.add(queue)
        bucket.listen((change) => this.#deliver(queue, change))
        return queue
      },
    }
  }

  #deliver(queue: { push(changes: readonly Change[]): void }, change: Change): void {
    if (!this.#isLinked || !this.#queues.has(queue)) return
    // In order, however long each takes.
    this.#lastDelivery = Math.max(this.#lastDelivery, this.#now + this.#latency())
    this.later(this.#lastDelivery - this.#now, () => queue.push([change]))
  }

  /** There and back; what is on its way when the node dies arrives all the same. */
  #over<T>(act: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const lost = () => this.later(2000, () => reject(new Mistake('E_BUS', 'the bucket does not answer')))
    if (!this.#isLinked) lost()
    else
      this.#cluster.time.at(this.#now + this.#latency(), () => {
        if (!this.#isLinked) return lost()
        const answer = this.#answer(act, resolve, reject)
        if (this.#cluster.random() < this.#cluster.lostAnswers) lost()
        else this.later(this.#latency(), answer)
      })
    return promise
  }

  #answer<T>(act: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
    try {
      const value = act()
      return () => resolve(value)
    } catch (error) {
      return () => reject(error)
    }
  }

  #latency(): number {
    const { random } = this.#cluster
    return random() < 0.02 ? 50 + random() * 400 : 1 + random() * 10
  }
}

/** The cron of the simulation: so many seconds. */
export function everySeconds(seconds: number, afterMs: number): number {
  return (Math.floor(afterMs / (seconds * 1000)) + 1) * seconds * 1000
}

/** The same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** All promises that can go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** When the simulation begins, by a clock that is right. */
export const EPOCH = 1_700_000_000_000
