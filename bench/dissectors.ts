/**
 * How fast each dissector reads, in this process, on one thread: the conversations of captures, over and over, bytes in order to
 * exchanges, with and without bodies; fields are read when somebody asks, and nobody does. `node bench/dissectors.ts [FOLDER …]`;
 * without folders those of the corpus and of test/captures. The last column is the same in terms of HTTP/1 of the same run.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Dissection } from '../src/dissect/engine.ts'
import { dissectors } from '../src/dissectors/index.ts'
import { Mistake } from '../src/mistake/mistake.ts'
import { play, type Recorded, recordConversations, replay } from '../src/testing/recorded.ts'
import { print } from './measure.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const ENOUGH_MS = 500
/** Of each protocol: more would only take longer. */
const MOST_BYTES = 4 << 20

const named = process.argv.slice(2)
const folders =
  named.length > 0
    ? named
    : [process.env.REMORA_CORPUS ?? here('../../shared/corpus'), here('../test/captures')]

/** Conversations by the dissector of their first exchange. */
const byProtocol = new Map<string, { conversations: Recorded[]; bytes: number }>()
for (const path of folders.flatMap(capturesBelow)) for (const each of await conversationsOf(path)) sort(each)

const rows = [...byProtocol]
  .sort(([a], [b]) => a.localeCompare(b))
  .map(
    ([name, { conversations }]) => [name, speed(conversations, false), speed(conversations, true)] as const,
  )
const base = rows.find(([name]) => name === 'http')?.[1].messages ?? 1
print([
  ['', 'messages/s', 'MB/s', 'messages/s with bodies', 'MB/s with bodies', 'messages/s by those of HTTP/1'],
  ...rows.map(([name, without, kept]) => [
    name,
    count(without.messages),
    without.megabytes.toFixed(0),
    count(kept.messages),
    kept.megabytes.toFixed(0),
    (without.messages / base).toFixed(2),
  ]),
])

function sort(conversation: Recorded): void {
  const { exchanges, bytes } = replay(conversation, conversation.events, dissectors)
  const name = exchanges[0]?.dissector.name
  if (name === undefined) return
  const group = byProtocol.get(name) ?? { conversations: [], bytes: 0 }
  byProtocol.set(name, group)
  if (group.bytes > MOST_BYTES) return
  group.conversations.push(conversation)
  group.bytes += bytes
}

function speed(
  conversations: readonly Recorded[],
  wantsBodies: boolean,
): { messages: number; megabytes: number } {
  let messages = 0
  let bytes = 0
  const dissection = new Dissection({
    dissectors,
    ports: new Map(),
    context: { wantsBodies, maxBody: 1 << 20 },
    replyTimeout: 10,
    memory: 64 << 20,
    reportEvery: Number.POSITIVE_INFINITY,
    conversation: () => {},
    exchange({ request, response }) {
      messages += (request === null ? 0 : 1) + (response === null ? 0 : 1)
    },
  })
  const run = (untilMs: number) => {
    messages = bytes = 0
    const began = performance.now()
    for (;;) {
      for (const { connection, events } of conversations) bytes += play(dissection, connection, events)
      const seconds = (performance.now() - began) / 1000
      if (seconds * 1000 > untilMs) return seconds
    }
  }
  run(ENOUGH_MS / 2)
  const seconds = run(ENOUGH_MS)
  return { messages: messages / seconds, megabytes: bytes / 1e6 / seconds }
}

async function conversationsOf(path: string): Promise<Recorded[]> {
  try {
    return await recordConversations(path)
  } catch (error) {
    if (error instanceof Mistake) return []
    throw error
  }
}

function capturesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('malformed'))
    .map((name) => join(folder, name))
    .filter((path) => /\.(pcap|pcapng)$/.test(path) && statSync(path).isFile())
    .sort()
}

function count(number: number): string {
  return `${Math.round(number / 1000).toLocaleString('en')} k`
}
