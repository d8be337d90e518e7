import { type Field, type Layout, layoutOf, parseTable } from './table.ts'
import { admin } from './tables/admin.ts'
import type { ApiTable } from './tables/api.ts'
import { brokers } from './tables/brokers.ts'
import { connection } from './tables/connection.ts'
import { data } from './tables/data.ts'
import { groups } from './tables/groups.ts'
import { topics } from './tables/topics.ts'
import { transactions } from './tables/transactions.ts'

/** One of Kafka's requests with its reply. Tables are read when the first message of their kind is. */
export class Api {
  readonly key: number
  readonly name: string
  readonly newest: number
  readonly #flexible: number
  readonly #requests: Layouts
  readonly #responses: Layouts

  constructor({ key, name, newest, flexible, request, response }: ApiTable) {
    this.key = key
    this.name = name
    this.newest = newest
    this.#flexible = flexible
    this.#requests = new Layouts(request)
    this.#responses = new Layouts(response)
  }

  isFlexible(version: number): boolean {
    return version >= this.#flexible
  }

  /** Undefined where the content is not read: few would miss it, or the version is newer than what is known. */
  request(version: number): Layout | undefined {
    return version <= this.newest ? this.#requests.of(version, this.isFlexible(version)) : undefined
  }

  response(version: number): Layout | undefined {
    return version <= this.newest ? this.#responses.of(version, this.isFlexible(version)) : undefined
  }
}

class Layouts {
  readonly #table: string | undefined
  readonly #byVersion: (Layout | undefined)[] = []
  #fields: readonly Field[] | undefined

  constructor(table: string | undefined) {
    this.#table = table
  }

  of(version: number, isFlexible: boolean): Layout | undefined {
    if (this.#table === undefined) return undefined
    this.#fields ??= parseTable(this.#table)
    this.#byVersion[version] ??= layoutOf(this.#fields, version, isFlexible)
    return this.#byVersion[version]
  }
}

const byKey: Api[] = []
for (const table of [...data, ...topics, ...groups, ...transactions, ...connection, ...admin, ...brokers])
  byKey[table.key] = new Api(table)

export function apiOf(key: number): Api | undefined {
  return byKey[key]
}

export const PRODUCE = 0
export const METADATA = 3
export const CONTROLLED_SHUTDOWN = 7
export const SASL_HANDSHAKE = 17
export const API_VERSIONS = 18
export const CREATE_TOPICS = 19
