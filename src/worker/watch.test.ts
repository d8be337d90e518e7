import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Agent, findAgentFiles, readAgent } from '../agent/agents.ts'
import { withFiles } from '../testing/remora.ts'
import type { Run } from './run.ts'
import { watchAgents } from './watch.ts'

const OPTIONS = { language: 'es5', protocols: [] } as const

describe('watching agents', () => {
  test('sees changes of files that were named themselves, however they were written', async (t) => {
    await withFiles({ 'a.js': '', 'no-extension': '', 'real/b.js': '' }, async (folder) => {
      symlinkSync('real/b.js', join(folder, 'link.js'))
      const here = relative(process.cwd(), folder)
      const paths = [`./${here}//a.js`, `${folder}/real/../no-extension`, `${folder}/link.js`]
      const seen = follow(t, paths)
      for (const name of ['a.js', 'no-extension', 'real/b.js', 'real/other.js'])
        writeFileSync(join(folder, name), '// changed')
      await until(() => seen.reloads.length === 3)
      assert.deepEqual(seen.reloads.map(({ index }) => index).sort(), [0, 1, 2])
    })
  })

  test('gives each of several new files a place of its own', async (t) => {
    await withFiles({ 'a.js': '' }, async (folder) => {
      const seen = follow(t, [folder])
      mkdirSync(join(folder, 'folder.js'))
      for (const name of ['b.js', 'c.js', 'd.js']) writeFileSync(join(folder, name), '')
      await until(() => seen.reloads.length === 3)
      assert.deepEqual(seen.reloads.map(({ path, index }) => [relative(folder, path), index]).sort(), [
        ['b.js', 1],
        ['c.js', 2],
        ['d.js', 3],
      ])
    })
  })

  test('speaks of an old version only where there is one', async (t) => {
    await withFiles({ 'a.js': '' }, async (folder) => {
      const seen = follow(t, [folder])
      for (const name of ['a.js', 'b.js']) writeFileSync(join(folder, name), 'var = 1')
      await until(() => seen.notes.length === 2)
      assert.deepEqual(seen.notes.map((note) => /The old version keeps running/.test(note)).sort(), [
        false,
        true,
      ])
      rmSync(join(folder, 'a.js'))
      await until(() => seen.removed.length === 1)
      assert.deepEqual(seen.removed, [0])
    })
  })
})

/** What a run is told of these. */
function follow(t: TestContext, paths: readonly string[]) {
  const reloads: Agent[] = []
  const removed: number[] = []
  const notes: string[] = []
  const run = {
    reload: async (agent: Agent) => {
      reloads.push(agent)
      return undefined
    },
    remove: (index: number) => removed.push(index),
    runs: (index: number) => index < agents.length,
  } as unknown as Run
  const agents = findAgentFiles(paths, 'es5').map((path, index) => readAgent(path, index, OPTIONS))
  t.after(watchAgents(paths, agents, OPTIONS, run, (note) => notes.push(note)))
  return { reloads, removed, notes }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !condition(); await setTimeout(20))
    assert.ok(Date.now() < end, 'it did not happen')
  await setTimeout(100)
}

const PATIENCE_MS = 10_000
