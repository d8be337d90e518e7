import type { ServerResponse } from 'node:http'
import { apiVersionOf, type ResourceKind } from './kinds.ts'
import type { FakeObject } from './object.ts'
import { badRequest, expired, failure, Refusal } from './status.ts'
import { type Change, jsonOf, type Storage } from './storage.ts'

export interface WatchRequest {
  readonly kind: ResourceKind
  readonly fits: (object: FakeObject) => boolean
  readonly namespace: string
  readonly from: string
  readonly bookmarks: boolean
  readonly sendInitialEvents: boolean
  /** 0: as long as it likes. */
  readonly timeoutMs: number
}

/** All who watch. */
export class Watches {
  readonly #storage: Storage
  readonly #open = new Set<Watch>()
  /** Whether changes are held back, as by a server that hangs. */
  isSilent = false

  constructor(storage: Storage) {
    this.#storage = storage
    storage.onChange((kind, change) => {
      if (this.isSilent) return
      for (const watch of this.#open) if (watch.kind === kind) watch.tell(change)
    })
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * As k8s.io/apiserver/pkg/storage/cacher: what is too old is told in an event, since the answer has begun, and a version that is
   * not there yet is waited for without a word.
   */
  open(request: WatchRequest, response: ServerResponse): void {
    const { kind, from, fits, namespace } = request
    const version = versionOf(from)
    if (request.sendInitialEvents) checkNotAhead(from, this.#storage)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch = new Watch(request, response, version)
    if (version > 0 && version < this.#storage.oldest && !request.sendInitialEvents) {
      watch.send('ERROR', JSON.stringify(tooOld(from, this.#storage).status))
      response.end()
      return
    }
    if (version === 0 || request.sendInitialEvents) {
      for (const object of this.#storage.list(kind, namespace))
        if (fits(object)) watch.send('ADDED', jsonOf(object))
      if (request.sendInitialEvents && request.bookmarks)
        watch.bookmark(this.#storage.version, INITIAL_EVENTS_END)
    } else for (const change of this.#storage.since(kind, version)) watch.tell(change)
    this.#open.add(watch)
    const bookmarks = setInterval(() => {
      if (!this.isSilent) watch.bookmark(this.#storage.version)
    }, BOOKMARK_MS)
    const timer =
      request.timeoutMs > 0
        ? setTimeout(() => {
            if (!this.isSilent) watch.bookmark(this.#storage.version)
            response.end()
          }, request.timeoutMs)
        : undefined
    response.on('close', () => {
      clearInterval(bookmarks)
      clearTimeout(timer)
      this.#open.delete(watch)
    })
  }

  /** Ends them all: told that they have fallen behind, or as when the server goes away. */
  end(how: 'gone' | 'reset' | 'end', kind?: ResourceKind): void {
    for (const watch of this.#open) {
      if (kind !== undefined && watch.kind !== kind) continue
      if (how === 'gone')
        watch.send('ERROR', JSON.stringify(failure(410, 'Expired', 'too old resource version')))
      if (how === 'reset') watch.response.destroy()
      else watch.response.end()
      this.#open.delete(watch)
    }
  }

  bookmark(): void {
    for (const watch of this.#open) watch.bookmark(this.#storage.version)
  }

  /** Anything at all, to all of them. */
  write(text: string | Uint8Array): void {
    for (const watch of this.#open) watch.response.write(text)
  }
}

class Watch {
  readonly kind: ResourceKind
  readonly response: ServerResponse
  readonly #request: WatchRequest
  readonly #from: number

  /** From a version on, 0: all that there is. */
  constructor(request: WatchRequest, response: ServerResponse, from: number) {
    this.#request = request
    this.#from = from
    this.kind = request.kind
    this.response = response
  }

  /** With a selector, what begins to fit is added, and what no longer does is deleted. */
  tell({ type, object, before, version }: Change): void {
    const { fits, namespace } = this.#request
    if (version <= this.#from) return
    if (namespace !== '' && this.kind.namespaced && object.metadata.namespace !== namespace) return
    const did = before !== undefined && fits(before)
    const does = type !== 'DELETED' && fits(object)
    if (does) this.send(did ? 'MODIFIED' : 'ADDED', jsonOf(object))
    else if (did && before !== undefined) {
      const last = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } }
      this.send('DELETED', type === 'DELETED' ? jsonOf(object) : JSON.stringify(last))
    }
  }

  send(type: string, object: string): void {
    if (this.response.writableLength > MOST_BEHIND) return void this.response.destroy()
    this.response.write(`{"type":"${type}","object":${object}}\n`)
  }

  bookmark(version: number, annotations?: Readonly<Record<string, string>>): void {
    if (!this.#request.bookmarks || version < this.#from) return
    const metadata = {
      resourceVersion: String(version),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    }
    this.send(
      'BOOKMARK',
      JSON.stringify({ kind: this.kind.kind, apiVersion: apiVersionOf(this.kind), metadata }),
    )
  }
}

/** As k8s.io/apimachinery/pkg/apis/meta/internalversion/validation, for watches. */
export function checkWatchQuery(query: URLSearchParams): void {
  const [match, initial] = [query.get('resourceVersionMatch'), query.get('sendInitialEvents')]
  if (match === null && initial === null) return
  if (initial === null)
    throw invalidOption('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  if (match !== 'NotOlderThan')
    throw invalidOption('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
}

export function invalidOption(why: string, field = 'resourceVersionMatch'): Refusal {
  return new Refusal(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: ${field}: Forbidden: ${why}`)
}

/** Of a list or a watch; 0 where it is none. */
export function versionOf(from: string): number {
  if (from === '' || from === '0') return 0
  if (/^\d+$/.test(from)) return Number(from)
  throw badRequest(
    `resourceVersion: Invalid value: "${from}": strconv.ParseUint: parsing "${from}": invalid syntax`,
  )
}

export function tooOld(from: string, { oldest }: Storage): Refusal {
  return expired(`too old resource version: ${from} (${oldest})`)
}

/** Of a list, or a watch that begins with one. */
export function checkNotAhead(from: string, { version }: Storage): void {
  if (versionOf(from) <= version) return
  throw new Refusal(504, 'Timeout', `Timeout: Too large resource version: ${from}, current: ${version}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}

const BOOKMARK_MS = 60_000
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' }
/** Who reads no faster is cut off, as by the API server. */
const MOST_BEHIND = 64 << 20
