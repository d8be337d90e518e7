import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { dissectors } from '../dissectors/index.ts'
import { damageFrames, damageNumbers } from './mutate-packets.ts'
import { type Frame, recordFrames, replayFrames } from './recorded.ts'

const FOLDER = join(import.meta.dirname, '../../test/captures')

describe('damaged packets', () => {
  let captures: readonly (readonly Frame[])[] = []

  before(async () => {
    const paths = readdirSync(FOLDER).filter((name) => name.endsWith('.pcap'))
    captures = await Promise.all(paths.map((name) => recordFrames(join(FOLDER, name), 500)))
  })

  test('are the same for the same seed', () => {
    const [frames = []] = captures
    assert.deepEqual(damageFrames(frames, 7), damageFrames(frames, 7))
    assert.notDeepEqual(damageFrames(frames, 7), frames)
  })

  test('lose no count of a byte', () => {
    assert.notEqual(captures.length, 0)
    for (const [at, frames] of captures.entries())
      for (const seed of [1, 2, 3]) {
        const read = replayFrames(
          damageFrames(frames, seed * 7919 + at),
          dissectors,
          { memory: seed === 1 ? 4096 : 64 << 20 },
          damageNumbers(seed * 7919 + at),
        )
        const { counters, bytes, unread } = read
        const skipped = Object.values(counters.skipped).reduce((sum, each) => sum + each, 0)
        assert.equal(counters.dissected + skipped + unread, bytes, `capture ${at}, seed ${seed}`)
      }
  })
})
