import { apiVersionOf, qualified } from './kinds.ts'
import type { FakeObject } from './object.ts'
import type { Target } from './resources.ts'
import { badRequest, expired } from './status.ts'
import { jsonOf, type Storage } from './storage.ts'
import { checkNotAhead, invalidOption, tooOld, versionOf } from './watch.ts'

/** Lists in pages, all of one version. */
export class Pages {
  readonly #storage: Storage
  /** Those that somebody is in the middle of, the oldest first. */
  readonly #begun = new Map<string, readonly FakeObject[]>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  /** As text, since objects are written more than once. */
  list(target: Target, fits: (object: FakeObject) => boolean, query: URLSearchParams): string {
    const { kind, namespace } = target
    const limit = Number(query.get('limit') ?? 0)
    const token = query.get('continue') ?? ''
    if (token === '') checkVersion(query, this.#storage)
    const { version, from } = token === '' ? { version: this.#storage.version, from: 0 } : readToken(token)
    const key = `${version} ${qualified(kind)} ${namespace} ${query.get('labelSelector')} ${query.get('fieldSelector')}`
    const begun = this.#begun.get(key)
    if (token !== '' && begun === undefined) throw expired(TOO_OLD)
    const items = begun ?? this.#storage.list(kind, namespace).filter(fits)
    const page = items.slice(from, limit > 0 ? from + limit : undefined)
    const left = items.length - from - page.length
    if (left > 0) this.#keep(key, items)
    const metadata = {
      resourceVersion: String(version),
      ...(left > 0 ? { continue: writeToken(version, from + page.length), remainingItemCount: left } : {}),
    }
    const head = JSON.stringify({ kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata })
    const texts = page.map((object) => (kind.isCustom ? jsonOf(object) : itemText(object)))
    return `${head.slice(0, -1)},"items":[${texts.join(',')}]}`
  }

  forget(): void {
    this.#begun.clear()
  }

  #keep(key: string, items: readonly FakeObject[]): void {
    this.#begun.delete(key)
    this.#begun.set(key, items)
    for (const oldest of this.#begun.keys()) {
      if (this.#begun.size <= MOST_BEGUN) break
      this.#begun.delete(oldest)
    }
  }
}

/** In lists of built-in kinds nothing says again what kind each is. */
function itemText(object: FakeObject): string {
  let text = TEXTS.get(object)
  if (text === undefined) {
    const { apiVersion: _, kind: __, ...rest } = object
    text = JSON.stringify(rest)
    TEXTS.set(object, text)
  }
  return text
}

/** We have the newest one only, which is not older than any: https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list */
function checkVersion(query: URLSearchParams, storage: Storage): void {
  const from = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch')
  if (match !== null && from === '')
    throw invalidOption('resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (query.get('sendInitialEvents') !== null)
    throw invalidOption('sendInitialEvents is forbidden for list', 'sendInitialEvents')
  const version = versionOf(from)
  checkNotAhead(from, storage)
  if (match === 'Exact' && version < storage.oldest) throw tooOld(from, storage)
}

function readToken(token: string): { readonly version: number; readonly from: number } {
  const [, version, from] = /^(\d+)@(\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (version === undefined) throw badRequest('continue key is not valid: invalid character')
  return { version: Number(version), from: Number(from) }
}

function writeToken(version: number, from: number): string {
  return Buffer.from(`${version}@${from}`).toString('base64url')
}

const TEXTS = new WeakMap<FakeObject, string>()
const MOST_BEGUN = 50
const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'
