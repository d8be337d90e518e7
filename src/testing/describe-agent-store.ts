import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Mistake, type MistakeCode } from '../mistake/mistake.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { StoreRules } from '../store/shelf.ts'
import { type AgentDraft, type AgentRecord, MOST_CODE_BYTES } from '../wire/agents.ts'
import { isJson } from '../wire/codec.ts'
import { mutated, randomFrom } from './garbage.ts'
import { until } from './until.ts'

/** A place where agents can be kept, empty at first, and gone with the test. */
export interface StorePlace {
  /** One more store that looks at the same place, as another program would. */
  open(rules: StoreRules): Promise<AgentStore>
  /** Everything that lies there, by name: to damage it, and to see that nothing is thrown away. */
  documents(): Promise<ReadonlyMap<string, string>>
  spoil(name: string, content: string): Promise<void>
  /** Whether any text makes sense in a document. */
  takesAnything?(name: string): boolean
}

/** What every agents' store promises. */
export function describeAgentStore(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const opened = async (t: TestContext, rules: Partial<StoreRules> = {}) => {
    const place = await makePlace(t)
    const open = async () => {
      const store = await place.open(testRules(rules))
      t.after(() => store.close())
      return store
    }
    return { place, open, store: await open() }
  }

  describe(`agents in ${name}`, () => {
    test('are kept as they were given, under an identity and an index of their own', async (t) => {
      const { store, open } = await opened(t)
      const code = '\ufeff// Slack Bot\r\nvar a = "ä🦈\\n"\u2028'
      const first = await store.create({ code, source: SOURCE }, 'ann')
      assert.equal(first.title, 'Slack Bot')
      assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
      assert.deepEqual(
        [first.index, first.version, first.active, first.updatedBy, first.code],
        [0, 1, false, 'ann', code],
      )
      assert.deepEqual(first.source, SOURCE)
      const second = await store.create({ title: '  Two \n words ', code: '' }, 'bob')
      assert.deepEqual([second.index, second.title], [1, 'Two words'])
      for (const each of [store, await open()]) assert.deepEqual(await each.list(), [first, second])
      assert.deepEqual(await (await open()).get(second.id), second)
      await rejects(store.get('nobody'), 'E_NOT_FOUND')
      await rejects(store.update('nobody', {}, 'ann'), 'E_NOT_FOUND')
      await rejects(store.delete('nobody', 'ann'), 'E_NOT_FOUND')
      await rejects(store.history('nobody'), 'E_NOT_FOUND')
      await rejects(store.setFailure('nobody', undefined), 'E_NOT_FOUND')
    })

    test('get the next index after the highest, and keep theirs for life', async (t) => {
      const { store } = await opened(t)
      const [a, b, c] = await createAll(store, 'a', 'b', 'c')
      await store.delete(b.id, 'ann')
      const d = await store.create(draft('d'), 'ann')
      assert.equal(d.index, 3)
      const renamed = await store.update(a.id, { title: 'z', code: 'var z' }, 'ann')
      assert.deepEqual([renamed.id, renamed.index], [a.id, 0])
      assert.deepEqual(await indexes(store), [0, 2, 3])
      assert.equal(c.index, 2)
    })

    test('have a version for each change of code or title, and none for others', async (t) => {
      const { store } = await opened(t)
      const { id } = await store.create(draft('a'), 'ann')
      assert.equal((await store.update(id, { code: 'var b' }, 'bob', { note: 'because' })).version, 2)
      assert.equal((await store.update(id, { title: 'b' }, 'cid')).version, 3)
      const active = await store.update(id, { active: true }, 'dan')
      assert.deepEqual([active.version, active.updatedBy], [3, 'dan'])
      assert.equal((await store.update(id, { source: SOURCE }, 'eve')).version, 3)
      assert.equal((await store.update(id, { source: null }, 'eve')).source, undefined)
      assert.equal((await store.update(id, { code: 'var b', title: 'b' }, 'fay')).updatedBy, 'eve')
      const history = await store.history(id)
      assert.deepEqual(
        history.map(({ version, title, code, by, note }) => [version, title, code, by, note]),
        [
          [3, 'b', 'var b', 'cid', undefined],
          [2, 'a', 'var b', 'bob', 'because'],
          [1, 'a', codeOf('a'), 'ann', undefined],
        ],
      )
    })

    test('can be rolled back, which is a new version', async (t) => {
      const { store, open } = await opened(t)
      const { id } = await store.create(draft('a'), 'ann')
      await store.update(id, { code: 'var = ;', title: 'b' }, 'bob')
      const back = await store.rollback(id, 1, 'remora', 'rolled back to 1: it did not load')
      assert.deepEqual([back.version, back.title, back.code], [3, 'a', codeOf('a')])
      const [newest] = await (await open()).history(id)
      assert.deepEqual(
        [newest?.version, newest?.by, newest?.note],
        [3, 'remora', 'rolled back to 1: it did not load'],
      )
      await store.rollback(id, 2, 'ann')
      assert.equal((await store.history(id))[0]?.note, 'rolled back to 2')
      await rejects(store.rollback(id, 77, 'ann'), 'E_NOT_FOUND')
    })

    test('keep as many versions as they are told to, the newest', async (t) => {
      const { store, place } = await opened(t, { keep: 3 })
      const { id } = await store.create(draft('a'), 'ann')
      for (let n = 2; n <= 6; n++) await store.update(id, { code: `var version${n}` }, 'ann')
      assert.deepEqual(
        (await store.history(id)).map(({ version }) => version),
        [6, 5, 4],
      )
      await rejects(store.rollback(id, 3, 'ann'), 'E_NOT_FOUND')
      const everything = [...(await place.documents()).values()].join('\n')
      assert.ok(!everything.includes('var version3'))
    })

    test('say who changed them when a version is named that is not theirs any more', async (t) => {
      const { store, open } = await opened(t)
      const { id } = await store.create(draft('a'), 'ann')
      await (await open()).update(id, { code: 'var bob' }, 'bob')
      const mistake = await rejects(store.update(id, { code: 'var ann', ifVersion: 1 }, 'ann'), 'E_CONFLICT')
      assert.match(mistake.message, /agent "a" is not at version 1 any more: bob made version 2 at 2/)
      assert.ok(mistake.hint?.includes('version 2'))
      await rejects(store.delete(id, 'ann', 1), 'E_CONFLICT')
      assert.equal((await store.get(id)).code, 'var bob')
      await store.update(id, { code: 'var ann', ifVersion: 2 }, 'ann')
      await store.delete(id, 'ann', 3)
      assert.deepEqual(await store.list(), [])
    })

    test('take no more code than an agent may have, and say how much that is', async (t) => {
      const { store } = await opened(t)
      const most = `//${'x'.repeat(MOST_CODE_BYTES - 2)}`
      const mistake = await rejects(store.create({ title: 'big', code: `${most}x` }, 'ann'), 'E_TOO_LARGE')
      assert.match(mistake.message, new RegExp(`"big" has ${MOST_CODE_BYTES + 1} bytes.*${MOST_CODE_BYTES}`))
      const { id } = await store.create({ title: 'big', code: most }, 'ann')
      assert.equal((await store.get(id)).code, most)
      await rejects(store.update(id, { code: `${most}x` }, 'ann'), 'E_TOO_LARGE')
      assert.equal((await store.get(id)).version, 1)
    })

    test('of different files do not share a title; scripts that have none yet may', async (t) => {
      const { store } = await opened(t)
      const file = (path: string) => ({ source: { ...SOURCE, path } })
      const first = await store.create({ ...draft('Traffic Recording'), ...file('/a/one.js') }, 'ann')
      const mistake = await rejects(
        store.create({ ...draft('Traffic  Recording '), ...file('/a/two.js') }, 'ann'),
        'E_CONFLICT',
      )
      assert.ok(mistake.message.includes('/a/one.js') && mistake.message.includes('/a/two.js'))
      const again = await store.create(
        { title: 'Traffic Recording', code: 'var 2', ...file('/a/one.js') },
        'ann',
      )
      assert.deepEqual([again.id, again.index, again.version], [first.id, 0, 2])
      const other = await store.create(draft('other'), 'ann')
      await rejects(store.update(other.id, { title: 'Traffic Recording' }, 'ann'), 'E_CONFLICT')
      await store.create({ title: 'New Script', code: 'var a' }, 'ann')
      await store.create({ title: 'New Script', code: 'var b' }, 'ann')
      assert.deepEqual(
        (await store.list()).map(({ index, title }) => [index, title]),
        [
          [0, 'Traffic Recording'],
          [1, 'other'],
          [2, 'New Script'],
          [3, 'New Script'],
        ],
      )
    })

    test('are active as the list says, which follows them', async (t) => {
      const { store, open } = await opened(t)
      await store.setActiveTitles([
        'foobar',
        'a, b, c',
        '  spaced   out ',
        'pod-traffic',
        'of /* this */ kind',
      ])
      assert.equal((await store.create(draft('foo'), 'ann')).active, false)
      assert.equal((await store.create(draft('a, b, c'), 'ann')).active, true)
      assert.equal((await store.create(draft('a'), 'ann')).active, false)
      assert.equal((await store.create(draft('spaced out'), 'ann')).active, true)
      const named = { title: 'whatever', code: '', source: { ...SOURCE, path: '/x/pod-traffic.js' } }
      assert.equal((await store.create(named, 'ann')).active, true)
      const foobar = await store.create({ ...draft('foobar'), active: false }, 'ann')
      assert.equal(foobar.active, false)
      assert.ok(!(await store.activeTitles()).includes('foobar'))

      const shown = async () =>
        (await (await open()).activeTitles()).filter((title) => /^new|^foobar/.test(title))
      await store.update(foobar.id, { active: true }, 'ann')
      assert.deepEqual(await shown(), ['foobar'])
      await store.update(foobar.id, { title: 'new, name' }, 'ann')
      assert.deepEqual(await shown(), ['new, name'])
      await store.update(foobar.id, { active: false }, 'ann')
      assert.deepEqual(await shown(), [])
      await store.update(foobar.id, { active: true }, 'ann')
      await store.delete(foobar.id, 'ann')
      assert.deepEqual(await shown(), [])
      assert.equal((await store.create(draft('new, name'), 'ann')).active, false)
    })

    test('keep their own switch when the list is set', async (t) => {
      const { store } = await opened(t)
      const off = await store.create({ ...draft('off'), active: false }, 'ann')
      const on = await store.create({ ...draft('on'), active: true }, 'ann')
      await store.setActiveTitles(['off', 'later'])
      assert.deepEqual([(await store.get(off.id)).active, (await store.get(on.id)).active], [false, true])
      assert.deepEqual([...(await store.activeTitles())].sort(), ['later', 'on'])
    })

    test('note why they do not run until there is a new version', async (t) => {
      const { store, open } = await opened(t)
      const { id } = await store.create(draft('a'), 'ann')
      const failure = { version: 1, node: 'n1', reason: 'boom', at: '2026-01-01T00:00:00.000Z' }
      await store.setFailure(id, failure)
      const failed = await (await open()).get(id)
      assert.deepEqual([failed.failure, failed.version, failed.updatedBy], [failure, 1, 'ann'])
      await store.update(id, { active: true }, 'ann')
      assert.deepEqual((await store.get(id)).failure, failure)
      await store.update(id, { code: 'var mended' }, 'ann')
      assert.equal((await store.get(id)).failure, undefined)
      await store.setFailure(id, failure)
      await store.setFailure(id, undefined)
      assert.equal((await store.get(id)).failure, undefined)
    })

    test('are taken back and say why in one step', async (t) => {
      const { store, open } = await opened(t)
      const { id } = await store.create({ ...draft('a'), active: true }, 'ann')
      await store.update(id, { code: 'var bad' }, 'ann')
      const failure = { version: 2, node: 'n1', reason: 'boom', at: '2026-01-01T00:00:00.000Z' }
      const back = await store.update(id, { code: 'var a', ifVersion: 2 }, 'remora', {
        note: 'back',
        failure,
      })
      assert.deepEqual([back.version, back.failure], [3, failure])
      assert.deepEqual(await (await open()).get(id), back)
      const off = { ...failure, version: 3 }
      await store.update(id, { active: false }, 'remora', { failure: off })
      assert.deepEqual((await (await open()).get(id)).failure, off)
    })

    test('may be changed by two at once when they are different ones', async (t) => {
      const { store, open } = await opened(t)
      const [a, b] = await createAll(store, 'a', 'b')
      const [one, two] = [await open(), await open()]
      for (let round = 2; round <= 6; round++)
        await Promise.all([
          one.update(a.id, { code: `var a${round}`, ifVersion: round - 1 }, 'one'),
          two.update(b.id, { code: `var b${round}`, ifVersion: round - 1 }, 'two'),
        ])
      const records = await store.list()
      assert.deepEqual(
        records.map(({ code, version, updatedBy }) => [code, version, updatedBy]),
        [
          ['var a6', 6, 'one'],
          ['var b6', 6, 'two'],
        ],
      )
    })

    test('changed by two at once are refused to one of them, and nothing is lost', async (t) => {
      const { store, open } = await opened(t)
      const { id } = await store.create(draft('a'), 'ann')
      const [one, two] = [await open(), await open()]
      for (let version = 1; version <= 5; version++) {
        const change = (by: string) => ({ code: `var ${by}${version}`, ifVersion: version })
        const outcomes = await Promise.allSettled([
          one.update(id, change('one'), 'one'),
          two.update(id, change('two'), 'two'),
        ])
        const refused = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
        assert.deepEqual(
          refused.map(({ code }) => code),
          ['E_CONFLICT'],
        )
        const won = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
        assert.deepEqual(await store.get(id), won[0])
      }
      // Without a version each takes the place of the one before, and the history has both.
      await Promise.all([one.update(id, { code: 'var x' }, 'one'), two.update(id, { code: 'var y' }, 'two')])
      const codes = (await store.history(id)).slice(0, 2).map(({ code }) => code)
      assert.deepEqual(codes.sort(), ['var x', 'var y'])
      assert.equal((await store.history(id)).length, 8)
    })

    test('created by twenty at once have twenty indexes', async (t) => {
      const { store, open } = await opened(t)
      const stores = await Promise.all(Array.from({ length: 20 }, open))
      const created = await Promise.all(stores.map((each, n) => each.create(draft(`agent ${n}`), `w${n}`)))
      assert.deepEqual(
        created.map(({ index }) => index).sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, n) => n),
      )
      assert.equal((await store.list()).length, 20)
    })

    test('of one title that two create at once are one', async (t) => {
      const { store, open } = await opened(t)
      const [one, two] = [await open(), await open()]
      const outcomes = await Promise.allSettled([
        one.create(draft('same'), 'one'),
        two.create(draft('same'), 'two'),
      ])
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      assert.equal((await store.list()).length, 1)
    })

    test('are told of after each change, whoever made it, until nobody listens', async (t) => {
      const { store, open } = await opened(t)
      const other = await open()
      const abort = new AbortController()
      const watched = watching(store, abort.signal)
      await watched.until((records) => records.length === 0)
      const { id } = await other.create(draft('a'), 'ann')
      await watched.until((records) => records[0]?.id === id)
      await other.update(id, { code: 'var later' }, 'ann')
      await watched.until((records) => records[0]?.code === 'var later')
      await store.update(id, { active: true }, 'ann')
      await watched.until((records) => records[0]?.active === true)
      await other.setFailure(id, { version: 2, node: 'n', reason: 'r', at: 'now' })
      await watched.until((records) => records[0]?.failure?.reason === 'r')
      await other.delete(id, 'ann')
      await watched.until((records) => records.length === 0)
      abort.abort()
      await watched.ended
    })

    test('are told of to several, and not any more when the store is closed or nobody wants to hear', async (t) => {
      const { open } = await opened(t)
      const store = await open()
      const ended: Promise<void>[] = []
      for (let n = 0; n < 3; n++) {
        const watched = watching(store, new AbortController().signal)
        await watched.until((records) => records.length === 0)
        ended.push(watched.ended)
      }
      for await (const _ of store.watch(new AbortController().signal)) break
      await store.close()
      await Promise.all(ended)
    })

    test('survive garbage in any document: it is named, and kept', async (t) => {
      const random = randomFrom(SEED)
      for (let round = 0; round < GARBAGE_ROUNDS; round++) {
        const { place, store, open } = await opened(t)
        const made = await createAll(store, 'a', 'b', 'c')
        await store.update(made[1].id, { code: 'var b2' }, 'ann')
        const documents = [...(await place.documents())]
        const [victim = '', content = ''] = documents[random(documents.length)] ?? []
        const garbage = mutated(content, random).slice(0, 200_000)
        await place.spoil(victim, garbage)
        const told = `round ${round}: ${victim} became ${JSON.stringify(garbage.slice(0, 200))}`
        const after = await open()
        for (const attempt of [
          () => after.list(),
          () => after.activeTitles(),
          ...made.map((each) => () => after.get(each.id)),
          ...made.map((each) => () => after.history(each.id)),
          () => after.create(draft('d'), 'bob'),
          () => after.update(made[0].id, { code: 'var a2' }, 'bob'),
          () => after.setActiveTitles(['x']),
          async () => after.delete((await after.create(draft('e'), 'bob')).id, 'bob'),
          () => after.list(),
        ])
          await attempt().catch((error: unknown) => {
            assert.ok(error instanceof Mistake, `${told}: ${error instanceof Error ? error.stack : error}`)
          })
        if (isJson(garbage) || garbage.trim() === '' || garbage === content || place.takesAnything?.(victim))
          continue
        const left = [...(await place.documents()).values()]
        assert.ok(left.includes(garbage), `${told}, and was thrown away`)
      }
    })
  })
}

export function testRules(rules: Partial<StoreRules> = {}): StoreRules {
  return {
    titleOf: (code, path) => /^\ufeff?\/\/([^\r\n]*)/.exec(code)?.[1] ?? path.replace(/^.*\/|\.js$/g, ''),
    keep: 20,
    now: () => new Date(),
    warn: () => {},
    ...rules,
  }
}

export interface Watching {
  /** Resolves when they have come like this, or did before. */
  until(isSo: (records: readonly AgentRecord[]) => boolean): Promise<void>
  readonly ended: Promise<void>
  /** All that came. */
  readonly seen: readonly (readonly AgentRecord[])[]
}

/** Follows a store in the background. */
export function watching(store: AgentStore, signal: AbortSignal): Watching {
  const seen: (readonly AgentRecord[])[] = []
  const follow = async () => {
    for await (const records of store.watch(signal)) seen.push(records)
  }
  const ended = follow()
  const isNow = (isSo: (records: readonly AgentRecord[]) => boolean) => {
    const latest = seen.at(-1)
    return latest !== undefined && isSo(latest)
  }
  return { ended, seen, until: (isSo) => until(() => isNow(isSo)) }
}

export async function rejects(promise: Promise<unknown>, code: MistakeCode): Promise<Mistake> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (reason) => reason,
  )
  if (!(error instanceof Mistake)) throw error
  assert.equal(error.code, code, error.message)
  return error
}

function draft(title: string): AgentDraft {
  return { title, code: codeOf(title) }
}

function codeOf(title: string): string {
  return `// ${title}\nvar code = "${title}"`
}

/** Three at least, for tests that take them apart. */
async function createAll(store: AgentStore, ...titles: readonly string[]): Promise<Three> {
  const [a = '', b = '', ...rest] = titles
  const first = await store.create(draft(a), 'ann')
  const second = await store.create(draft(b), 'ann')
  let last = second
  for (const title of rest) last = await store.create(draft(title), 'ann')
  return [first, second, last]
}
type Three = readonly [AgentRecord, AgentRecord, AgentRecord]

async function indexes(store: AgentStore): Promise<number[]> {
  return (await store.list()).map(({ index }) => index)
}

const SOURCE = { path: '/agents/slack.js', hash: 'f00d', syncedBy: 'ann@laptop' }
const GARBAGE_ROUNDS = Number(process.env.REMORA_ROUNDS ?? 20)
const SEED = Number(process.env.REMORA_SEED ?? 4711)
