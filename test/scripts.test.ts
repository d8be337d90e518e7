import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { startTestApi, TOKENS, WITH_TOKENS } from '../src/testing/api.ts'
import type { FakeHub } from '../src/testing/fake-hub.ts'
import { type Finished, remora } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'

describe('remora scripts', () => {
  test('syncs a folder once, and says what it did', async (t) => {
    const { hub, url } = await startTestApi(t)
    hub.titles.push('DNS counter')
    const folder = await tempFolder(t)
    write(folder, { 'agents/a.js': '// DNS counter\nvar n = 0', 'agents/b.js': '// Alerts\n' })
    const first = await remora(['scripts', 'agents', '--once', '--hub-url', url], { cwd: folder })
    assert.deepEqual(first, {
      code: 0,
      stdout: `created     agents/a.js: agent 0 "DNS counter", active
created     agents/b.js: agent 1 "Alerts", inactive (remora agents activate 1)
2 created, 0 unchanged
`,
      stderr: '',
    })
    const [agent] = await hub.agents()
    assert.equal(agent?.source?.path, join(folder, 'agents/a.js'))
    assert.equal(agent.source.syncedBy, `${userInfo().username}@${hostname()}`)
    const second = await remora(['scripts', 'agents', '--once', '--hub-url', url], { cwd: folder })
    assert.deepEqual([second.code, second.stdout], [0, '2 unchanged\n'])
  })

  test('B10 ends with 2 when something is wrong, and has synced everything else', async (t) => {
    const { hub, url } = await startTestApi(t)
    const folder = await tempFolder(t)
    write(folder, { 'a.js': '// A\n', 'b.js': '// B\nvar b = ;', 'c.js': '// C\n' })
    const { code, stdout, stderr } = await remora(['scripts', '.', '--once', '--hub-url', url], {
      cwd: folder,
    })
    assert.deepEqual([code, await titles(hub)], [2, ['A', 'C']])
    assert.match(stdout, /^2 created, 0 unchanged, 1 problem$/m)
    assert.match(stderr, /^b\.js:2:9: Unexpected token\n {2}2 \| var b = ;\n/)
  })

  test('prints JSON lines for programs', async (t) => {
    const { url } = await startTestApi(t)
    const folder = await tempFolder(t)
    write(folder, { 'a.js': '// A\n', 'b.js': 'var b = ;' })
    const { stdout, stderr } = await remora(['scripts', '.', '--once', '--json', '--hub-url', url], {
      cwd: folder,
    })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    assert.deepEqual(
      [lines.find(isOf('sync')), lines.find(isOf('summary')), stderr],
      [
        { type: 'sync', action: 'created', index: 0, title: 'A', version: 1, active: false, path: 'a.js' },
        { type: 'summary', created: 1, unchanged: 0, problems: 1 },
        '',
      ],
    )
    assert.match(
      stdout,
      /{"type":"problem","kind":"syntax","path":"b\.js","message":"b\.js:1:9: Unexpected token","hint":/,
    )
  })

  test('B12 takes sources from settings, also when one of them is empty', async (t) => {
    const { hub, url } = await startTestApi(t)
    const folder = await tempFolder(t)
    write(folder, {
      'remora.yaml': 'scripting: { source: "", sources: [one, two/b.js], watchScripts: false, active: [B] }',
      'one/a.js': '// A\n',
      'two/b.js': '// B\n',
    })
    const { code, stderr } = await remora(['scripts', '--hub-url', url], { cwd: folder })
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      (await hub.agents()).map(({ title, active }) => [title, active]),
      [
        ['A', false],
        ['B', true],
      ],
    )
    const more = await remora(
      ['scripts', '--set', 'scripting.sources[0]=two', '--once', '--hub-url', url, '--as', 'ci'],
      { cwd: folder },
    )
    assert.match(
      more.stderr,
      /^two\/b\.js: agent 1 "B" is of a file with this path, which .*@.* syncs: it was not synced$/m,
    )
  })

  test('says what to set when there is nothing to sync, and where the hub is thought to be', async (t) => {
    const folder = await tempFolder(t)
    const nothing = await remora(['scripts'], { cwd: folder })
    assert.equal(nothing.code, 2)
    assert.match(nothing.stderr, /^remora: nothing to sync was named\n[\s\S]*--set scripting\.source=/)
    const nobody = await remora(
      ['scripts', '.', '--once', '--proxy-host', '127.0.0.2', '--proxy-front-port', '1'],
      { cwd: folder },
    )
    assert.equal(nobody.code, 2)
    assert.match(nobody.stderr, /^remora: the hub at http:\/\/127\.0\.0\.2:1 cannot be reached/)
    // As the chart has it: all addresses, of which one is taken that there always is.
    const everywhere = ['--set', 'tap.proxy.host=::', '--proxy-front-port', '1']
    const here = await remora(['scripts', '.', '--once', ...everywhere], { cwd: folder })
    assert.match(here.stderr, /^remora: the hub at http:\/\/127\.0\.0\.1:1 cannot be reached/)
  })

  test('takes its token from the environment, and stops when it may not change agents', async (t) => {
    const { hub, url } = await startTestApi(t, WITH_TOKENS)
    const folder = await tempFolder(t)
    write(folder, { 'a.js': '// A\n' })
    const as = (token: string) =>
      remora(['scripts', '.', '--once', '--hub-url', url], { cwd: folder, env: { REMORA_TOKEN: token } })
    assert.equal((await as(TOKENS.viewer)).code, 2)
    assert.deepEqual(await titles(hub), [])
    assert.equal((await as(TOKENS.author)).code, 0)
    assert.deepEqual(await titles(hub), ['A'])
  })

  test('follows what editors do, each in its own way, and keeps the agent', async (t) => {
    await watching(t, { 'a.js': '// A\n1' }, [], async ({ folder, hub, output }) => {
      const [before] = await hub.agents()
      const ways = [inPlace, inPieces, overATemporaryFile, likeVim, withBackupCopy, truncatedFirst]
      for (const [at, save] of ways.entries()) {
        await save(join(folder, 'a.js'), `// A\nvar way = ${at + 2}`)
        await until(async () => (await hub.agents())[0]?.code === `// A\nvar way = ${at + 2}`, output)
      }
      const [after, ...others] = await hub.agents()
      assert.deepEqual(
        [after?.id, after?.index, after?.version, others],
        [before?.id, 0, 1 + ways.length, []],
      )
    })
  })

  test('follows renames, removals, titles and new files', async (t) => {
    await watching(t, { 'a.js': '// A\n', 'b.js': '// B\n' }, [], async ({ folder, hub, output }) => {
      const [first] = await hub.agents()
      renameSync(join(folder, 'a.js'), join(folder, 'z.js'))
      await until(async () => (await hub.agents())[0]?.source?.path === join(folder, 'z.js'), output)
      rmSync(join(folder, 'b.js'))
      await until(async () => (await titles(hub)).join() === 'A', output)
      write(folder, { 'z.js': '// Z\n', 'new.js': '' })
      await until(async () => (await titles(hub)).join() === 'Z,new', output)
      assert.equal((await hub.agents())[0]?.id, first?.id)
      await until(() => /^renamed +z\.js: agent 0 "A"$/m.test(output()), output)
    })
  })

  test('sees edits on the hub, tells of the conflict, and gives all again to a hub that was emptied', async (t) => {
    await watching(t, { 'a.js': '// A\n', 'b.js': '// B\n' }, [], async ({ folder, hub, output }) => {
      await hub.updateAgent('A', { code: '// A\nedited' }, 'ann')
      await until(
        () => /a\.js: agent 0 "A" was edited on the hub by ann \(version 2\)/.test(output()),
        output,
      )
      write(folder, { 'a.js': '// A\nmine', 'b.js': '// B\n2' })
      await until(async () => (await hub.agent('B')).version === 2, output)
      assert.equal((await hub.agent('A')).code, '// A\nedited')
      for (const { id } of await hub.agents()) await hub.deleteAgent(id, 'helm')
      await until(async () => (await titles(hub)).join() === 'A,B', output)
      assert.equal((await hub.agent('A')).code, '// A\nmine')
    })
  })

  test('prints what its agents say, and no others', async (t) => {
    await watching(t, { 'a.js': '// A\n' }, [], async ({ hub, output }) => {
      await until(() => hub.followers > 0, output)
      const { id: agent } = await hub.agent('A')
      hub.print({ text: 'not ours' })
      hub.print({ text: 'hello', agent, title: 'A' })
      await until(() => /^\[fake-0\] hello$/m.test(output()), output)
      assert.doesNotMatch(output(), /not ours/)
    })
  })

  test('takes edits on the hub into the file when that is wanted', async (t) => {
    await watching(t, { 'a.js': '// A\n' }, ['--two-way'], async ({ folder, hub, output }) => {
      await hub.updateAgent('A', { code: '// A\nedited' }, 'ann')
      await until(() => readFileSync(join(folder, 'a.js'), 'utf8') === '// A\nedited', output)
      await until(async () => (await hub.agent('A')).source?.hash === (await hub.agent('A')).hash, output)
    })
  })

  test('ends when it watches and is not let in', async (t) => {
    const { url } = await startTestApi(t, WITH_TOKENS)
    const folder = await tempFolder(t)
    write(folder, { 'a.js': '// A\n' })
    const { code, stderr } = await remora(['scripts', '.', '--hub-url', url, '--token', TOKENS.viewer], {
      cwd: folder,
    })
    assert.equal(code, 2)
    assert.doesNotMatch(stderr, /trying again/)
  })

  test('goes on after the hub has failed', async (t) => {
    await watching(t, { 'a.js': '// A\n' }, [], async ({ folder, hub, output }) => {
      hub.failure = new Error('broken')
      write(folder, { 'a.js': '// A\n2' })
      await until(() => /the hub has failed.*; trying again/.test(output()), output)
      hub.failure = undefined
      await until(async () => (await hub.agent('A')).code === '// A\n2', output)
    })
  })

  test('goes on when the hub goes away and comes back empty, on the same address', async (t) => {
    const first = await startTestApi(t)
    const port = Number(new URL(first.url).port)
    const folder = await tempFolder(t)
    write(folder, { 'a.js': '// A\n' })
    const finished = await remora(['scripts', '.', '--hub-url', first.url], {
      cwd: folder,
      meanwhile: async (pid, output) => {
        await until(() => /watching/.test(output()), output)
        await first.api.close()
        write(folder, { 'a.js': '// A\n2' })
        await until(() => /^remora: the hub at .* cannot be reached.*; trying again$/m.test(output()), output)
        const second = await startTestApi(t, { port })
        await until(async () => (await second.hub.agents())[0]?.code === '// A\n2', output)
        process.kill(pid, 'SIGINT')
      },
    })
    assert.equal(finished.code, 0, finished.stderr)
    assert.equal(finished.stderr.match(/trying again/g)?.length, 1, finished.stderr)
    assert.match(finished.stderr, /^remora: the hub is there again$/m)
  })
})

// How editors save.

async function inPlace(path: string, text: string): Promise<void> {
  writeFileSync(path, text)
}

async function inPieces(path: string, text: string): Promise<void> {
  for (let size = 1; size <= text.length; size++) writeFileSync(path, text.slice(0, size))
}

/** VS Code with safe writing, Emacs, IntelliJ. */
async function overATemporaryFile(path: string, text: string): Promise<void> {
  writeFileSync(`${path}___jb_tmp___`, text)
  renameSync(path, `${path}___jb_old___`)
  renameSync(`${path}___jb_tmp___`, path)
  rmSync(`${path}___jb_old___`)
}

/** Without backupcopy: it tries whether it may write, moves the file away, writes a new one. */
async function likeVim(path: string, text: string): Promise<void> {
  const probe = join(path, '..', '4913')
  writeFileSync(probe, '')
  rmSync(probe)
  renameSync(path, `${path}~`)
  writeFileSync(path, text)
  rmSync(`${path}~`)
}

/** A backup that looks like a script. */
async function withBackupCopy(path: string, text: string): Promise<void> {
  const backup = path.replace('.js', '.bak.js')
  renameSync(path, backup)
  writeFileSync(path, text)
  rmSync(backup)
}

async function truncatedFirst(path: string, text: string): Promise<void> {
  writeFileSync(path, '')
  writeFileSync(path, text)
}

// The program, while it watches.

interface Watching {
  readonly folder: string
  readonly hub: FakeHub
  readonly output: () => string
}

async function watching(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
  use: (watching: Watching) => Promise<void>,
): Promise<Finished> {
  const { hub, url } = await startTestApi(t)
  const folder = await tempFolder(t)
  write(folder, files)
  const finished = await remora(['scripts', '.', '--hub-url', url, ...flags], {
    cwd: folder,
    meanwhile: async (pid, output) => {
      await until(() => /^remora: watching$/m.test(output()), output)
      await use({ folder, hub, output })
      process.kill(pid, 'SIGINT')
    },
  })
  assert.equal(finished.code, 0, finished.stderr)
  return finished
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

async function titles(hub: FakeHub): Promise<string[]> {
  return (await hub.agents()).map(({ title }) => title)
}

const isOf = (type: string) => (line: unknown) => JSON.stringify(line).startsWith(`{"type":"${type}"`)
