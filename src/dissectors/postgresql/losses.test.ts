import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Exchange } from '../../entry/entry.ts'
import { readCapture } from '../../testing/read-capture.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'

const folder = fileURLToPath(new URL('../../../test/captures/', import.meta.url))

/** Of real servers and clients. With packets missing less is known, and nothing is known wrongly. */
for (const name of readdirSync(folder).filter((each) => /^postgresql-.*\.pcap$/.test(each)))
  test(`what is paired where packets of ${name} are lost is what belongs together`, async () => {
    const whole = await pairs(folder + name, 0)
    for (const losing of [2, 3, 5, 7, 11, 13, 17, 29, 53]) {
      const left = new Map<string, number>()
      for (const pair of whole) left.set(pair, (left.get(pair) ?? 0) + 1)
      for (const pair of await pairs(folder + name, losing)) {
        assert.ok((left.get(pair) ?? 0) > 0, `losing every ${losing}th packet: ${pair}`)
        left.set(pair, (left.get(pair) as number) - 1)
      }
    }
  })

async function pairs(path: string, losing: number): Promise<string[]> {
  const { exchanges } = await readCapture(path, {}, losing)
  return exchanges.flatMap(printed)
}

/** What each side said, by the connection; nothing where it is not whole. */
function printed({ dissector, stream, request, response, error }: Exchange): string[] {
  if (dissector.name !== 'postgresql' || request === null || response === null || error !== null) return []
  const asked = request as Request
  const answered = response as Reply
  if (answered.incomplete) return []
  const { type, commandTags, errorCode, transaction, rowCount, copyMessages } = answered
  // The text of a statement may have been lost.
  const query = asked.command === 'Query' ? asked.query : ''
  const answer = [type, ...commandTags, errorCode, transaction, rowCount, copyMessages]
  return [`${stream.client.port} ${asked.command} ${query} ${asked.portal} = ${answer.join(' ')}`]
}
