import { createRequire } from 'node:module'
import type { DocumentNode, OperationDefinitionNode, SelectionSetNode } from 'graphql/language'
import { u8 } from '../../bytes/read.ts'
import { utf8Text } from '../../bytes/text.ts'
import { CR, LF, SPACE, TAB } from './characters.ts'
import { mediaType, readForm } from './form.ts'
import { ofBearableDepth } from './json.ts'
import { readPairs } from './target.ts'

/** What a request asks for in GraphQL: the operation, the first of several. */
export interface GraphqlRequest extends GraphqlOperation {
  /** All operations, when several were sent at once. */
  readonly batch: readonly GraphqlOperation[]
}

export interface GraphqlOperation {
  /** `query`, `mutation` or `subscription`; "" when the server knows it and the request does not say. */
  readonly operationType: string
  /** "" when it has none. */
  readonly operationName: string
  /** The fields that it asks for at the top, by name. */
  readonly fields: readonly string[]
  /** The document as sent; "" when it was sent before. */
  readonly query: string
  /** As sent; null when there are none, or they are nested too deeply. */
  readonly variables: unknown
  /** Hash by which the server knows the document; "" when none was sent. */
  readonly persistedQuery: string
}

/** An error in a reply. */
export interface GraphqlError {
  readonly message: string
  /** Where in the data: `["items", 0, "name"]`. */
  readonly path: readonly (string | number)[]
  /** `extensions.code`, which many servers set. */
  readonly code: string
}

/** Longest body, after decompression, in which GraphQL is looked for. */
export const LONGEST_OPERATION = 256 << 10

/**
 * The GraphQL in a request (https://graphql.github.io/graphql-over-http/draft/): a GET or POST whose target has `query=`,
 * or a POST whose body is a document, or JSON with one, or an array of these, perhaps with files behind it, and then the
 * beginning of the body will do. Undefined when it is something else: what is there must parse as operations.
 */
export function graphqlOf(
  method: string,
  contentType: string,
  target: string,
  body: Uint8Array,
): GraphqlRequest | undefined {
  if (method !== 'POST') return method === 'GET' ? inTarget(target) : undefined
  return inBody(contentType, body) ?? inTarget(target)
}

/** Whether a body of this type and length (0 when that is not known) may be GraphQL. */
export function mayHoldGraphql(contentType: string, length: number): boolean {
  const type = mediaType(contentType)
  if (isMultipart(contentType)) return true
  return length <= LONGEST_OPERATION && (type === RAW_TYPE || JSON_TYPE.test(type))
}

/** With files (https://github.com/jaydenseric/graphql-multipart-request-spec). */
export function isMultipart(contentType: string): boolean {
  return mediaType(contentType) === 'multipart/form-data'
}

/** False: `bytes[start, end)`, all of a body, is JSON that cannot be GraphQL. Cheap. */
export function mayBeGraphql(bytes: Uint8Array, start: number, end: number): boolean {
  if (!looksLikeJson(bytes, start, end)) return true
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).includes(KEY, 0, 'latin1')
}

/** The same of the target that ends `text[0, end)`: `query=` and `persistedQuery` end alike. */
export function mayBeInQuery(query: string): boolean {
  return query.includes('uery')
}

/** The errors in the reply to a request of GraphQL, given as text; of a batch those of all replies. */
export function graphqlErrors(text: string): GraphqlError[] {
  if (!text.includes('"errors"')) return []
  const value = parseJson(text)
  return (Array.isArray(value) ? value.slice(0, MOST_OPERATIONS) : [value])
    .flatMap((reply) => fields(reply).errors ?? [])
    .slice(0, MOST_ERRORS)
    .flatMap((each) => {
      const { message, path, extensions } = fields(each)
      if (typeof message !== 'string') return []
      const steps = Array.isArray(path)
        ? path.filter((step) => typeof step === 'string' || typeof step === 'number')
        : []
      return [{ message, path: steps, code: textOf(fields(extensions).code) }]
    })
}

/** What the row of an entry calls a request: `query Items`, of a batch `query Items, mutation Add`. */
export function graphqlLabel({ batch, ...first }: GraphqlRequest): string {
  const shown = batch.length === 0 ? [first] : batch.slice(0, MOST_LABELS)
  const labels = shown.map(
    ({ operationType, operationName }) => `${operationType} ${operationName}`.trim() || 'persisted query',
  )
  return [...labels, ...(batch.length > MOST_LABELS ? ['…'] : [])].join(', ').slice(0, LONGEST_LABEL)
}

/** KFL that selects requests like this one. */
export function graphqlQuery({ operationType, operationName, persistedQuery }: GraphqlRequest): string {
  const is = (field: string, value: string) => `request.graphql.${field} == ${JSON.stringify(value)}`
  if (operationType === '' && operationName === '') return is('persistedQuery', persistedQuery)
  const name = is('operationName', operationName)
  return operationType === '' ? name : `${is('operationType', operationType)} and ${name}`
}

function inBody(contentType: string, body: Uint8Array): GraphqlRequest | undefined {
  if (isMultipart(contentType)) {
    const params = readForm(body.subarray(0, LONGEST_OPERATION), contentType)
    return inJson(params.find(({ name }) => name === 'operations')?.value ?? '')
  }
  if (body.length > LONGEST_OPERATION) return undefined
  if (mediaType(contentType) === RAW_TYPE)
    return alone(operationOf({ query: utf8Text(body, 0, body.length) }))
  const isJson = JSON_TYPE.test(mediaType(contentType)) && looksLikeJson(body, 0, body.length)
  return isJson && mayBeGraphql(body, 0, body.length) ? inJson(utf8Text(body, 0, body.length)) : undefined
}

function inJson(text: string): GraphqlRequest | undefined {
  const value = parseJson(text)
  if (!Array.isArray(value)) return alone(operationOf(fields(value)))
  if (value.length > MOST_OPERATIONS) return undefined
  const batch: GraphqlOperation[] = []
  for (const each of value) {
    const operation = operationOf(fields(each))
    if (operation === undefined) return undefined
    batch.push(operation)
  }
  return batch[0] && { ...batch[0], batch }
}

function inTarget(target: string): GraphqlRequest | undefined {
  if (!mayBeInQuery(target)) return undefined
  const { query, operationName, variables, extensions } = Object.fromEntries(
    readPairs(target.slice(target.indexOf('?') + 1)).map(({ name, value }) => [name, value]),
  )
  return alone(
    operationOf({
      query,
      operationName,
      variables: variables === undefined ? undefined : parseJson(variables),
      extensions: extensions === undefined ? undefined : parseJson(extensions),
    }),
  )
}

function alone(operation: GraphqlOperation | undefined): GraphqlRequest | undefined {
  return operation && { ...operation, batch: [] }
}

/** The parameters of a request (§5.1 there). Undefined when they are none. */
function operationOf({ query, operationName, variables, extensions }: Fields): GraphqlOperation | undefined {
  const name = typeof operationName === 'string' && NAME.test(operationName) ? operationName : ''
  const persistedQuery = textOf(fields(fields(extensions).persistedQuery).sha256Hash)
  const others = { variables: isObject(variables) ? ofBearableDepth(variables) : null, persistedQuery }
  if (typeof query === 'string' && query !== '') {
    const operations = operationsIn(query)
    const chosen = operations.find((each) => each.operationName === name) ?? operations[0]
    return chosen && { ...chosen, operationName: name || chosen.operationName, query, ...others }
  }
  if (persistedQuery === '' || (query !== undefined && query !== null && query !== '')) return undefined
  return { operationType: '', operationName: name, fields: [], query: '', ...others }
}

type Operation = Pick<GraphqlOperation, 'operationType' | 'operationName' | 'fields'>

/** The operations of a document; none when it is no GraphQL, or has definitions of types. Clients send the same ones again and again. */
function operationsIn(document: string): readonly Operation[] {
  if (!BEGINNING.test(document)) return NO_OPERATIONS
  const known = remembered.get(document)
  if (known !== undefined) return known
  const operations = parseDocument(document)
  if (document.length > LONGEST_REMEMBERED) return operations
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(document, operations)
  return operations
}

function parseDocument(document: string): readonly Operation[] {
  try {
    const { definitions } = language().parse(document, { noLocation: true, maxTokens: MOST_TOKENS })
    const operations = definitions.filter(
      ({ kind }) => kind === 'OperationDefinition',
    ) as OperationDefinitionNode[]
    const fragments = fragmentsIn(definitions)
    if (operations.length + fragments.size !== definitions.length) return NO_OPERATIONS
    return operations.map(({ operation, name, selectionSet }) => {
      const found = new Set<string>()
      collect(selectionSet, fragments, found)
      return { operationType: operation, operationName: name?.value ?? '', fields: [...found] }
    })
  } catch {
    // The parser has no other way to say that it is none, or too long or too deep.
    return NO_OPERATIONS
  }
}

type Fragments = Map<string, SelectionSetNode>

function fragmentsIn(definitions: DocumentNode['definitions']): Fragments {
  const fragments: Fragments = new Map()
  for (const each of definitions)
    if (each.kind === 'FragmentDefinition') fragments.set(each.name.value, each.selectionSet)
  return fragments
}

/** Adds the names of the fields in `selectionSet`; each fragment is looked into once. */
function collect({ selections }: SelectionSetNode, fragments: Fragments, found: Set<string>): void {
  for (const each of selections) {
    if (found.size >= MOST_FIELDS) return
    if (each.kind === 'Field') found.add(each.name.value)
    else if (each.kind === 'InlineFragment') collect(each.selectionSet, fragments, found)
    else {
      const fragment = fragments.get(each.name.value)
      fragments.delete(each.name.value)
      if (fragment !== undefined) collect(fragment, fragments, found)
    }
  }
}

interface Fields {
  readonly [name: string]: unknown
}

function fields(value: unknown): Fields {
  return isObject(value) ? value : NO_FIELDS
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : ''
}

/** Undefined when it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An array, or an object with a key. A document begins with a brace, too, but has no quote behind it. */
function looksLikeJson(bytes: Uint8Array, start: number, end: number): boolean {
  const first = afterBlanks(bytes, start, end)
  return (
    bytes[first] === BRACKET ||
    (bytes[first] === BRACE && bytes[afterBlanks(bytes, first + 1, end)] === QUOTE)
  )
}

function afterBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(u8(bytes, at))) at++
  return at
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB
}

/** It takes 10 ms to load: only where there is something to parse. */
function language(): typeof import('graphql/language') {
  return require('graphql/language') as typeof import('graphql/language')
}

const require = createRequire(import.meta.url)
const NO_OPERATIONS: readonly Operation[] = []
const NO_FIELDS: Fields = {}
const RAW_TYPE = 'application/graphql'
/** Also what clients send that say nothing or not the truth: fetch and curl, where nobody gave them a type. */
const JSON_TYPE = /^(?:application\/(?:json|[\w.-]+\+json|x-www-form-urlencoded)|text\/(?:json|plain))?$/
/** Ends the keys `"query"` and `"persistedQuery"`. */
const KEY = 'uery"'
/** How a document begins; JSON has other uses for `query`. */
const BEGINNING = /^[\s,\ufeff]*(?:[{#"]|(?:query|mutation|subscription|fragment)\b)/
const NAME = /^[_A-Za-z][_0-9A-Za-z]{0,255}$/
const BRACE = 0x7b
const BRACKET = 0x5b
const QUOTE = 0x22
/** Documents by their text. */
const remembered = new Map<string, readonly Operation[]>()
const MOST_REMEMBERED = 500
const LONGEST_REMEMBERED = 8 << 10
const MOST_TOKENS = 15_000
const MOST_OPERATIONS = 100
const MOST_FIELDS = 100
const MOST_ERRORS = 100
const MOST_LABELS = 3
const LONGEST_LABEL = 256
const LONGEST_TEXT = 1024
