import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, open, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, relative } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  describeAgentStore,
  rejects,
  type StorePlace,
  testRules,
  watching,
} from '../../testing/describe-agent-store.ts'
import { run } from '../../testing/programs.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'
import type { AgentStore } from '../agent-store.ts'
import type { StoreRules } from '../shelf.ts'
import { type WriteFile, writeDurably } from './files.ts'
import { openFolderStore } from './folder-shelf.ts'

describeAgentStore('a folder', async (t: TestContext): Promise<StorePlace> => {
  const folder = await tempFolder(t)
  return {
    open: async (rules) => openFolderStore({ ...rules, folder }),
    documents: () => documentsIn(folder),
    spoil: (name, content) => writeFile(join(folder, name), content),
  }
})

async function documentsIn(folder: string): Promise<Map<string, string>> {
  const documents = new Map<string, string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !/\.remora\/(lock|draft)/.test(path))
      documents.set(path.slice(folder.length + 1), await readFile(path, 'utf8'))
  }
  return documents
}

describe('agents in a folder that people use, too', () => {
  test('lie there as scripts, under names that follow their titles', async (t) => {
    const { store, files } = await started(t)
    const a = await store.create({ title: 'Slack Bot: 500s!', code: 'var a' }, 'ann')
    const source = { path: '/x/b.ts', hash: '', syncedBy: 'ann' }
    await store.create({ title: '你好', code: 'var b: number', source }, 'ann')
    assert.deepEqual(await files(), { '000-slack-bot-500s.js': 'var a', '001-agent.ts': 'var b: number' })
    await store.update(a.id, { title: 'Other', code: 'var a2' }, 'ann')
    assert.deepEqual(await files(), { '000-other.js': 'var a2', '001-agent.ts': 'var b: number' })
    await store.delete(a.id, 'ann')
    assert.deepEqual(Object.keys(await files()), ['001-agent.ts'])
  })

  test('are what somebody made of them: edited, dropped, renamed and deleted', async (t) => {
    const { store, folder } = await started(t)
    const a = await store.create({ code: '// first\nvar a', active: true }, 'ann')
    const watched = following(t, store)
    await watched.until((records) => records.length === 1)

    await writeFile(join(folder, '000-first.js'), '// better\nvar edited')
    await watched.until(([first]) => first?.code === '// better\nvar edited')
    const edited = await store.get(a.id)
    assert.deepEqual([edited.title, edited.version, edited.updatedBy], ['better', 2, 'folder'])
    assert.equal((await store.history(a.id))[1]?.code, '// first\nvar a')
    assert.deepEqual(await store.activeTitles(), ['better'])

    await store.setActiveTitles(['better', 'my-own'])
    await writeFile(join(folder, 'my-own.js'), 'var mine')
    await watched.until((records) => records.length === 2)
    const mine = (await store.list())[1]
    assert.deepEqual([mine?.index, mine?.title, mine?.active, mine?.version], [1, 'my-own', true, 1])

    await rename(join(folder, 'my-own.js'), join(folder, 'yours.js'))
    assert.equal((await store.update(mine?.id ?? '', { code: 'var yours' }, 'ann')).index, 1)
    assert.equal(await readFile(join(folder, 'yours.js'), 'utf8'), 'var yours')

    await rm(join(folder, '000-first.js'))
    await watched.until((records) => records.length === 1)
    await rejects(store.get(a.id), 'E_NOT_FOUND')
    const kept = [...(await documentsIn(folder)).values()]
    assert.ok(kept.includes('// better\nvar edited'))

    await writeFile(join(folder, '000-first.js'), '// better\nvar back')
    await watched.until((records) => records.length === 2)
    const back = await store.get(a.id)
    assert.deepEqual([back.index, back.version, back.active, back.title], [0, 3, true, 'better'])
    assert.equal((await store.history(a.id)).length, 3)
  })

  test('are saved by editors that put a new file in the place of the old one, or take long', async (t) => {
    const { store, folder } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const watched = following(t, store)
    const seen = watched.seen
    await watched.until((records) => records.length === 1)
    const path = join(folder, '000-a.js')
    for (let n = 1; n <= 5; n++) {
      await writeFile(`${path}.tmp`, `var saved${n}`)
      await rm(path)
      await sleep(40)
      await rename(`${path}.tmp`, path)
      await watched.until(([first]) => first?.code === `var saved${n}`)
    }
    const slow = await open(path, 'w')
    for (const piece of ['var ', 'slow', ' = ', '1']) {
      await slow.write(piece)
      await sleep(60)
    }
    await slow.close()
    await watched.until(([first]) => first?.code === 'var slow = 1')
    assert.ok(seen.every((records) => records.length === 1 && records[0]?.id === id))
    assert.deepEqual(
      (await store.history(id)).map(({ code }) => code),
      ['var slow = 1', ...[5, 4, 3, 2, 1].map((n) => `var saved${n}`), 'var a'],
    )
  })

  test('are not overwritten when somebody has just edited them', async (t) => {
    const { store, folder } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    await writeFile(join(folder, '000-a.js'), 'var byHand')
    const mistake = await rejects(store.update(id, { code: 'var b', ifVersion: 1 }, 'ann'), 'E_CONFLICT')
    assert.match(mistake.message, /folder made version 2/)
    await writeFile(join(folder, '000-a.js'), 'var byHandAgain')
    await store.update(id, { code: 'var b' }, 'ann')
    assert.deepEqual(
      (await store.history(id)).map(({ code }) => code),
      ['var b', 'var byHandAgain', 'var byHand', 'var a'],
    )
  })

  test('have titles of their own also when people give two files the same', async (t) => {
    const { store, folder } = await started(t)
    for (const name of ['a.js', 'b.js', 'c.ts', 'd.d.ts', '.e.js', 'f.txt'])
      await writeFile(join(folder, name), '// Traffic Recording')
    await until(async () => (await store.list()).length === 3)
    assert.deepEqual(
      (await store.list()).map(({ title }) => title),
      ['Traffic Recording', 'Traffic Recording (2)', 'Traffic Recording (3)'],
    )
  })

  test('are left out and named when they are damaged, and the others are not', async (t) => {
    const warnings: string[] = []
    const { store, folder } = await started(t, { warn: (text) => warnings.push(text) })
    const a = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const b = await store.create({ title: 'b', code: 'var b' }, 'ann')
    const record = join(folder, '.remora/000/record.json')
    const whole = await readFile(record, 'utf8')
    for (const bad of ['', '{', '{}', whole.replace('"index": 0', '"index": 1'), 'x'.repeat(2 << 20)]) {
      await writeFile(record, bad)
      assert.deepEqual(
        (await store.list()).map(({ id }) => id),
        [b.id],
      )
      assert.ok(warnings.some((text) => text.includes(record)))
    }
    await store.update(b.id, { code: 'var b2' }, 'ann')
    assert.equal((await store.create({ title: 'c', code: '' }, 'ann')).index, 2)
    await writeFile(record, whole)
    assert.equal((await store.get(a.id)).code, 'var a')

    for (const name of ['large.js', 'bytes.js', 'folder.js', 'fifo.js'])
      if (name === 'large.js') await writeFile(join(folder, name), 'x'.repeat(600 << 10))
      else if (name === 'bytes.js') await writeFile(join(folder, name), 'a\0b')
      else if (name === 'folder.js') await mkdir(join(folder, name))
      else execFileSync('mkfifo', [join(folder, name)])
    await until(async () => {
      await store.list()
      return ['large.js', 'bytes.js', 'fifo.js'].every((name) => warnings.some((text) => text.includes(name)))
    })
    assert.equal((await store.list()).length, 3)
  })

  test('keep their last good version where a file becomes something that is no script', async (t) => {
    const { store, folder } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    await writeFile(join(folder, '000-a.js'), 'x\0'.repeat(100))
    assert.equal((await store.get(id)).code, 'var a')
    await store.update(id, { code: 'var b' }, 'ann')
    assert.equal(await readFile(join(folder, '000-a.js'), 'utf8'), 'var b')
    assert.ok([...(await documentsIn(folder)).values()].includes('x\0'.repeat(100)))
  })

  test('are as before when the disk is full, wherever that happens', async (t) => {
    const folder = await tempFolder(t)
    let left = Number.POSITIVE_INFINITY
    const write: WriteFile = async (path, content) => {
      if (left-- > 0) return writeDurably(path, content)
      // As the kernel does: what fits is written.
      await writeFile(path, content.slice(0, 10))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }
    const store = openFolderStore({ ...testRules(), folder, write })
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    for (const [change, writes] of [
      [() => store.update(id, { code: 'var b', title: 'b', active: true }, 'ann'), 5],
      [() => store.create({ title: 'c', code: 'var c' }, 'ann'), 5],
      [() => store.delete(id, 'ann'), 2],
    ] as const)
      for (let at = 0; at < writes; at++) {
        const before = await documentsIn(folder)
        left = at
        const mistake = await rejects(change(), 'E_STORE')
        assert.match(`${mistake.message} ${mistake.hint}`, /no space left.*The disk is full/)
        left = Number.POSITIVE_INFINITY
        assert.equal((await store.list()).length, 1)
        assert.deepEqual(await documentsIn(folder), before, `write ${at}`)
      }
    await writeFile(join(folder, 'dropped.js'), 'var dropped')
    for (let n = 0; n < 3; n++) {
      left = 0
      assert.equal((await store.list()).length, 1)
      await sleep(400)
    }
    left = Number.POSITIVE_INFINITY
    assert.equal((await store.list()).length, 2)
  })

  test('are as before or as after when a program is killed at any moment', {
    timeout: 300_000,
  }, async (t) => {
    const { store, folder } = await started(t)
    const a = await store.create({ title: 'a', code: '// 1' }, 'ann')
    for (let round = 0; round < KILLS; round++) {
      const child = spawn(process.execPath, [WRITER, folder, a.id], { stdio: ['ignore', 'pipe', 'inherit'] })
      let done = 0
      let rest = ''
      child.stdout.on('data', (chunk) => {
        const lines = `${rest}${chunk}`.split('\n')
        rest = lines.pop() ?? ''
        done = Number(lines.at(-1) ?? done)
      })
      await until(() => done > 0)
      await sleep(Math.random() * 60)
      child.kill('SIGKILL')
      await once(child, 'close')
      const record = await store.get(a.id)
      // What was answered is there; what was under way may be.
      assert.ok(record.version === done || record.version === done + 1, `${record.version} after ${done}`)
      assert.deepEqual([record.code, record.title], [`// ${record.version}`, `a ${record.version}`])
      assert.equal((await store.history(a.id))[0]?.code, record.code)
      assert.deepEqual(await store.activeTitles(), record.active ? [record.title] : [])
      assert.equal(
        await readFile(join(folder, (await readdir(folder)).find(isScript) ?? ''), 'utf8'),
        record.code,
      )
    }
    const left = (await readdir(join(folder, '.remora'))).filter((name) => /draft|journal/.test(name))
    await store.list()
    assert.deepEqual(
      left.filter((name) => name.startsWith('journal')),
      [],
    )
  })

  test('may be changed by several programs at once', { timeout: 300_000 }, async (t) => {
    const { store, folder } = await started(t)
    const created = await Promise.all(
      ['a', 'b', 'c'].map((title) => store.create({ title, code: '// 1' }, 'ann')),
    )
    const writers = created.map(({ id }) => run(process.execPath, [WRITER, folder, id, '10']))
    for (const { code, stderr } of await Promise.all(writers)) assert.equal(code, 0, stderr)
    assert.deepEqual(
      (await store.list()).map(({ version, code }) => [version, code]),
      created.map(() => [11, '// 11']),
    )
  })

  test('wait for a lock, and break that of a program that has died', async (t) => {
    const { store, folder } = await started(t)
    const lock = join(folder, '.remora/lock')
    const held = (pid: number, born: string, host = hostname()) =>
      writeFile(lock, JSON.stringify({ token: 't', pid, host, born }))
    await store.create({ title: 'a', code: '' }, 'ann')
    const [dead] = [spawnSync('true').pid]
    await held(dead, '1')
    assert.equal((await store.list()).length, 1)
    // A number that was given to another process since.
    await held(process.pid, '1')
    assert.equal((await store.list()).length, 1)
    for (const content of ['', 'garbage']) {
      await writeFile(lock, content)
      await utimes(lock, new Date(0), new Date(0))
      assert.equal((await store.list()).length, 1)
    }
    // Of another machine: nobody can tell but by its age.
    await held(dead, '1', 'elsewhere')
    const waiting = store.list()
    assert.equal(await Promise.race([waiting, sleep(300, 'waits')]), 'waits')
    await utimes(lock, new Date(0), new Date(0))
    assert.equal((await waiting).length, 1)
    await writeFile(`${lock}.${randomUUID()}`, '')
    await utimes(join(folder, '.remora', (await locksIn(folder))[0] ?? ''), new Date(0), new Date(0))
    await store.list()
    assert.deepEqual(await locksIn(folder), [])
  })

  test('are as after a change whose program died when it had just been decided', async (t) => {
    const { store, folder } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const before = await mkdtemp(join(await tempFolder(t), 'before-'))
    await cp(folder, before, { recursive: true })
    await store.update(id, { code: 'var b', title: 'b', active: true }, 'ann')
    const after = await documentsIn(folder)

    // What was before, with the files of after as drafts, some of which had found their place already.
    for (const done of [0, 1, 2, 3]) {
      const place = join(await tempFolder(t), 'agents')
      await cp(before, place, { recursive: true })
      const entries: object[] = []
      for (const [path, content] of after) {
        const draft = `.remora/draft-${entries.length}`
        await writeFile(join(place, entries.length < done ? path : draft), content)
        entries.push({ move: draft, to: path })
      }
      entries.push({ remove: '000-a.js' })
      await writeFile(join(place, '.remora/journal.json'), JSON.stringify(entries))
      const again = openFolderStore({ ...testRules(), folder: place })
      const record = await again.get(id)
      assert.deepEqual([record.code, record.title, record.version, record.active], ['var b', 'b', 2, true])
      assert.deepEqual(await documentsIn(place), after)
      await again.close()
    }
  })

  test('are followed as soon as their folder can be used', async (t) => {
    const parent = await tempFolder(t)
    const path = join(parent, 'agents')
    await writeFile(path, 'in the way')
    const warnings: string[] = []
    const store = openFolderStore({ ...testRules({ warn: (text) => warnings.push(text) }), folder: path })
    t.after(() => store.close())
    const watched = following(t, store)
    await until(() => warnings.some((text) => text.includes(path)))
    await rejects(store.list(), 'E_STORE')
    await rm(path)
    await watched.until((records) => records.length === 0)
    await store.create({ title: 'a', code: '' }, 'ann')
    await watched.until((records) => records.length === 1)
  })

  test('do not let a journal of others reach out of the folder', async (t) => {
    const { store, folder } = await started(t)
    await store.create({ title: 'a', code: '' }, 'ann')
    const outside = join(await tempFolder(t), 'precious')
    await writeFile(outside, 'precious')
    for (const path of [outside, relative(folder, outside), '.remora/../../x', '']) {
      await writeFile(join(folder, '.remora/journal.json'), JSON.stringify([{ remove: path }]))
      await store.list()
      assert.equal(await readFile(outside, 'utf8'), 'precious')
    }
    assert.ok((await readdir(join(folder, '.remora'))).some((name) => name.startsWith('damaged-')))
  })
})

async function started(t: TestContext, rules: Partial<StoreRules> = {}) {
  const folder = await tempFolder(t)
  const store = openFolderStore({ ...testRules(rules), folder })
  t.after(() => store.close())
  const files = async () =>
    Object.fromEntries([...(await documentsIn(folder))].filter(([name]) => !name.startsWith('.')))
  return { folder, store, files }
}

async function locksIn(folder: string): Promise<string[]> {
  return (await readdir(join(folder, '.remora'))).filter((name) => name.startsWith('lock'))
}

/** Follows a store until the test is over. */
function following(t: TestContext, store: AgentStore) {
  const abort = new AbortController()
  const watched = watching(store, abort.signal)
  t.after(async () => {
    abort.abort()
    await watched.ended
  })
  return watched
}

function isScript(name: string): boolean {
  return name.endsWith('.js')
}

const WRITER = fileURLToPath(new URL('./test-writer.ts', import.meta.url))
const KILLS = 10
