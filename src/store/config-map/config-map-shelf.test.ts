import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import { FakeKubernetes } from '../../../test/kube/fake-kubernetes.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import {
  describeAgentStore,
  rejects,
  type StorePlace,
  testRules,
  watching,
} from '../../testing/describe-agent-store.ts'
import { kubeTools } from '../../testing/kube-tools.ts'
import { run } from '../../testing/programs.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'
import { openConfigMapStore } from './config-map-shelf.ts'

const NAME = 'kubeshark-config-map'

describeAgentStore('a config map', async (t: TestContext): Promise<StorePlace> => {
  const fake = await FakeKubernetes.start(t)
  const data = () => (fake.find(NAME)?.data ?? {}) as Record<string, string>
  return {
    open: async (rules) => {
      const client = new KubernetesClient(fake.access())
      t.after(() => client.close())
      return openConfigMapStore({ ...rules, client, name: NAME })
    },
    documents: async () => new Map(Object.entries(data())),
    spoil: async (key, content) => fake.put(NAME, { data: { ...data(), [key]: content } }),
    takesAnything: (key) => key === 'SCRIPTING_ACTIVE_SCRIPTS',
  }
})

describe('agents in a config map of Kubeshark', () => {
  test('lie there as its tools expect them', async (t) => {
    const { store, scripts, data } = await started(t, {
      SCRIPTING_SCRIPTS: '{"3":{"title":" old one","code":"var old","active":true,"color":"red"}}',
      SCRIPTING_ACTIVE_SCRIPTS: 'old one,Redact, mask and hash,later',
      POD_REGEX: '.*',
    })
    const { id } = await store.create({ title: 'Redact, mask and hash', code: 'var r' }, 'ann')
    assert.deepEqual(scripts(), {
      3: { title: ' old one', code: 'var old', active: true, color: 'red' },
      4: { title: 'Redact, mask and hash', code: 'var r', active: true },
    })
    const [old] = await store.list()
    assert.deepEqual(
      [old?.index, old?.title, old?.version, old?.updatedBy, old?.active],
      [3, 'old one', 1, 'config map', true],
    )
    // A title with commas is one as soon as it is known.
    assert.deepEqual(await store.activeTitles(), ['old one', 'Redact, mask and hash', 'later'])
    await store.update(id, { active: false }, 'ann')
    assert.equal(data().SCRIPTING_ACTIVE_SCRIPTS, '["old one","later"]')
    await store.update(id, { active: true }, 'ann')
    assert.equal(data().SCRIPTING_ACTIVE_SCRIPTS, '["old one","later","Redact, mask and hash"]')
    await store.update(old?.id ?? '', { code: 'var new' }, 'ann')
    assert.deepEqual(scripts()[3], { title: 'old one', code: 'var new', active: true, color: 'red' })
    await store.delete(old?.id ?? '', 'ann')
    assert.deepEqual(Object.keys(scripts()), ['4'])
    assert.equal(data().SCRIPTING_ACTIVE_SCRIPTS, '["later","Redact, mask and hash"]')
    assert.equal(data().POD_REGEX, '.*')
  })

  test('are taken over with every script that there is in public, as it is', async (t) => {
    const folder = new URL('../../../test/public-agents/agents/', import.meta.url)
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.js'))
    const codes = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')))
    // With gaps, as after deletions, and a space before the title, as its commands leave it.
    const all = Object.fromEntries(
      codes.map((code, at) => [
        at * 2,
        { title: /^\/\/(.*)$/m.exec(code)?.[1] ?? '', code, active: at % 2 === 0 },
      ]),
    )
    const { store, scripts } = await started(t, { SCRIPTING_SCRIPTS: JSON.stringify(all) })
    const records = await store.list()
    assert.ok(records.length > 40)
    assert.deepEqual(
      records.map(({ index, code, active }) => [index, code, active]),
      codes.map((code, at) => [at * 2, code, at % 2 === 0]),
    )
    assert.ok(records.every(({ title }) => title !== '' && title === title.trim()))
    await store.create({ title: 'one more', code: '' }, 'ann')
    const { [String(codes.length * 2 - 1)]: added, ...others } = scripts()
    assert.deepEqual(others, JSON.parse(JSON.stringify(all)))
    assert.ok(added)
  })

  test('that others overwrite, add, activate and remove are so, with the versions from before', async (t) => {
    const { store, edit } = await started(t)
    const a = await store.create({ title: 'a', code: '// a\nvar one' }, 'ann')
    const b = await store.create({ title: 'b', code: '// b' }, 'ann')
    const abort = new AbortController()
    t.after(() => abort.abort())
    const watched = watching(store, abort.signal)
    await watched.until((records) => records.length === 2)

    edit((scripts) => ({ ...scripts, 0: { title: ' a', code: '// a\nvar two', active: true } }))
    await watched.until(([first]) => first?.version === 2 && first.active && first.updatedBy === 'config map')
    assert.deepEqual(
      (await store.history(a.id)).map(({ code, by }) => [code, by]),
      [
        ['// a\nvar two', 'config map'],
        ['// a\nvar one', 'ann'],
      ],
    )
    await rejects(store.update(a.id, { code: 'var ann', ifVersion: 1 }, 'ann'), 'E_CONFLICT')

    edit((scripts) => ({ ...scripts, 7: { title: '', code: '// c\nvar c', active: false } }))
    await watched.until((records) => records.length === 3)
    const c = (await store.list())[2]
    assert.deepEqual([c?.index, c?.title, c?.version, c?.updatedBy], [7, 'c', 1, 'config map'])

    edit(({ 1: _gone, ...scripts }) => scripts)
    await watched.until((records) => records.length === 2)
    await rejects(store.get(b.id), 'E_NOT_FOUND')
    assert.equal((await store.create({ title: 'd', code: '' }, 'ann')).index, 8)
  })

  test('come back as themselves when a release is rendered anew and they are synced again', async (t) => {
    const { store, edit } = await started(t)
    const a = await store.create({ title: 'a', code: 'var one' }, 'ann')
    await store.update(a.id, { code: 'var two' }, 'ann')
    edit(() => ({}))
    assert.deepEqual(await store.list(), [])
    edit(() => ({ 0: { title: 'other', code: 'var o', active: true } }))
    await store.list()
    edit((scripts) => ({ ...scripts, 1: { title: 'a', code: 'var three', active: true } }))
    const back = (await store.list())[1]
    assert.deepEqual([back?.id, back?.index, back?.version], [a.id, 1, 3])
    assert.equal((await store.history(a.id)).length, 3)
  })

  test('are merged with what others write at the same time', async (t) => {
    const { store, edit, fake } = await started(t)
    const [mine, other] = [
      await store.create({ title: 'mine', code: '' }, 'ann'),
      await store.create({ title: 'other', code: '' }, 'ann'),
    ]
    let rounds = 0
    for (let round = 1; round <= 20; round++) {
      // Somebody gets in between what we read and what we write, each time.
      fake.before = (asked) => {
        if (!asked.startsWith('PUT') || rounds >= round) return
        rounds++
        edit((scripts) => ({ ...scripts, 1: { title: 'other', code: `var o${round}`, active: false } }))
      }
      await store.update(mine.id, { code: `var m${round}` }, 'ann')
    }
    assert.equal(rounds, 20)
    assert.deepEqual(
      (await store.list()).map(({ code, version }) => [code, version]),
      [
        ['var m20', 21],
        ['var o20', 21],
      ],
    )
    assert.equal((await store.history(other.id))[1]?.code, 'var o19')
  })

  test('keep as much history as there is room for, and say so before Kubernetes refuses', async (t) => {
    const { store, bytes } = await started(t)
    // What cannot be packed.
    const noise = () => `//${randomBytes(75_000).toString('base64')}`
    const a = await store.create({ title: 'a', code: noise() }, 'ann')
    for (let n = 0; n < 12; n++) await store.update(a.id, { code: noise() }, 'ann')
    assert.ok(bytes() < 1 << 20)
    const kept = (await store.history(a.id)).map(({ version }) => version)
    assert.ok(kept.length >= 3 && kept.length < 13 && kept[0] === 13, String(kept))
    for (let n = 0; n < 8; n++) await store.create({ title: `more ${n}`, code: noise() }, 'ann')
    const before = await store.list()
    const mistake = await rejects(
      (async () => {
        for (let n = 8; n < 20; n++) await store.create({ title: `more ${n}`, code: noise() }, 'ann')
      })(),
      'E_TOO_LARGE',
    )
    assert.match(
      mistake.message,
      /would have 1\d{6} bytes, and Kubernetes takes 10\d{5}: \d+ are scripts, \d+ what/,
    )
    assert.ok((await store.list()).length >= before.length)
    assert.deepEqual((await store.history(a.id)).map(({ version }) => version)[0], 13)
  })

  test('of which many versions are alike keep them all', async (t) => {
    const { store, bytes } = await started(t)
    const body = Array.from({ length: 2000 }, (_, n) => `var line${n} = "${randomBytes(20).toString('hex')}"`)
    const { id } = await store.create({ title: 'a', code: body.join('\n') }, 'ann')
    for (let n = 1; n < 20; n++)
      await store.update(id, { code: body.with(n, 'var changed').join('\n') }, 'ann')
    assert.equal((await store.history(id)).length, 20)
    assert.ok(bytes() < 3 * body.join('\n').length, String(bytes()))
  })

  for (const [what, fault] of [
    ['breaks before it is made', { kind: 'reset', after: false }],
    ['is made and the answer is lost', { kind: 'reset', after: true }],
    ['fails', { kind: 'status', code: 500 }],
    ['is refused for now', { kind: 'status', code: 429 }],
    ['meets others', { kind: 'status', code: 409 }],
    ['is answered by something else', { kind: 'garbage' }],
  ] as const)
    test(`are changed once when a change ${what}`, async (t) => {
      const { store, fake } = await started(t)
      const disturb = () => fake.fail(fault, (asked) => asked.startsWith('PUT'))
      await store.setActiveTitles(['x'])
      disturb()
      const { id } = await store.create({ title: 'New Script', code: 'var a' }, 'ann')
      disturb()
      assert.equal((await store.update(id, { code: 'var b', ifVersion: 1 }, 'ann')).version, 2)
      disturb()
      await store.update(id, { code: 'var c' }, 'ann')
      assert.equal((await store.list()).length, 1)
      assert.equal((await store.history(id)).length, 3)
      disturb()
      await store.delete(id, 'ann')
      assert.deepEqual(await store.list(), [])
    })

  test('are not lost when it fails again and again, and that is said', async (t) => {
    const { store, fake } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    for (let n = 0; n < 10; n++) fake.fail({ kind: 'status', code: 500 }, (asked) => asked.startsWith('PUT'))
    await rejects(store.update(id, { code: 'var b' }, 'ann'), 'E_KUBERNETES')
    assert.equal((await store.get(id)).code, 'var a')
  })

  test('are all there again when somebody deletes the map, and nobody is told meanwhile that there are none', async (t) => {
    const warnings: string[] = []
    const { store, fake, data } = await started(t, { POD_REGEX: '.*' }, warnings)
    const { id } = await store.create({ title: 'a', code: 'var a', active: true }, 'ann')
    await store.update(id, { code: 'var b' }, 'ann')
    const abort = new AbortController()
    t.after(() => abort.abort())
    const counts: number[] = []
    const watched = watching(store, abort.signal)
    await watched.until((records) => counts.push(records.length) > 0)
    const before = data()
    // Where it cannot be made again for now, what was there counts.
    fake.fail({ kind: 'status', code: 403 }, (asked) => asked.startsWith('POST'))
    fake.remove(NAME)
    await until(() => warnings.some((text) => /was deleted, and cannot be made again/.test(text)))
    await until(() => fake.find(NAME) !== undefined)
    assert.deepEqual(data(), before)
    assert.deepEqual(
      (await store.history(id)).map(({ version }) => version),
      [2, 1],
    )
    assert.ok(warnings.some((text) => /was deleted: it was made again, with 1 agents/.test(text)))
    // Somebody who makes it anew at once means it.
    fake.remove(NAME)
    fake.put(NAME, { data: { SCRIPTING_SCRIPTS: '{"0":{"title":"other","code":"var o"}}' } })
    await watched.until(([first]) => first?.title === 'other')
    assert.equal(counts.includes(0), false)
  })

  for (const [verb, missing, hint] of [
    ['get', ['update', 'watch', 'create'], /right get on configmaps, resource name kubeshark-config-map,/],
    ['update', ['get', 'watch', 'create'], /right update on configmaps, resource name/],
    ['create', ['get', 'watch', 'update'], /right create on configmaps in namespace default/],
  ] as const)
    test(`say which right is missing to ${verb} the map`, async (t) => {
      const { fake, store } = await started(t)
      if (verb === 'create') fake.remove(NAME)
      fake.addUser('hub', 'hub', [{ verbs: missing, resources: ['configmaps'] }])
      fake.token = 'hub'
      const mistake = await rejects(store.create({ title: 'a', code: 'var a' }, 'ann'), 'E_FORBIDDEN')
      assert.match(mistake.hint ?? '', hint)
    })

  test('can be read without the right to write, under identities that stay', async (t) => {
    const warnings: string[] = []
    const { store, fake } = await started(
      t,
      { SCRIPTING_SCRIPTS: '{"0":{"title":"a","code":"var a","active":true}}' },
      warnings,
    )
    for (let n = 0; n < 50; n++) fake.fail({ kind: 'status', code: 403 }, (asked) => asked.startsWith('PUT'))
    const first = await store.list()
    assert.deepEqual(await store.list(), first)
    assert.equal(first.length, 1)
    assert.equal(warnings.filter((text) => /cannot be noted/.test(text)).length, 1)
    await rejects(store.update(first[0]?.id ?? '', { code: 'var b' }, 'ann'), 'E_FORBIDDEN')
  })

  test('go on as they are while nobody can read the map', async (t) => {
    const warnings: string[] = []
    const { store, fake, data } = await started(t, {}, warnings)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const abort = new AbortController()
    t.after(() => abort.abort())
    const seen: number[] = []
    const watched = watching(store, abort.signal)
    await watched.until((records) => seen.push(records.length) > 0)
    const whole = data()
    fake.put(NAME, { data: { ...whole, SCRIPTING_SCRIPTS: '{"0": {"title"' } })
    await until(() => warnings.some((text) => text.includes('SCRIPTING_SCRIPTS in the config map')))
    const mistake = await rejects(store.update(id, { code: 'var b' }, 'ann'), 'E_STORE')
    assert.ok(mistake.message.includes(NAME))
    assert.equal(data().SCRIPTING_SCRIPTS, '{"0": {"title"')
    fake.put(NAME, { data: { ...whole, SCRIPTING_SCRIPTS: '{"0":{"title":"a","code":"var mended"}}' } })
    await watched.until(([first]) => first?.id === id && first.code === 'var mended')
  })

  test('leave others alone where one script is damaged', async (t) => {
    const warnings: string[] = []
    const { store, edit, scripts } = await started(t, {}, warnings)
    const a = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const b = await store.create({ title: 'b', code: 'var b' }, 'ann')
    edit((all) => ({ ...all, 0: { title: 'a', code: 17 } }))
    assert.deepEqual(
      (await store.list()).map(({ id }) => id),
      [b.id],
    )
    assert.match((await rejects(store.get(a.id), 'E_STORE')).message, /script 0 of SCRIPTING_SCRIPTS/)
    assert.ok(warnings.some((text) => /script 0 of SCRIPTING_SCRIPTS/.test(text)))
    await store.update(b.id, { code: 'var b2' }, 'ann')
    assert.deepEqual(scripts()[0], { title: 'a', code: 17 })
    edit((all) => ({ ...all, 0: { title: 'a', code: 'var again' } }))
    const back = await store.get(a.id)
    assert.deepEqual([back.version, back.code], [2, 'var again'])
    assert.equal((await store.history(a.id)).length, 2)
  })

  test('whose history is damaged go on, and what it was is kept', async (t) => {
    for (const who of ['us', 'others']) {
      const { store, edit, fake, data } = await started(t)
      const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
      const ours = JSON.parse(data().REMORA_AGENTS ?? '')
      ours.agents[0].history = 'AAAA'
      const damaged = JSON.stringify(ours)
      fake.put(NAME, { data: { ...data(), REMORA_AGENTS: damaged } })
      if (who === 'us') await store.update(id, { code: 'var b' }, 'ann')
      else edit(() => ({ 0: { title: 'a', code: 'var b' } }))
      assert.equal((await store.get(id)).version, 2)
      assert.deepEqual(
        (await store.history(id)).map(({ version }) => version),
        [2],
      )
      const copies = Object.entries(data()).filter(([key]) => key.startsWith('REMORA_AGENTS.damaged-'))
      assert.deepEqual(
        copies.map(([, text]) => text),
        [damaged],
      )
    }
  })

  test('in a map that is immutable run on, and say how it can be changed', async (t) => {
    const warnings: string[] = []
    const { store, fake } = await started(t, {}, warnings)
    fake.put(NAME, { immutable: true, data: { SCRIPTING_SCRIPTS: '{"0":{"title":"A","code":"// A"}}' } })
    assert.deepEqual(
      (await store.list()).map(({ title }) => title),
      ['A'],
    )
    const refused = {
      code: 'E_STORE',
      message: /is immutable: nothing/,
      hint: /get configmap .* > agents\.yaml && .* delete configmap/,
    }
    await assert.rejects(store.create({ title: 'B', code: '// B' }, 'ann'), refused)
    assert.equal(warnings.filter((text) => /is immutable/.test(text)).length, 1)
    const abort = new AbortController()
    t.after(() => abort.abort())
    const watched = watching(store, abort.signal)
    await watched.until((records) => records.length === 1)
    fake.remove(NAME)
    await until(() => fake.find(NAME) !== undefined)
    await store.create({ title: 'B', code: '// B' }, 'ann')
    assert.deepEqual(
      (await store.list()).map(({ title }) => title),
      ['A', 'B'],
    )
  })

  test('stay as they are while what is there is no text', async (t) => {
    const { store, fake } = await started(t, {})
    const { id } = await store.create({ title: 'A', code: '// A' }, 'ann')
    const { data } = fake.find(NAME) as unknown as { data: Record<string, string> }
    const { SCRIPTING_SCRIPTS: _, ...rest } = data
    fake.put(NAME, { data: rest, binaryData: { SCRIPTING_SCRIPTS: Buffer.from([0xff]).toString('base64') } })
    assert.match((await rejects(store.list(), 'E_STORE')).message, /is binaryData: .* is no UTF-8/)
    fake.put(NAME, { data })
    assert.deepEqual(
      (await store.list()).map((record) => record.id),
      [id],
    )
  })

  for (const text of ['', ' ', 'null', '\ufeff{}', '{}\r\n'])
    test(`of which there are none are written as ${JSON.stringify(text)}, too`, async (t) => {
      const { store, scripts } = await started(t, { SCRIPTING_SCRIPTS: text })
      await store.create({ title: 'A', code: '// A\r\n' }, 'ann')
      assert.deepEqual(scripts(), { 0: { title: 'A', code: '// A\r\n', active: false } })
    })

  test('leave alone what is under no number', async (t) => {
    const warnings: string[] = []
    const { store, edit, scripts } = await started(t, {}, warnings)
    edit(() => ({ '007': { title: 'bond', code: '' }, x: 1, '-1': null, 5: { title: 'five', code: '' } }))
    assert.equal((await store.create({ title: 'a', code: 'var a' }, 'ann')).index, 6)
    assert.deepEqual(Object.keys(scripts()).sort(), ['-1', '007', '5', '6', 'x'])
    assert.equal(warnings.filter((text) => /script (-1|007|x) of/.test(text)).length, 3)
  })

  test('can be edited with kubectl', async (t) => {
    const tools = await kubeTools(t)
    if (tools === undefined) return
    const { store, fake, data } = await started(t)
    const { id } = await store.create({ title: 'a', code: 'var a' }, 'ann')
    const folder = await tempFolder(t)
    const abort = new AbortController()
    t.after(() => abort.abort())
    const watched = watching(store, abort.signal)
    await watched.until((records) => records.length === 1)
    const patch = JSON.stringify({
      data: { SCRIPTING_SCRIPTS: JSON.stringify({ 0: { title: 'a', code: 'var kubectl', active: true } }) },
    })
    const { code, stderr } = await run(
      tools.kubectl,
      ['--server', fake.url, '--cache-dir', folder, 'patch', 'cm', NAME, '--type', 'merge', '-p', patch],
      { HOME: folder, KUBECONFIG: `${folder}/none` },
    )
    assert.equal(code, 0, stderr)
    await watched.until(([first]) => first?.code === 'var kubectl' && first.id === id && first.active)
    assert.ok(data().REMORA_AGENTS?.includes('config map'))
  })
})

type Scripts = Readonly<Record<string, unknown>>

/** A store over a config map that has this in it. */
async function started(t: TestContext, before: Record<string, string> = {}, warnings: string[] = []) {
  const fake = await FakeKubernetes.start(t)
  const client = new KubernetesClient(fake.access())
  fake.put(NAME, { data: before })
  const rules = testRules({ warn: (text) => warnings.push(text) })
  const store = openConfigMapStore({ ...rules, client, name: NAME })
  t.after(async () => {
    await store.close()
    await client.close()
  })
  const data = () => (fake.find(NAME)?.data ?? {}) as Record<string, string>
  const scripts = () => JSON.parse(data().SCRIPTING_SCRIPTS ?? '{}') as Scripts
  const edit = (change: (scripts: Scripts) => Scripts) =>
    fake.put(NAME, { data: { ...data(), SCRIPTING_SCRIPTS: JSON.stringify(change(scripts())) } })
  const bytes = () => Object.values(data()).reduce((sum, value) => sum + Buffer.byteLength(value), 0)
  return { fake, store, data, scripts, edit, bytes }
}
