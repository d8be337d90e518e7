import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Mistake } from '../src/mistake/mistake.ts'
import { type CorpusCapture, corpusOrSkip, type Truth } from '../src/testing/corpus.ts'
import { type ReadCapture, readCapture } from '../src/testing/read-capture.ts'
import type { PipelineOptions } from '../src/worker/pipeline.ts'

type Counts = Record<string, number>
type Rows = { readonly rows: readonly (readonly unknown[])[] } | undefined

/** Captures on which we and tshark disagree, each explained in docs/differences.md. */
const EXPLAINED = new Set(
  [
    ...readFileSync(new URL('../docs/differences.md', import.meta.url), 'utf8').matchAll(/^### `([^`]+)`/gm),
  ].map(([, name]) => name),
)

describe('the corpus', () => {
  test('every packet and every byte of every capture is accounted for', async (t) => {
    for (const capture of corpusOrSkip(t))
      for (const losing of [0, 7]) {
        const read = await readOrMistake(capture, {}, losing)
        if (read === undefined) continue
        const { decode, reassembly, dissection, packets } = read.counters
        const name = `${capture.name}, losing every ${losing}th packet`
        assert.equal(
          packets,
          decode.decoded + sum(decode.ignored) + sum(decode.malformed),
          `packets of ${name}`,
        )
        assert.equal(
          reassembly.deliveredBytes,
          dissection.dissected + sum(dissection.skipped),
          `bytes of ${name}`,
        )
      }
  })

  test('entries agree with the truth, but for the captures that docs/differences.md explains', async (t) => {
    for (const capture of corpusOrSkip(t)) {
      if (capture.group === 'malformed') continue
      const differences = compare(await readCapture(capture.path), capture.truth)
      if (EXPLAINED.has(capture.name))
        assert.notDeepEqual(differences, [], `${capture.name} agrees now: take it out of docs/differences.md`)
      else assert.deepEqual(differences, [], capture.name)
    }
  })

  test('entries say the same whether bodies are kept or not', async (t) => {
    const told = (read: ReadCapture | undefined) =>
      read?.entries.map((entry) => {
        const { request, response } = entry as { request: Told | null; response: Told | null }
        return [entry.id, entry.size, entry.elapsedTime, of(request), of(response)]
      })
    for (const capture of corpusOrSkip(t))
      for (const losing of [0, 7])
        assert.deepEqual(
          told(await readOrMistake(capture, { maxBody: 0 }, losing)),
          told(await readOrMistake(capture, {}, losing)),
          `${capture.name}, losing every ${losing}th packet`,
        )
  })

  test('every field of every entry can be read', async (t) => {
    for (const capture of corpusOrSkip(t)) {
      const read = await readOrMistake(capture)
      for (const entry of read?.entries ?? []) assert.ok(JSON.stringify(everything(entry)).length > 0)
    }
  })
})

/** What a message says beside its body. */
interface Told {
  readonly path?: string
  readonly status?: number
  readonly bodySize?: number
  readonly incomplete?: boolean
}

function of(message: Told | null) {
  return message && [message.path, message.status, message.bodySize, message.incomplete]
}

/** A file that is no capture is refused with a Mistake; nothing else may be thrown. */
async function readOrMistake(
  { path }: CorpusCapture,
  changes: Partial<PipelineOptions> = {},
  losing = 0,
): Promise<ReadCapture | undefined> {
  try {
    return await readCapture(path, changes, losing)
  } catch (error) {
    if (error instanceof Mistake) return undefined
    throw error
  }
}

function compare({ exchanges }: ReadCapture, truth: Truth): string[] {
  const of = (name: string) => exchanges.filter((each) => each.dissector.name === name)
  const requests = (name: string) =>
    of(name).flatMap(({ request }) => (request === null ? [] : [request as Record<string, unknown>]))
  const responses = (name: string) =>
    of(name).flatMap(({ response }) => (response === null ? [] : [response as Record<string, unknown>]))
  const differences: string[] = []
  const check = (what: string, ours: Counts, theirs: Counts) => {
    for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)]))
      if ((ours[key] ?? 0) !== (theirs[key] ?? 0))
        differences.push(`${what} ${key}: ours ${ours[key] ?? 0}, truth ${theirs[key] ?? 0}`)
  }

  const http = truth.http as { requests?: Rows; responses?: Rows } | undefined
  if (http !== undefined) {
    const theirs = (http.requests?.rows ?? []).map(
      (row) => `${row[3]} ${String(row[5]).replace(/^[a-z]+:\/\/[^/]+/, '')}`,
    )
    check('request', tally(requests('http').map(({ method, url }) => `${method} ${url}`)), tally(theirs))
    // Interim replies are no replies of their own here.
    const statuses = (http.responses?.rows ?? [])
      .map((row) => String(row[3]))
      .filter((status) => !/^1(?!01)/.test(status))
    check('status', tally(responses('http').map(({ status }) => String(status))), tally(statuses))
  }
  const dns = truth.dns as { queries: number; responses: number } | undefined
  if (dns !== undefined)
    check(
      'dns',
      { queries: requests('dns').length, replies: responses('dns').length },
      { queries: dns.queries, replies: dns.responses },
    )
  const redis = truth.redis as { commands?: Rows } | undefined
  if (redis?.commands !== undefined) {
    const theirs = redis.commands.rows.map((row) => String(row[3]).toUpperCase())
    check('command', tally(requests('redis').map(({ command }) => String(command))), tally(theirs))
  }
  const tls = truth.tls as { client_hellos?: Rows; server_hellos?: Rows } | undefined
  if (tls !== undefined) {
    const ours = [...requests('tls'), ...requests('dtls'), ...responses('tls'), ...responses('dtls')].map(
      ({ type }) => String(type),
    )
    const hellos = tally(ours.filter((type) => type.endsWith('Hello')))
    check('hello', hellos, {
      ClientHello: tls.client_hellos?.rows.length ?? 0,
      ServerHello: tls.server_hellos?.rows.length ?? 0,
    })
  }
  const icmp = truth.icmp as Counts | undefined
  if (icmp !== undefined) {
    const ours = [...requests('icmp'), ...responses('icmp')].filter(({ version }) => version === 4)
    check('icmp', tally(ours.map(({ type, code }) => `${type}/${code}`)), icmp)
  }
  return differences
}

/** All fields of an entry and of what hangs below, getters included. */
function everything(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 6) return value
  if (Array.isArray(value)) return value.map((each) => everything(each, depth + 1))
  const names = new Set(Object.keys(value))
  for (
    let at: object | null = value;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  )
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (get !== undefined) names.add(name)
  return Object.fromEntries(
    [...names].map((name) => [name, everything((value as Record<string, unknown>)[name], depth + 1)]),
  )
}

function tally(keys: readonly string[]): Counts {
  const counts: Counts = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

function sum(counts: Readonly<Counts>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0)
}
