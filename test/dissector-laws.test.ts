import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Dissector } from '../src/dissect/dissector.ts'
import { dissectors } from '../src/dissectors/index.ts'
import type { Exchange } from '../src/entry/entry.ts'
import { type CorpusCapture, corpusOrSkip } from '../src/testing/corpus.ts'
import { damage, random, recut } from '../src/testing/mutate.ts'
import { everything, type Recorded, recordConversations, replay, shown } from '../src/testing/recorded.ts'

describe('every dissector', () => {
  test('makes the same of a connection, however its bytes are cut', async (t) => {
    for (const { capture, conversations } of await recorded(t))
      for (const [at, conversation] of conversations.entries()) {
        if (!isWhole(conversation)) continue
        const whole = told(replay(conversation, conversation.events, dissectors).exchanges)
        for (const seed of [1, 2]) {
          const cut = replay(conversation, recut(conversation.events, seed + at * 10), dissectors)
          assert.deepEqual(told(cut.exchanges), whole, `${capture.name}, connection ${at}, seed ${seed}`)
        }
      }
  })

  test('answers any damage without failing, and loses no count of a byte', async (t) => {
    for (const { capture, conversations } of await recorded(t))
      for (const [at, conversation] of conversations.entries())
        for (const seed of [1, 2, 3]) {
          const events = damage(conversation.events, seed * 7919 + at)
          const { exchanges, counters, bytes } = replay(conversation, events, dissectors)
          for (const exchange of exchanges) everything([exchange.request, exchange.response])
          const skipped = Object.values(counters.skipped).reduce((sum, each) => sum + each, 0)
          assert.equal(
            counters.dissected + skipped,
            bytes,
            `${capture.name}, conversation ${at}, seed ${seed}: every byte is dissected or skipped`,
          )
        }
  })

  test('recognises nothing in noise', () => {
    const next = random(1)
    for (let round = 0; round < 100; round++)
      for (let length = 1; length < 200; length += 3) {
        const bytes = Uint8Array.from({ length }, () => Math.floor(next() * 256))
        for (const each of dissectors as readonly Dissector[])
          for (const from of ['client', 'server'] as const)
            if (each.transport !== 'icmp' && each.probe(bytes, 0, length, from) === 'match')
              assert.fail(
                `${each.name} takes noise for its own, from the ${from}: ${Buffer.from(bytes).toString('hex')}`,
              )
      }
  })
})

async function recorded(
  t: Parameters<typeof corpusOrSkip>[0],
): Promise<{ capture: CorpusCapture; conversations: Recorded[] }[]> {
  const all: { capture: CorpusCapture; conversations: Recorded[] }[] = []
  for (const capture of corpusOrSkip(t)) {
    // What is no capture at all is for those who read files.
    if (capture.group === 'malformed' || capture.group === 'format') continue
    all.push({ capture, conversations: await recordConversations(capture.path) })
  }
  return all
}

/** Seen from its beginning and without holes: else it depends on the packets where reading can begin. */
function isWhole({ connection, events }: Recorded): boolean {
  return (
    connection.protocol === TCP &&
    connection.opener >= 0 &&
    events.every(({ what }) => typeof what !== 'number')
  )
}

/** All that is said of exchanges but when their bytes came. */
function told(exchanges: readonly Exchange[]): unknown[] {
  return exchanges.map(({ dissector, variant, request, response, requestSize, responseSize, error }) => [
    dissector.name,
    variant,
    shown(dissector.request, request),
    shown(dissector.response, response),
    requestSize,
    responseSize,
    error?.msg,
  ])
}

const TCP = 6
