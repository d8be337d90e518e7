import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../../mistake/mistake.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import type { Problem, SyncOptions } from './model.ts'
import { Scanner, shownPath } from './scan.ts'
import { Sync } from './sync.ts'
import { TestHub } from './test-hub.ts'

/** Defects of the command that this one replaces, by their numbers in the reference of the agent API (§7.3). */
describe('sync', () => {
  test('B1 deletes the agent of a removed file, after a period of grace', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' })
    await bench.settle()
    bench.remove('a.js')
    await bench.round(1000)
    assert.deepEqual(await bench.titles(), ['A'])
    await bench.settle()
    assert.deepEqual(await bench.titles(), [])
  })

  test('B1 switches it off, or keeps it, when that is wanted', async (t) => {
    for (const onDelete of ['deactivate', 'keep'] as const) {
      const bench = await Bench.open(t, { 'a.js': '// A\n' }, { onDelete, active: true })
      await bench.settle()
      bench.remove('a.js')
      await bench.settle()
      const [agent] = await bench.hub.records()
      assert.equal(agent?.active, onDelete === 'keep')
    }
  })

  test('B2 sees what has become of a file, however many events came together', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    bench.write('a.js', '// A\n2')
    bench.rename('a.js', 'b.js')
    bench.rename('b.js', 'a.js')
    bench.write('c.js', '// C\n')
    bench.remove('c.js')
    bench.write('c.js', '// D\n')
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\n2', D: '// D\n' })
  })

  test('B3 leaves agent 0 alone when a file is written or renamed that nobody knows', async (t) => {
    const bench = await Bench.open(t, {})
    await bench.hub.client.createAgent({ title: 'Stranger', code: '// Stranger\n' })
    const [stranger] = await bench.hub.records()
    bench.write('a.js', '// A\n')
    bench.rename('a.js', 'b.js')
    await bench.settle()
    bench.remove('b.js')
    await bench.settle()
    assert.deepEqual(await bench.hub.records(), [stranger])
  })

  test('B4 makes a new agent when a file with the path of a deleted one comes', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' })
    await bench.settle()
    bench.remove('a.js')
    await bench.settle()
    await bench.hub.client.createAgent({ title: 'Stranger', code: '' })
    bench.write('a.js', '// Again\n')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['Stranger', 'Again'])
  })

  test('B5 makes an agent of each file that is called New Script, and overwrites no other', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// New Script\n1', 'b.js': '// New Script\n2' })
    await bench.hub.client.createAgent({ title: 'New Script', code: '0' })
    await bench.settle()
    bench.write('b.js', '// New Script\n3')
    await bench.settle()
    assert.deepEqual(
      (await bench.hub.records()).map(({ code }) => code),
      ['0', '// New Script\n1', '// New Script\n3'],
    )
    assert.deepEqual(bench.problems, [])
  })

  test('B5 takes no file that is called New Script for another one', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// New Script\n1' })
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.remove('a.js')
    bench.write('b.js', '// New Script\n2')
    await bench.settle()
    const [after, ...more] = await bench.hub.records()
    assert.deepEqual([after?.code, more], ['// New Script\n2', []])
    assert.notEqual(after?.id, before?.id)
  })

  test('B6 names both files that have one title, and overwrites neither', async (t) => {
    const bench = await Bench.open(t, {
      'a.js': '// Traffic Recording\n1',
      'b.js': '// Traffic Recording\n2',
    })
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { 'Traffic Recording': '// Traffic Recording\n1' })
    assert.deepEqual(bench.said(), [
      `title b.js: its title "Traffic Recording" is the one of the file ${bench.path('a.js')}, too: it was not synced`,
    ])
    bench.write('b.js', '// Other Recording\n2')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['Traffic Recording', 'Other Recording'])
  })

  test('B6 never takes over an agent that was made on the hub, and names it', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// Alerts\n1' }, { force: true })
    await bench.hub.client.createAgent({ title: 'Alerts', code: '0' })
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { Alerts: '0' })
    assert.match(
      bench.said().join(),
      /title a\.js: its title "Alerts" is the one of agent 0 "Alerts" \(not of a file\)/,
    )
  })

  test('B7 takes titles for active that are in the list, not those that are part of one', async (t) => {
    const bench = await Bench.open(t, {
      'a.js': '// foo\n',
      'b.js': '// foobar\n',
      'c.js': '//\n',
      'pod-traffic.js': '/** \n * Counts\n */',
    })
    bench.hub.hub.titles.push('foobar', 'pod-traffic')
    await bench.settle()
    assert.deepEqual(await bench.active(), ['foobar', 'Counts'])
  })

  test('B8 takes a title with a comma for one', async (t) => {
    const bench = await Bench.open(
      t,
      { 'a.js': '// Reads, writes\n', 'b.js': '// writes\n' },
      { activeTitles: ['Reads, writes'] },
    )
    await bench.settle()
    assert.deepEqual(await bench.active(), ['Reads, writes'])
  })

  test('B9 finds a title whatever space is around it, in the file and in the list', async (t) => {
    const bench = await Bench.open(
      t,
      { 'a.js': '//   DNS   counter  \n' },
      { activeTitles: [' DNS counter'] },
    )
    await bench.settle()
    assert.deepEqual([await bench.titles(), await bench.active()], [['DNS counter'], ['DNS counter']])
  })

  test('B10 syncs the others when a file has a syntax error, and says where it is', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1', 'b.js': '// B\n1' })
    await bench.settle()
    bench.write('a.js', '// A\nvar a = ;')
    bench.write('b.js', '// B\n2')
    bench.write('c.js', '// C\n')
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\n1', B: '// B\n2', C: '// C\n' })
    assert.deepEqual(bench.said(), [`syntax a.js: a.js:2:9: Unexpected token`])
    bench.write('a.js', '// A\nvar a = 1;')
    await bench.settle()
    assert.equal((await bench.hub.contents()).A, '// A\nvar a = 1;')
  })

  test('B10 says where it is also when only the hub does not take the language', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\nvar a = 1; let b', 'b.js': '// B\n' })
    await bench.settle()
    assert.deepEqual(bench.said(), ['refused a.js: a.js:2:16: Unexpected token'])
    assert.deepEqual(await bench.titles(), ['B'])
  })

  test('B11 takes files, folders and globs', async (t) => {
    const files = {
      'one/a.js': '// A\n',
      'two/b.js': '// B\n',
      'two/b.txt': '',
      'three/c-1.js': '// C\n',
      'three/d.js': '// D\n',
    }
    const bench = await Bench.open(t, files, { paths: ['one', 'two/b.js', 'thr*/c-?.js'] })
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A', 'C', 'B'])
    bench.write('three/c-2.js', '// C2\n')
    bench.remove('two/b.js')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A', 'C', 'C2'])
  })

  test('B12 does not mind a path that is not there while others are', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' }, { paths: ['a.js', 'later'] })
    await bench.settle()
    assert.deepEqual([await bench.titles(), bench.said()], [['A'], ['unreadable later: there is no later']])
    bench.write('later/b.js', '// B\n')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A', 'B'])
  })

  test('B13 takes names that end in .js, and none that end in js', async (t) => {
    const bench = await Bench.open(t, {
      'a.js': '// A\n',
      bjs: '// B\n',
      'c.mjs': '// C\n',
      '.d.js': '// D\n',
      'e.js~': '// E\n',
    })
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A'])
  })

  test('B14 keeps the agent when an editor writes another file and renames it', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' }, { active: true })
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.rename('a.js', 'a.js~')
    await bench.round(100)
    bench.write('.a.js.swp', '// A\n2')
    bench.rename('.a.js.swp', 'a.js')
    bench.remove('a.js~')
    await bench.settle()
    const [after, ...more] = await bench.hub.records()
    assert.deepEqual(
      [after?.id, after?.index, after?.version, after?.code, after?.active, more],
      [before?.id, 0, 2, '// A\n2', true, []],
    )
  })

  test('B14 keeps the agent when a backup looks like a script for a moment', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.rename('a.js', 'a.backup.js')
    await bench.round(100)
    bench.write('a.js', '// A\n2')
    bench.remove('a.backup.js')
    await bench.settle()
    const [after, ...more] = await bench.hub.records()
    assert.deepEqual([after?.id, after?.code, after?.version, more], [before?.id, '// A\n2', 2, []])
  })

  test('B14 gives the same agent another title', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' })
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.write('a.js', '// B\n')
    await bench.settle()
    assert.deepEqual(
      (await bench.hub.records()).map(({ id, title }) => [id, title]),
      [[before?.id, 'B']],
    )
  })

  test('B15 loses no change that somebody else makes at the same time', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1', 'b.js': '// B\n1' })
    await bench.settle()
    bench.write('a.js', '// A\n2')
    bench.write('b.js', '// B\n2')
    bench.hub.meanwhile = once(async () => {
      await bench.hub.edit('A', { code: '// A\nedited' })
    })
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\nedited', B: '// B\n2' })
    assert.match(
      bench.said().join(),
      /^conflict a\.js: agent 0 "A" was edited on the hub by ann \(version 2\)/,
    )
  })

  test('B15 gives up at last when somebody is always faster, and says so', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1', 'b.js': '// B\n' })
    bench.hub.meanwhile = async () => {
      throw new Mistake('E_CONFLICT', 'somebody was faster')
    }
    await bench.settle()
    assert.deepEqual(bench.said(), ['refused a.js: somebody was faster', 'refused b.js: somebody was faster'])
  })

  test('B16 says which file is too large, before it is sent', async (t) => {
    const bench = await Bench.open(t, { 'a.js': `// A\nvar a = "${'x'.repeat(600_000)}"`, 'b.js': '// B\n' })
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['B'])
    assert.match(
      bench.said().join(),
      /^syntax a\.js: a\.js has 600015 bytes, more than the 524288 of an agent$/,
    )
  })

  test('B16 tells what the store refuses, and syncs the others', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n', 'b.js': '// B\n' })
    bench.hub.meanwhile = once(async () => {
      throw new Mistake('E_TOO_LARGE', 'the config map is full', { hint: 'delete agents' })
    })
    await bench.settle()
    assert.deepEqual([await bench.titles(), bench.said()], [['B'], ['refused a.js: the config map is full']])
    await bench.round(60_000)
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['B', 'A'])
  })

  test('B16 sends what had no room as soon as something was deleted', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' })
    await bench.settle()
    bench.write('b.js', '// B\n')
    bench.hub.meanwhile = async () => {
      const hasRoom = !bench.has('a.js')
      if (!hasRoom) throw new Mistake('E_TOO_LARGE', 'the config map is full')
    }
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A'])
    bench.remove('a.js')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['B'])
  })

  test('B17 sees what was edited on the hub, and does not overwrite it', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    await bench.hub.edit('A', { code: '// A\nedited' })
    bench.write('a.js', '// A\n2')
    await bench.settle()
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\nedited' })
    assert.equal(bench.said().length, 1, 'told once')
    bench.write('a.js', '// A\nedited')
    await bench.settle()
    bench.write('a.js', '// A\n3')
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\n3' }, 'a file that was made the same goes on')
  })

  test('B17 does not delete what was edited on the hub', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    await bench.hub.edit('A', { code: '// A\nedited' })
    bench.remove('a.js')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A'])
    assert.match(
      bench.said().join(),
      /the file is gone, but agent 0 "A" was edited on the hub by ann: it was not deleted/,
    )
  })

  test('B17 overwrites it when that is wanted', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' }, { force: true })
    await bench.settle()
    await bench.hub.edit('A', { code: '// A\nedited', title: 'Z' })
    await bench.settle()
    assert.deepEqual([await bench.hub.contents(), bench.said()], [{ A: '// A\n1' }, []])
  })

  test('B17 takes it into the file when that is wanted', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' }, { twoWay: true })
    await bench.settle()
    await bench.hub.edit('A', { code: '// A\nedited' })
    await bench.settle()
    assert.equal(readFileSync(bench.path('a.js'), 'utf8'), '// A\nedited')
    assert.deepEqual(bench.said(), [])
  })

  test('B18 leaves what is switched on or off on the hub as it is', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1', 'b.js': '// B\n1' }, { activeTitles: ['A'] })
    await bench.settle()
    await bench.hub.edit('A', { active: false })
    await bench.hub.edit('B', { active: true })
    bench.write('a.js', '// A\n2')
    bench.write('b.js', '// B\n2')
    await bench.settle()
    assert.deepEqual(await bench.active(), ['B'])
  })

  test('B18 switches all on once when that is wanted, and not again', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    const later = bench.again({ active: true })
    await later.settle()
    assert.deepEqual(await bench.active(), ['A'])
    await bench.hub.edit('A', { active: false })
    later.write('a.js', '// A\n2')
    await later.settle()
    assert.deepEqual(await bench.active(), [])
  })

  test('B19 goes into sub-folders when that is wanted', async (t) => {
    const files = {
      'a.js': '// A\n',
      'b/b.js': '// B\n',
      'b/c/c.js': '// C\n',
      'node_modules/d.js': '// D\n',
    }
    const flat = await Bench.open(t, files)
    await flat.settle()
    assert.deepEqual(await flat.titles(), ['A'])
    const deep = await Bench.open(t, files, { recursive: true })
    await deep.settle()
    assert.deepEqual(await deep.titles(), ['A', 'B', 'C'])
    deep.write('b/d/e.js', '// E\n')
    deep.remove('b/c')
    await deep.settle()
    assert.deepEqual(await deep.titles(), ['A', 'B', 'E'])
  })

  test('B20 does not send a file that is being written', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    for (let size = 0; size < 5; size++) {
      bench.write('a.js', `// A\n${'2;'.repeat(size)}`)
      await bench.round(200)
      assert.deepEqual(await bench.hub.contents(), { A: '// A\n1' })
    }
    await bench.settle()
    const [agent] = await bench.hub.records()
    assert.deepEqual([agent?.code, agent?.version], ['// A\n2;2;2;2;', 2])
  })

  test('B21 keeps agent and index when a file is renamed, also while nobody watched', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n', 'b.js': '' }, { active: true })
    await bench.settle()
    const before = await bench.hub.records()
    bench.rename('a.js', 'z.js')
    await bench.settle()
    const later = bench.again({})
    later.rename('b.js', 'a.js')
    await later.settle()
    const after = await bench.hub.records()
    assert.deepEqual(
      after.map(({ id }) => id),
      before.map(({ id }) => id),
    )
    assert.deepEqual(
      after.map(({ title, active, source }) => [title, active, source?.path]),
      [
        ['A', true, bench.path('z.js')],
        ['a', true, bench.path('a.js')],
      ],
    )
  })

  test('B21 keeps the agent of a file that is renamed and changed, or moved to another folder', async (t) => {
    const bench = await Bench.open(
      t,
      { 'one/a.js': '// A\n1', 'two/b.js': '// B\n' },
      { paths: ['one', 'two'] },
    )
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.rename('one/a.js', 'two/c.js')
    bench.write('two/c.js', '// C\n2')
    await bench.settle()
    const [after] = await bench.hub.records()
    assert.deepEqual([after?.id, after?.title, after?.code], [before?.id, 'C', '// C\n2'])
  })

  test('B21 does not take a new file for a renamed one because it got its place on the disk', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n1' })
    await bench.settle()
    const [before] = await bench.hub.records()
    bench.remove('a.js')
    bench.write('b.js', '// B\n')
    await bench.settle()
    const [after, ...more] = await bench.hub.records()
    assert.deepEqual([after?.title, more], ['B', []])
    assert.notEqual(after?.id, before?.id)
  })

  test('B23 calls an agent as its file when it has no comment', async (t) => {
    const bench = await Bench.open(t, { 'dns-counter.js': 'var a = 1 // one', 'b.js': '' })
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['b', 'dns-counter'])
  })

  test('uploads all again when the hub was emptied, as it was', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n', 'b.js': '// B\n' })
    await bench.settle()
    await bench.hub.edit('B', { active: true })
    await bench.settle()
    for (const { id } of await bench.hub.records()) await bench.hub.hub.deleteAgent(id, 'ann')
    await bench.settle()
    assert.deepEqual([await bench.titles(), await bench.active()], [['A', 'B'], ['B']])
  })

  test('does not overwrite the agent of a file with the same path on another machine', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// Mine\n' })
    const source = { path: bench.path('a.js'), hash: '', syncedBy: 'bob@there' }
    await bench.hub.client.createAgent({ title: 'Theirs', code: '// Theirs\n', source })
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { Theirs: '// Theirs\n' })
    assert.match(
      bench.said().join(),
      /^elsewhere a\.js: agent 0 "Theirs" is of a file with this path, which bob@there syncs/,
    )
  })

  test('shortens a title that is longer than titles are', async (t) => {
    const bench = await Bench.open(t, { 'a.js': `// ${'x'.repeat(600)}\n` })
    await bench.settle()
    bench.write('a.js', `// ${'x'.repeat(600)}\n2`)
    await bench.settle()
    assert.deepEqual([(await bench.titles())[0]?.length, bench.said()], [500, []])
  })

  test('leaves agents of a folder alone that has vanished', async (t) => {
    const bench = await Bench.open(t, { 'one/a.js': '// A\n' }, { paths: ['one'] })
    await bench.settle()
    bench.rename('one', 'moved')
    await bench.settle()
    assert.deepEqual(await bench.titles(), ['A'])
    assert.match(bench.said().join(), /there is no one any more: its agents were left as they are/)
  })

  test('strips types, and does not take that for an edit', async (t) => {
    const bench = await Bench.open(t, { 'a.ts': '// A\nvar a: number = 1' }, { language: 'modern' })
    await bench.settle()
    assert.deepEqual(await bench.hub.contents(), { A: '// A\nvar a         = 1' })
    bench.write('a.ts', '// A\nvar a: number = 2')
    await bench.settle()
    assert.deepEqual([await bench.hub.contents(), bench.said()], [{ A: '// A\nvar a         = 2' }, []])
  })

  test('law: whatever is done to files, in the end the hub has what the folder has', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 15 }), async (deeds) => {
        const bench = await Bench.open(t, {})
        for (const each of deeds) await each(bench)
        await bench.settle()
        assert.deepEqual(
          (await bench.hub.records()).map(({ source, code }) => [source?.path, code]).sort(),
          bench.files(),
        )
        assert.deepEqual(bench.problems, [])
      }),
      { numRuns: 60 },
    )
  })

  test('stops when it may not change agents', async (t) => {
    const bench = await Bench.open(t, { 'a.js': '// A\n' })
    bench.hub.meanwhile = async () => {
      throw new Mistake('E_FORBIDDEN', 'a viewer may not do this')
    }
    await assert.rejects(bench.settle(), { code: 'E_FORBIDDEN' })
  })
})

type Deed = (bench: Bench) => Promise<unknown>

/** Titles are the names of the files, so that there is one of each. */
const someName = fc.constantFrom('a.js', 'b.js', 'c.js', 'd.js')
const someText = fc.constantFrom('', '1', '2', '3')
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(someName, someText).map(
    ([name, text]): Deed =>
      async (bench) =>
        bench.write(name, text),
  ),
  fc.tuple(someName, someText).map(
    ([name, text]): Deed =>
      async (bench) => {
        bench.write(`${name}.tmp`, text)
        bench.rename(`${name}.tmp`, name)
      },
  ),
  fc.tuple(someName, someName).map(
    ([from, to]): Deed =>
      async (bench) => {
        if (bench.has(from)) bench.rename(from, to)
      },
  ),
  someName.map(
    (name): Deed =>
      async (bench) =>
        bench.has(name) ? bench.remove(name) : undefined,
  ),
  fc.constantFrom(100, 300, 3000).map(
    (ms): Deed =>
      (bench) =>
        bench.round(ms),
  ),
)

interface BenchOptions extends Partial<SyncOptions> {
  readonly paths?: readonly string[]
  readonly activeTitles?: readonly string[]
  readonly recursive?: boolean
  readonly language?: 'es5' | 'modern'
}

/** A folder on the disk, a hub, and what syncs them, by a clock of its own. */
class Bench {
  readonly hub: TestHub
  readonly problems: Problem[] = []
  readonly #folder: string
  readonly #sync: Sync
  #now: number

  static async open(t: TestContext, files: Readonly<Record<string, string>>, options: BenchOptions = {}) {
    const bench = new Bench(await tempFolder(t), new TestHub(), Date.now(), options)
    for (const [name, text] of Object.entries(files)) bench.write(name, text)
    return bench
  }

  private constructor(folder: string, hub: TestHub, now: number, options: BenchOptions) {
    const { paths = ['.'], recursive = false, language = 'es5', active, ...rest } = options
    this.hub = hub
    this.#folder = folder
    this.#now = now
    this.#sync = new Sync(
      {
        ...{ onDelete: 'delete', force: false, twoWay: false, graceMs: 2000, activeTitles: [], active },
        ...rest,
        hub: hub.client,
        scanner: new Scanner(paths, { cwd: folder, recursive, language }),
        by: 'me@here',
        shown: (path) => shownPath(path, folder),
      },
      { done: () => {}, problem: (problem) => this.problems.push(problem) },
    )
  }

  /** A new session, which knows nothing of this one. */
  again(options: BenchOptions): Bench {
    return new Bench(this.#folder, this.hub, this.#now + 5000, options)
  }

  write(name: string, text: string): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true })
    writeFileSync(this.path(name), text)
  }

  rename(from: string, to: string): void {
    renameSync(this.path(from), this.path(to))
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true })
  }

  has(name: string): boolean {
    return existsSync(this.path(name))
  }

  /** Paths and texts of all. */
  files(): [string, string][] {
    return readdirSync(this.#folder)
      .sort()
      .map((name) => [this.path(name), readFileSync(this.path(name), 'utf8')])
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  round(afterMs: number) {
    this.#now += afterMs
    return this.#sync.round(this.#now)
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 50; rounds++) {
      const { isQuiet } = await this.round(300)
      if (isQuiet) return
    }
    assert.fail('it never settles')
  }

  async titles(): Promise<string[]> {
    return (await this.hub.records()).map(({ title }) => title)
  }

  async active(): Promise<string[]> {
    return (await this.hub.records()).flatMap(({ title, active }) => (active ? [title] : []))
  }

  /** What was told, with short names of files. */
  said(): string[] {
    return this.problems.map(
      ({ kind, path, message }) => `${kind} ${shownPath(path, this.#folder)}: ${message}`,
    )
  }
}

function once(what: () => Promise<void>): () => Promise<void> {
  let isDone = false
  return async () => {
    if (isDone) return
    isDone = true
    await what()
  }
}
