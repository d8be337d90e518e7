import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Mistake } from '../src/mistake/mistake.ts'
import { type CorpusCapture, corpusOrSkip } from '../src/testing/corpus.ts'
import { type ReadCapture, readCapture } from '../src/testing/read-capture.ts'
import { everything } from '../src/testing/recorded.ts'
import type { PipelineOptions } from '../src/worker/pipeline.ts'
import { differences } from './agreement/index.ts'

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
      const found = differences(await readCapture(capture.path, { chunks: true }), capture.truth)
      if (EXPLAINED.has(capture.name))
        assert.notDeepEqual(found, [], `${capture.name} agrees now: take it out of docs/differences.md`)
      else assert.deepEqual(found, [], capture.name)
    }
  })

  test('nothing is taken for what it is not, also where packets are lost', async (t) => {
    for (const capture of corpusOrSkip(t))
      for (const losing of [0, 3, 7]) {
        const read = await readOrMistake(capture, {}, losing)
        const found = new Set(read?.exchanges.map(({ dissector }) => dissector.name))
        const name = `${capture.group}/${capture.name}`
        const right = (RECOGNISED[name] ?? '').split(' ')
        if (losing === 0) assert.equal([...found].sort().join(' '), right.filter(Boolean).join(' '), name)
        else for (const each of found) assert.ok(right.includes(each), `${name}, losing: ${each}`)
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
      const read = await readOrMistake(capture, { ...EVERYTHING, reportEverySeconds: 1 })
      for (const entry of read?.entries ?? []) assert.ok(JSON.stringify(everything(entry)).length > 0)
    }
  })
})

/** What is in each capture, by dissector: looked through by hand, and compared with what tshark finds. */
const RECOGNISED = JSON.parse(
  readFileSync(new URL('agreement/recognised.golden.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, string>>

const EVERYTHING = {
  conversations: { tcpConn: true, udpConn: true, tcpFlow: true, udpFlow: true },
  chunks: true,
  payloads: { tcp: true, udp: true },
}

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

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0)
}
