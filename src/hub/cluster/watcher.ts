import type { Bus } from '../../bus/bus.ts'
import type { KubernetesClient, KubernetesObject, WatchEvent } from '../../kubernetes/client.ts'
import { COUNTER_NAMES } from '../../metrics/counters.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'
import { Backoff } from '../../waiting/backoff.ts'
import { pause } from '../../waiting/pause.ts'
import type { ClusterKind } from '../../wire/cluster.ts'
import { ClusterFeed } from './feed.ts'
import { PackedObject } from './packed-object.ts'

export interface ClusterWatcherOptions {
  readonly client: Pick<KubernetesClient, 'watch' | 'get'>
  /** Which to follow; none: all, and nodes. */
  readonly namespaces: readonly string[]
  readonly bus: Bus
  /** Grows with each hub that leads. */
  readonly term: number
  readonly note: Note
  readonly batchMs?: number
  readonly beatMs?: number
}

/** How it goes with one kind of objects. */
export interface ClusterWatchState {
  /** As in RBAC: `pods`. */
  readonly resource: string
  /** "": all. */
  readonly namespace: string
  readonly state: 'starting' | 'following' | 'in trouble'
  /** Since when, ms since the epoch. */
  readonly since: number
  /** What keeps it, and what can be done. */
  readonly why?: string
  readonly hint?: string
}

/**
 * Follows the cluster for all programs while this hub leads: what is read from the API server goes out as a feed. What it may
 * not read is said once, tried again, and does not keep it from the rest.
 */
export class ClusterWatcher {
  readonly #options: ClusterWatcherOptions
  readonly #closing = new AbortController()
  readonly #feed: ClusterFeed
  readonly #watches: readonly Watch[]
  readonly #running: Promise<unknown>
  #malformed = 0
  #shortened = 0
  #relists = 0

  constructor(options: ClusterWatcherOptions) {
    this.#options = options
    this.#feed = new ClusterFeed(options)
    this.#watches = watchesOf(options.namespaces)
    this.#running = Promise.all([
      ...this.#watches.map((watch) => this.#follow(watch)),
      this.#identify(this.#closing.signal),
    ])
  }

  /** What is followed, and what keeps it from being followed. */
  get watches(): readonly ClusterWatchState[] {
    return this.#watches.map(({ resource, namespace, state, since, trouble }) => ({
      resource,
      namespace,
      state,
      since,
      ...(trouble === undefined ? {} : { why: trouble.message, hint: trouble.hint ?? '' }),
    }))
  }

  get counters(): Readonly<Record<string, number>> {
    const { dropped } = COUNTER_NAMES
    const { sent, unchanged, pages, kept, ...gone } = this.#feed.counters
    const known = Object.entries(this.#feed.known)
    return {
      ...Object.fromEntries(known.map(([kind, count]) => [`cluster.watched.${kind}`, count])),
      'cluster.sent': sent,
      'cluster.unchanged': unchanged,
      'cluster.kept': kept,
      'cluster.pages': pages,
      'cluster.shortened': this.#shortened,
      'cluster.relists': this.#relists,
      'cluster.in-trouble': this.#watches.filter(({ state }) => state === 'in trouble').length,
      [dropped('cluster-watch', 'malformed')]: this.#malformed,
      ...Object.fromEntries(
        Object.entries(gone).map(([why, count]) => [dropped('cluster-watch', why), count]),
      ),
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    this.#feed.close()
  }

  /** The client mends what it can; what it cannot begins anew. */
  async #follow(watch: Watch): Promise<void> {
    const { signal } = this.#closing
    const backoff = new Backoff(AGAIN_MS, LONGEST_AGAIN_MS)
    while (!signal.aborted) {
      try {
        await this.#read(watch, signal)
      } catch (error) {
        this.#trouble(watch, error instanceof Error ? error : new Error(String(error)))
      }
      await pause(backoff.next(), signal)
    }
  }

  async #read(watch: Watch, signal: AbortSignal): Promise<void> {
    // It may be able to read all there is, from time to time, and not to be told what changes.
    let isHindered = false
    const events = this.#options.client.watch(watch.path, {
      signal,
      trim: (object) => this.#pack(watch.kind, object),
      onTrouble: (mistake) => {
        isHindered = true
        this.#trouble(watch, mistake)
      },
      onRecovered: () => {
        isHindered = false
        this.#recovered(watch)
      },
      onMalformed: () => {
        this.#malformed++
      },
    })
    for await (const event of events) {
      if (!isHindered) this.#recovered(watch)
      this.#take(watch, event)
    }
  }

  #take(watch: Watch, event: WatchEvent): void {
    const at = Date.now()
    if (event.kind === 'all') {
      this.#relists++
      this.#feed.all(watch.scope, event.objects.flatMap(packedIn), at)
    } else
      for (const object of packedIn(event.object))
        if (event.kind === 'put') this.#feed.put(watch.scope, object, at)
        else this.#feed.delete(object, at)
  }

  /** At once as it comes: lists of many objects are not held as such. */
  #pack(kind: ClusterKind, object: KubernetesObject): KubernetesObject {
    const packed = PackedObject.of(kind, object, () => {
      this.#shortened++
    })
    if (packed === undefined) this.#malformed++
    return { metadata: { name: object.metadata.name }, packed }
  }

  #trouble(watch: Watch, error: Error): void {
    watch.state = 'in trouble'
    watch.since = Date.now()
    watch.trouble = explained(watch, error)
    const { message, hint } = watch.trouble
    this.#options.note('warning', message, hint === undefined ? {} : { hint })
  }

  #recovered(watch: Watch): void {
    if (watch.state === 'following') return
    const { resource, namespace } = watch
    if (watch.state === 'in trouble')
      this.#options.note('info', `${resource} are followed`, { namespace: namespace || 'all' })
    watch.state = 'following'
    watch.since = Date.now()
    watch.trouble = undefined
  }

  /** Not everybody may read it, and nothing but a name depends on it. */
  async #identify(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { metadata } = await this.#options.client.get(IDENTITY, { signal })
        this.#feed.clusterId = metadata.uid ?? ''
        return
      } catch (error) {
        const isForbidden = error instanceof Mistake && error.code === 'E_FORBIDDEN'
        await pause(isForbidden ? ASK_AGAIN_MS : LONGEST_AGAIN_MS, signal)
      }
    }
  }
}

interface Watch {
  readonly kind: ClusterKind
  readonly group: string
  /** As in RBAC. */
  readonly resource: string
  /** "": all. */
  readonly namespace: string
  readonly path: string
  /** As in `clusterNews.complete`. */
  readonly scope: string
  state: ClusterWatchState['state']
  since: number
  trouble: Mistake | undefined
}

function watchesOf(namespaces: readonly string[]): Watch[] {
  const scopes = namespaces.length === 0 ? [''] : [...new Set(namespaces)]
  return WATCHED.flatMap(({ kind, group, resource }) => {
    // Nodes are in no namespace: to read them takes a cluster role.
    if (kind === 'node' && namespaces.length > 0) return []
    const api = group === '' ? '/api/v1' : `/apis/${group}/v1`
    return scopes.map((namespace) => ({
      kind,
      group,
      resource,
      namespace,
      path: `${api}${namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`,
      scope: namespace === '' ? kind : `${kind}/${namespace}`,
      state: 'starting' as const,
      since: Date.now(),
      trouble: undefined,
    }))
  })
}

function explained({ group, resource, namespace }: Watch, error: Error): Mistake {
  const where = namespace === '' ? 'all namespaces' : `namespace ${namespace}`
  const code = error instanceof Mistake ? error.code : 'E_KUBERNETES'
  const api = group === '' ? 'the core API' : `API group ${group}`
  const hint =
    code === 'E_FORBIDDEN'
      ? `Give the service account of the hub the rights list and watch on ${resource} of ${api} in ${where}.`
      : error instanceof Mistake
        ? error.hint
        : undefined
  const message = `${resource} of ${where} are not followed: ${error.message}`
  return new Mistake(code, message, { ...(hint === undefined ? {} : { hint }), cause: error })
}

function packedIn({ packed }: KubernetesObject): PackedObject[] {
  return packed instanceof PackedObject ? [packed] : []
}

/** What is followed, and where it is in the API. */
export const WATCHED: readonly {
  readonly kind: ClusterKind
  /** "": the core group. */
  readonly group: string
  readonly resource: string
}[] = [
  { kind: 'node', group: '', resource: 'nodes' },
  { kind: 'pod', group: '', resource: 'pods' },
  { kind: 'service', group: '', resource: 'services' },
  { kind: 'endpointSlice', group: 'discovery.k8s.io', resource: 'endpointslices' },
]
/** Clusters have no name that the API knows; the uid of this namespace stays for as long as they live. */
const IDENTITY = '/api/v1/namespaces/kube-system'
const AGAIN_MS = 500
const LONGEST_AGAIN_MS = 60_000
/** For a right that may never be given. */
const ASK_AGAIN_MS = 600_000
