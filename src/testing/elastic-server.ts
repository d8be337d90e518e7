import type { IncomingHttpHeaders } from 'node:http'
import type { TestContext } from 'node:test'
import { httpServer, type Seen } from './http-server.ts'

export interface ElasticOptions {
  /** What `authorization` must be; absent: there must be none. */
  readonly authorization?: string
  /** Why a document is refused; undefined: it is taken. */
  readonly refuse?: (document: Record<string, unknown>) => ElasticError | undefined
}

export interface ElasticError {
  readonly status: number
  readonly type: string
  readonly reason: string
}

/**
 * What Elasticsearch and OpenSearch do with documents, by their documentation: `_doc`, `_create` and `_bulk` with `create`.
 * Every request is held against the rules for its shape: what breaks them is answered with 400 and fails the test at its end.
 */
export async function elasticServer(t: TestContext, { authorization, refuse }: ElasticOptions = {}) {
  const indexes = new Map<string, Map<string, Record<string, unknown>>>()
  const wrong: string[] = []
  let made = 0
  const create = (index: string, id: string, text: string) => {
    const document = objectOf(text)
    if (document === undefined)
      return failure({ status: 400, type: 'document_parsing_exception', reason: 'failed to parse' })
    const refused = refuse?.(document)
    if (refused !== undefined) return failure(refused)
    const documents = indexes.get(index) ?? new Map()
    indexes.set(index, documents)
    if (documents.has(id)) {
      const reason = `[${id}]: version conflict, document already exists (current version [1])`
      return failure({ status: 409, type: 'version_conflict_engine_exception', reason })
    }
    documents.set(id, document)
    return { _index: index, _id: id, result: 'created', status: 201 }
  }
  const answer = (seen: Seen) => {
    const problem = problemIn(seen)
    if (problem !== undefined) {
      wrong.push(problem)
      return failure({ status: 400, type: 'illegal_argument_exception', reason: problem })
    }
    if (seen.headers.authorization !== authorization)
      return failure({
        status: 401,
        type: 'security_exception',
        reason: 'unable to authenticate user [elastic] for REST request',
      })
    const { index, action, id } = placeOf(seen.path)
    if (action === '_doc') return create(index, `made${++made}`, seen.body)
    if (action === '_create') return create(index, id, seen.body)
    const lines = seen.body.split('\n').slice(0, -1)
    const items = pairs(lines).map(([act, source]) => {
      const { create: about } = objectOf(act) as { create: { _id: string } }
      return { create: create(index, about._id, source) }
    })
    return { took: 1, errors: items.some((item) => item.create.status >= 300), items, status: 200 }
  }
  const server = await httpServer(t, (seen, response) => {
    const { status, ...body } = answer(seen)
    const isItem = 'items' in body
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
    response.end(JSON.stringify(isItem ? body : { ...body, status }))
  })
  t.after(() => {
    if (wrong.length > 0) throw new Error(`not as the API wants it: ${wrong.join('; ')}`)
  })
  return {
    ...server,
    /** Documents of an index by their ids. */
    documents: (index: string) => Object.fromEntries(indexes.get(index) ?? []),
  }
}

function failure({ status, type, reason }: ElasticError) {
  return { status, error: { type, reason, root_cause: [{ type, reason }] } }
}

function placeOf(path: string) {
  const [index = '', action = '', id = ''] = new URL(path, 'http://any').pathname
    .slice(1)
    .split('/')
    .map(decodeURIComponent)
  return { index, action, id }
}

/** What is wrong with a request, before it is about documents. */
function problemIn({ method, path, headers, body }: Seen): string | undefined {
  const { index, action, id } = placeOf(path)
  const bad = badIndex(index)
  if (bad !== undefined) return bad
  if (action === '_doc') return method === 'POST' && id === '' ? notJson(headers) : `${method} ${path}`
  if (action === '_create') return method === 'PUT' && id !== '' ? notJson(headers) : `${method} ${path}`
  if (action !== '_bulk' || method !== 'POST') return `${method} ${path}`
  if (headers['content-type'] !== 'application/x-ndjson') return `_bulk with ${headers['content-type']}`
  if (!body.endsWith('\n')) return 'The bulk request must be terminated by a newline [\\n]'
  const lines = body.split('\n').slice(0, -1)
  if (lines.length === 0 || lines.length % 2 !== 0) return 'a bulk request of an odd number of lines'
  for (const [act] of pairs(lines)) {
    const about = objectOf(act)?.create
    if (typeof about !== 'object' || about === null || Object.keys(about).join() !== '_id')
      return `Malformed action/metadata line: ${act}`
  }
  return undefined
}

function notJson(headers: IncomingHttpHeaders): string | undefined {
  return headers['content-type'] === 'application/json' ? undefined : `with ${headers['content-type']}`
}

/** https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create: rules for names. */
function badIndex(index: string): string | undefined {
  const isBad =
    index !== index.toLowerCase() ||
    /[\\/*?"<>| ,#:]/.test(index) ||
    /^[-_+]|^\.{1,2}$|^$/.test(index) ||
    Buffer.byteLength(index) > 255
  return isBad ? `invalid index name [${index}]` : undefined
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function pairs(lines: readonly string[]): (readonly [string, string])[] {
  return lines.flatMap((line, at) => (at % 2 === 0 ? [[line, lines[at + 1] ?? ''] as const] : []))
}
