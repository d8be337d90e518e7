import { Agent } from 'undici'
import type { z } from 'zod'
import { API_PATH } from '../wire/api.ts'
import { type Connection, incomprehensible, unreachable } from './connection.ts'
import { refusalIn } from './refusal.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Query = Readonly<Record<string, string | number | undefined>>

/** Requests with answers. What the hub refuses is thrown as the mistake that it says. */
export class Requests {
  readonly #connection: Connection
  readonly #agent: Agent

  constructor(connection: Connection) {
    this.#connection = connection
    const { ca } = connection
    this.#agent = new Agent({
      ...(ca === undefined ? {} : { connect: { ca } }),
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      maxResponseSize: LARGEST_ANSWER,
    })
  }

  async get<S extends z.ZodType>(path: string, schema: S, query: Query = {}): Promise<z.output<S>> {
    return this.#read(await this.text('GET', `${path}${queryText(query)}`), schema)
  }

  async send<S extends z.ZodType>(
    method: Method,
    path: string,
    schema: S,
    body?: unknown,
  ): Promise<z.output<S>> {
    return this.#read(await this.text(method, path, body), schema)
  }

  /** The answer as it comes. */
  async text(method: Method, path: string, body?: unknown): Promise<string> {
    const { status, text } = await this.#exchange(method, path, body)
    if (status < 300) return text
    throw (
      refusalIn(text) ??
      incomprehensible(this.#connection, new Error(`${method} ${path} was answered with ${status}`))
    )
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #exchange(method: Method, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const { origin, path: prefix, headers } = this.#connection
    try {
      // Not as a URL: that would take an agent called `..` for a step upwards.
      const response = await this.#agent.request({
        origin,
        path: `${prefix}${API_PATH}${path}`,
        method,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.statusCode, text: await response.body.text() }
    } catch (error) {
      throw unreachable(this.#connection, error)
    }
  }

  #read<S extends z.ZodType>(text: string, schema: S): z.output<S> {
    try {
      return schema.parse(text === '' ? undefined : JSON.parse(text))
    } catch (error) {
      throw incomprehensible(this.#connection, error)
    }
  }
}

export function queryText(query: Query): string {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined)
  if (fields.length === 0) return ''
  return `?${new URLSearchParams(fields.map(([name, value]) => [name, String(value)]))}`
}

/** A page of entries may take workers a while to find. */
const ANSWER_MS = 60_000
const LARGEST_ANSWER = 512 << 20
