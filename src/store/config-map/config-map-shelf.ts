import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { KubernetesClient, KubernetesObject } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { firstOf } from '../../waiting/first-of.ts'
import type { AgentRecord, AgentVersion } from '../../wire/agents.ts'
import { AgentBook } from '../agent-book.ts'
import type { Shelf, ShelfChange, Shelved, StoreRules } from '../shelf.ts'
import { type Data, type Document, OWN_KEYS, readDocument } from './document.ts'

/**
 * Agents in a config map of Kubernetes, where the tools of Kubeshark find them and may change them. Needs the rights to
 * get, watch and update it, and to create it when it is not there.
 */
export function openConfigMapStore(options: ConfigMapStoreOptions): AgentBook {
  const { client, name, namespace = client.namespace, ...rules } = options
  return new AgentBook(new ConfigMapShelf(client, name, namespace, rules), rules)
}

export interface ConfigMapStoreOptions extends StoreRules {
  readonly client: KubernetesClient
  /** `kubeshark-config-map` */
  readonly name: string
  /** That of the client when absent. */
  readonly namespace?: string
}

/** A config map as it was read, and what it means. */
interface Seen {
  /** Undefined when there is none. */
  readonly object: KubernetesObject | undefined
  readonly revision: string
  readonly document: Document
}

class ConfigMapShelf implements Shelf {
  readonly description: string
  readonly #client: KubernetesClient
  readonly #name: string
  readonly #collection: string
  readonly #rules: StoreRules
  readonly #where: string
  readonly #closed = new AbortController()
  /** Identities of scripts of others, until they are written down. */
  readonly #identities = new Map<string, string>()
  #seen: Seen | undefined
  /** How often it could not be written since it is as it is. */
  #failed = { revision: '', writes: 0 }
  /** The revision of which it was said that it cannot be written. */
  #warned: string | undefined
  /** How many follow it: while some do, what was seen last is what was there last. */
  #followers = 0
  readonly #namespace: string

  constructor(client: KubernetesClient, name: string, namespace: string, rules: StoreRules) {
    this.description = `config map ${name} in namespace ${namespace} (${client.description})`
    this.#where = `config map ${name}`
    this.#client = client
    this.#name = name
    this.#namespace = namespace
    this.#collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`
    this.#rules = rules
  }

  async read(): Promise<Shelved> {
    const { document, revision } = await this.#settle()
    return { ...document.shelved, revision }
  }

  async write(base: Shelved, change: ShelfChange): Promise<boolean> {
    const seen = this.#seen
    if (seen === undefined || seen.revision !== base.revision) return false
    return this.#put(seen, await seen.document.dataAfter(change))
  }

  async versions(record: AgentRecord): Promise<readonly AgentVersion[]> {
    const { document } = await this.#settle()
    const versions = await document.versions(record)
    if (versions === undefined) throw new Mistake('E_NOT_FOUND', `there is no agent ${record.id}`)
    return versions
  }

  async *changes(signal: AbortSignal): AsyncIterable<void> {
    const { signal: ending, release } = firstOf(signal, this.#closed.signal)
    const events = this.#client.watch(this.#collection, {
      name: this.#name,
      signal: ending,
      onTrouble: (mistake) => {
        const { message, hint } = this.#withRight(mistake, 'get and watch')
        this.#rules.warn(`changes of agents are not seen for now: ${message}${hint ? `\n${hint}` : ''}`)
      },
      // Who is told reads it anyhow.
      trim: ({ metadata }) => ({ metadata }),
    })
    this.#followers++
    try {
      for await (const _ of events) yield
    } finally {
      this.#followers--
      release()
    }
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }

  /** What is there, after what others wrote has been noted as versions. */
  async #settle(): Promise<Seen> {
    for (let attempt = 0; ; attempt++) {
      const seen = await this.#look()
      if (seen.object === undefined && attempt < MOST_ATTEMPTS && (await this.#putBack())) continue
      this.#seen = seen
      if (!seen.document.isChanged || attempt === MOST_ATTEMPTS) return seen
      if (!(await this.#note(seen))) return seen
    }
  }

  /**
   * A config map that somebody has deleted is made again, as it was: agents go when somebody deletes them. Whether it was, or
   * somebody else has made it. Rejects when it cannot be: then nobody is told that there are no agents.
   */
  async #putBack(): Promise<boolean> {
    const { object, document } = this.#seen ?? {}
    if (this.#followers === 0 || object === undefined || document === undefined) return false
    const { labels, annotations } = object.metadata
    const { data, binaryData } = object
    const metadata = { name: this.#name, labels, annotations }
    try {
      // Without `immutable`, under which nobody could change agents.
      const again = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data, binaryData }
      await this.#client.create(this.#collection, again)
      this.#rules.warn(
        `the ${this.#where} was deleted: it was made again, with ${document.shelved.records.length} agents`,
      )
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      if (error.code === 'E_CONFLICT') return true
      const { message, hint } = this.#withRight(error, 'create')
      throw new Mistake(error.code, `the ${this.#where} was deleted, and cannot be made again: ${message}`, {
        ...(hint === undefined ? {} : { hint }),
        cause: error,
      })
    }
    return true
  }

  /** Names the right that is missing. */
  #withRight(error: Mistake, verb: string): Mistake {
    if (error.code !== 'E_FORBIDDEN') return error
    // Rights to create cannot be held to a name.
    const which = verb === 'create' ? 'configmaps' : `configmaps, resource name ${this.#name},`
    return new Mistake('E_FORBIDDEN', error.message, {
      hint: `Give the service account of the hub the right ${verb} on ${which} in namespace ${this.#namespace}.`,
      cause: error,
    })
  }

  /** Whether it was written by us or others, and is to be read again. */
  async #note(seen: Seen): Promise<boolean> {
    try {
      await this.#put(seen, await seen.document.dataAfter({}))
      return true
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      if (seen.revision !== this.#warned)
        this.#rules.warn(`what others changed in the ${this.#where} cannot be noted there: ${error.message}`)
      this.#warned = seen.revision
      return false
    }
  }

  async #look(): Promise<Seen> {
    const object = await this.#object()
    const revision = object?.metadata.resourceVersion ?? ''
    if (this.#seen?.revision === revision) return this.#seen
    const document = await readDocument(dataOf(object, this.#where), {
      where: this.#where,
      rules: this.#rules,
      identity: (index, title) => this.#identityOf(`${index} ${title}`),
      otherBytes: binaryBytesOf(object),
    })
    return { object, revision, document }
  }

  async #object(): Promise<KubernetesObject | undefined> {
    try {
      return await this.#client.get(this.#path)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      if (error.code === 'E_NOT_FOUND') return undefined
      throw this.#withRight(error, 'get')
    }
  }

  /** False when it has to be read again: somebody else was faster, or nobody knows whether it was written. */
  async #put({ object, revision }: Seen, data: Data): Promise<boolean> {
    if (object?.immutable === true)
      throw new Mistake('E_STORE', `the ${this.#where} is immutable: nothing in it can be changed`, {
        hint: `Keep a copy, and delete it while this hub runs, which makes it again as it was, without that: kubectl -n ${this.#namespace} get configmap ${this.#name} -o yaml > agents.yaml && kubectl -n ${this.#namespace} delete configmap ${this.#name}`,
      })
    try {
      if (object === undefined) await this.#client.create(this.#collection, newConfigMap(this.#name, data))
      else await this.#client.update(this.#path, { ...object, data })
      return true
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      if (error.code === 'E_CONFLICT' || (object !== undefined && error.code === 'E_NOT_FOUND')) return false
      if (this.#failed.revision !== revision) this.#failed = { revision, writes: 0 }
      if (error.code !== 'E_KUBERNETES' || ++this.#failed.writes > MOST_FAILED_WRITES)
        throw this.#withRight(error, object === undefined ? 'create' : 'update')
      return false
    }
  }

  get #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.#name)}`
  }

  #identityOf(which: string): string {
    const id = this.#identities.get(which) ?? randomUUID()
    this.#identities.set(which, id)
    return id
  }
}

function newConfigMap(name: string, data: Data): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
}

function dataOf(object: KubernetesObject | undefined, where: string): Data {
  const binary = z.record(z.string(), z.unknown()).safeParse(object?.binaryData ?? {}).data ?? {}
  const key = Object.keys(binary).find((each) => OWN_KEYS.has(each))
  if (key !== undefined)
    throw new Mistake('E_STORE', `${key} in the ${where} is binaryData: what it was made of is no UTF-8`, {
      hint: 'Make it again of a file in UTF-8. Until then agents go on as they are, and nothing is written there.',
    })
  const data = z.record(z.string(), z.string()).safeParse(object?.data ?? {})
  if (data.success) return data.data
  throw new Mistake('E_STORE', `the ${where} has data that is no text`)
}

function binaryBytesOf(object: KubernetesObject | undefined): number {
  const data = z.record(z.string(), z.string()).safeParse(object?.binaryData ?? {}).data ?? {}
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0)
}

const MOST_ATTEMPTS = 20
const MOST_FAILED_WRITES = 3
