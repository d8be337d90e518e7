import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { agentTitle } from '../../agent/source/title.ts'
import type { AgentRecord } from '../../wire/agents.ts'
import { type Action, type Memory, NOTHING, type Plan, type SeenFile, type SyncOptions } from './model.ts'
import { plan } from './plan.ts'
import { hashOf } from './scan.ts'
import { TestHub } from './test-hub.ts'

const BY = 'me@here'
const OPTIONS: SyncOptions = { onDelete: 'delete', force: false, twoWay: false, graceMs: 2000 }

/** A folder, a hub, and what syncs them, with a clock of its own. */
class Bench {
  readonly hub = new TestHub()
  readonly files = new Map<string, { inode: string; text: string }>()
  readonly #options: SyncOptions
  #memory: Memory = NOTHING
  #now = 1_000_000
  #inodes = 0

  constructor(options: Partial<SyncOptions> = {}) {
    this.#options = { ...OPTIONS, ...options }
  }

  write(name: string, text: string): void {
    const inode = this.files.get(name)?.inode ?? String(this.#inodes++)
    this.files.set(name, { inode, text })
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from)
    if (file === undefined || from === to) return
    this.files.delete(from)
    this.files.set(to, file)
  }

  wait(ms: number): void {
    this.#now += ms
  }

  /** A new session knows nothing. */
  restart(): void {
    this.#memory = NOTHING
  }

  async round(): Promise<Plan> {
    const made = plan(
      {
        files: [...this.files].sort().map(([name, { inode, text }]) => seen(name, inode, text)),
        agents: await this.hub.records(),
        by: BY,
        covers: (path) => path.startsWith('/f/'),
        activeTitles: await this.hub.hub.activeTitles(),
        refused: () => undefined,
        now: this.#now,
      },
      this.#memory,
      this.#options,
    )
    this.#memory = made.memory
    const versions = new Map<string, number>()
    for (const action of made.actions) await this.#do(action, versions)
    return made
  }

  /** Until nothing is left to do. */
  async settle(): Promise<Plan> {
    for (let rounds = 0; rounds < 20; rounds++) {
      const made = await this.round()
      if (made.actions.length === 0 && made.waitUntil === undefined) return made
      this.wait(OPTIONS.graceMs)
    }
    throw new Error('it never settles')
  }

  async #do(action: Action, versions: Map<string, number>): Promise<void> {
    const { client } = this.hub
    if (action.kind === 'create') await client.createAgent(action.draft)
    else if (action.kind === 'delete') await client.deleteAgent(action.agent.id, action.agent.version)
    else if (action.kind === 'write-back') this.write(action.path.slice(3), action.agent.code)
    else {
      const { id, version } = action.agent
      const change = action.kind === 'update' ? action.change : { active: false }
      const next = await client.updateAgent(id, { ...change, ifVersion: versions.get(id) ?? version })
      versions.set(id, next.version)
    }
  }
}

function seen(name: string, inode: string, text: string): SeenFile {
  const path = `/f/${name}`
  const title = agentTitle(text, path)
  return { path, inode, content: { kind: 'script', title, code: text, hash: hashOf(text), isText: true } }
}

const kinds = ({ actions }: Plan) =>
  actions.map((action) => (action.kind === 'update' ? action.why.join('+') : action.kind))

describe('plan', () => {
  test('makes an agent of a new file, changes it with the file, and then has nothing to do', async () => {
    const bench = new Bench()
    bench.write('a.js', '// One\n1')
    assert.deepEqual(kinds(await bench.round()), ['create'])
    bench.write('a.js', '// One\n2')
    assert.deepEqual(kinds(await bench.round()), ['changed'])
    assert.deepEqual(kinds(await bench.round()), [])
    const [agent] = await bench.hub.records()
    assert.deepEqual([agent?.version, agent?.code, agent?.source?.path], [2, '// One\n2', '/f/a.js'])
  })

  test('exchanges titles of agents, however many take part', async () => {
    const bench = new Bench()
    for (const name of ['a', 'b', 'c']) bench.write(`${name}.js`, `// ${name}\n`)
    await bench.settle()
    bench.write('a.js', '// b\n')
    bench.write('b.js', '// c\n')
    bench.write('c.js', '// a\n')
    bench.write('d.js', '// d\n')
    const { problems } = await bench.settle()
    assert.deepEqual(problems, [])
    assert.deepEqual(
      (await bench.hub.records()).map(({ title, source }) => [title, source?.path]),
      [
        ['b', '/f/a.js'],
        ['c', '/f/b.js'],
        ['a', '/f/c.js'],
        ['d', '/f/d.js'],
      ],
    )
  })

  test('gives a title to who keeps it, not to who comes first', async () => {
    const bench = new Bench()
    bench.write('a.js', '// a\n')
    bench.write('b.js', '// b\n')
    await bench.settle()
    bench.write('a.js', '// b\n1')
    bench.write('b.js', '// b\n2')
    const { problems } = await bench.settle()
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['/f/a.js'],
    )
    assert.deepEqual(await bench.hub.contents(), { a: '// a\n', b: '// b\n2' })
  })

  test('takes agents of a file away when there are several, as two that sync at once make them', async () => {
    const bench = new Bench()
    bench.write('a.js', '// New Script\n')
    await bench.settle()
    const [first] = await bench.hub.records()
    await bench.hub.hub.createAgent(
      {
        title: 'New Script',
        code: '// New Script\n',
        source: { path: '/f/a.js', hash: hashOf('// New Script\n'), syncedBy: BY },
      },
      BY,
    )
    await bench.settle()
    assert.deepEqual(
      (await bench.hub.records()).map(({ id }) => id),
      [first?.id],
    )
  })

  test('takes up a file again that comes back after its agent was switched off', async () => {
    const bench = new Bench({ onDelete: 'deactivate' })
    bench.hub.hub.titles.push('a')
    bench.write('a.js', '// a\n')
    await bench.settle()
    bench.files.delete('a.js')
    assert.deepEqual(kinds(await bench.round()), [])
    bench.wait(2000)
    assert.deepEqual(kinds(await bench.round()), ['deactivate'])
    assert.deepEqual(kinds(await bench.settle()), [])
    bench.write('a.js', '// a\n')
    assert.deepEqual(kinds(await bench.round()), ['activated'])
  })

  test('tells of a version that no node could load, as long as it is the newest', () => {
    const code = '// A\n'
    const at = '2026-11-26T12:00:00Z'
    const agent: AgentRecord = {
      ...{
        id: 'i',
        index: 0,
        title: 'A',
        code,
        active: true,
        version: 2,
        hash: hashOf(code),
        updatedBy: 'me',
      },
      ...{ createdAt: at, updatedAt: at, source: { path: '/f/a.js', hash: hashOf(code), syncedBy: BY } },
      failure: { version: 2, node: 'n1', reason: 'ReferenceError: x is not defined', at },
    }
    const told = (record: AgentRecord) => {
      const world = { files: [seen('a.js', '1', code)], agents: [record], by: BY, covers: () => true, now: 0 }
      return plan({ ...world, activeTitles: [], refused: () => undefined }, NOTHING, OPTIONS).problems
    }
    assert.deepEqual(
      told(agent).map(({ kind, message }) => [kind, message]),
      [
        [
          'failed',
          'version 2 of agent 0 "A" did not load on n1, the one before runs on: ReferenceError: x is not defined',
        ],
      ],
    )
    assert.deepEqual(told({ ...agent, version: 3 }), [])
  })

  test('takes what was edited on the hub into the file, when it may', async () => {
    const bench = new Bench({ twoWay: true })
    bench.write('a.js', '// a\n1')
    await bench.settle()
    await bench.hub.edit('a', { code: '// a\n2' })
    assert.deepEqual(kinds(await bench.round()), ['write-back'])
    assert.deepEqual((await bench.settle()).problems, [])
    assert.equal(bench.files.get('a.js')?.text, '// a\n2')
    await bench.hub.edit('a', { code: '// a\n3' })
    bench.write('a.js', '// a\n4')
    assert.deepEqual(
      (await bench.settle()).problems.map(({ kind }) => kind),
      ['conflict'],
    )
  })

  test('law: whatever happens, in the end the hub is as the folder, and nobody else has lost anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(event, { maxLength: 30 }), async (force, events) => {
        const bench = new Bench({ force })
        const others = await strangers(bench)
        for (const each of events) await happen(bench, each)
        const { problems } = await bench.settle()
        await holds(bench, problems, force)
        const records = await bench.hub.records()
        for (const other of others)
          assert.deepEqual(
            records.find(({ id }) => id === other.id),
            other,
            'somebody else’s agent',
          )
      }),
      { numRuns: 300 },
    )
  })
})

// What may happen.

type Event =
  | { readonly do: 'write'; readonly file: string; readonly title: string; readonly body: number }
  | { readonly do: 'rename'; readonly file: string; readonly to: string }
  | { readonly do: 'remove' | 'replace'; readonly file: string }
  | { readonly do: 'edit' | 'retitle' | 'toggle' | 'drop'; readonly agent: number; readonly body: number }
  | { readonly do: 'wait' | 'round' | 'restart' | 'empty' }

const name = fc.constantFrom('a.js', 'b.js', 'c.js', 'd.js')
const title = fc.constantFrom('', '// one', '// two', '// three', '// New Script', '// theirs')
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), file: name, title, body: fc.nat(3) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rename' as const), file: name, to: name }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'replace' as const), file: name }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('edit' as const, 'retitle' as const, 'toggle' as const, 'drop' as const),
      agent: fc.nat(5),
      body: fc.nat(3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('round' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('wait' as const, 'restart' as const, 'empty' as const) }),
  },
)

async function happen(bench: Bench, event: Event): Promise<void> {
  if (event.do === 'write') bench.write(event.file, `${event.title}\n${event.body}`)
  else if (event.do === 'rename') bench.rename(event.file, event.to)
  else if (event.do === 'remove') bench.files.delete(event.file)
  else if (event.do === 'replace') replace(bench, event.file)
  else if (event.do === 'wait') bench.wait(1500)
  else if (event.do === 'restart') bench.restart()
  else if (event.do === 'round') await bench.round()
  else await onTheHub(bench, event.do, 'agent' in event ? event.agent : 0, 'body' in event ? event.body : 0)
}

/** What an editor does that writes another file and renames it. */
function replace(bench: Bench, file: string): void {
  const { text = '' } = bench.files.get(file) ?? {}
  bench.files.delete(file)
  bench.write(file, `${text};`)
}

async function onTheHub(bench: Bench, what: Event['do'], number: number, body: number): Promise<void> {
  const mine = await synced(bench)
  const agents = what === 'empty' ? mine : mine.slice(number, number + 1)
  for (const { id, active, title: before } of agents) {
    if (what === 'edit') await bench.hub.edit(id, { code: `// edited\n${body}` })
    else if (what === 'retitle') await bench.hub.edit(id, { title: `${before} ${body}` }).catch(() => {})
    else if (what === 'toggle') await bench.hub.edit(id, { active: !active })
    else await bench.hub.hub.deleteAgent(id, 'ann')
  }
}

async function synced({ hub }: Bench) {
  const isMine = ({ source }: AgentRecord) => source?.syncedBy === BY && source.path.startsWith('/f/')
  return (await hub.records()).filter(isMine)
}

async function strangers(bench: Bench) {
  const { client } = bench.hub
  await client.createAgent({ title: 'theirs', code: '// theirs\n' })
  await client.createAgent({ title: 'New Script', code: '' })
  const source = { hash: hashOf('// x\n'), path: '/f/a.js', syncedBy: 'you@there' }
  await client.createAgent({ title: 'x', code: '// x\n', source })
  await client.createAgent({
    title: 'y',
    code: '// y\n',
    source: { ...source, path: '/g/a.js', syncedBy: BY },
  })
  return bench.hub.records()
}

/** Each file has its agent, with its code and title; but those of which a problem is told. */
async function holds(bench: Bench, problems: Plan['problems'], force: boolean): Promise<void> {
  const mine = await synced(bench)
  const told = new Set(problems.map(({ path }) => path))
  assert.equal(new Set(mine.map(({ source }) => source?.path)).size, mine.length, 'one agent a file')
  for (const [file, { text }] of bench.files) {
    const path = `/f/${file}`
    if (told.has(path)) continue
    const agent = mine.find(({ source }) => source?.path === path)
    assert.deepEqual([agent?.code, agent?.title], [text, agentTitle(text, path)], path)
  }
  const kept = new Set(problems.map(({ agent }) => agent))
  for (const { id, source } of mine)
    assert.ok(bench.files.has(source?.path.slice(3) ?? '') || kept.has(id), 'no file, no agent')
  // Nothing is told without a reason.
  for (const { kind, path } of problems) {
    assert.ok(kind === 'title' || kind === 'elsewhere' || (kind === 'conflict' && !force), kind)
    if (kind === 'title') assert.ok(await isTaken(bench, path), 'nobody has this title')
  }
}

async function isTaken({ hub, files }: Bench, path: string): Promise<boolean> {
  const title = agentTitle(files.get(path.slice(3))?.text ?? '', path)
  return (await hub.records()).some((each) => each.title === title && each.source?.path !== path)
}
