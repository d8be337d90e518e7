import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Pod } from '../cluster/objects.ts'
import { Mistake } from '../mistake/mistake.ts'
import { podNamed } from '../testing/cluster-pods.ts'
import { eventually } from '../testing/eventually.ts'
import { MemoryBucket } from '../testing/memory-bucket.ts'
import { nodeStatusOf } from '../testing/node-status.ts'
import { encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { targetingRules } from '../wire/targeting.ts'
import { HubTargeting, type TargetingOptions } from './targeting.ts'

const PODS: readonly Pod[] = [
  podNamed(
    { namespace: 'shop', name: 'front-1' },
    { spec: { nodeName: 'one' }, status: { podIP: '10.0.0.1' } },
  ),
  podNamed(
    { namespace: 'shop', name: 'cart-1' },
    { spec: { nodeName: 'two' }, status: { podIP: '10.0.0.2' } },
  ),
  podNamed(
    { namespace: 'test', name: 'front-1' },
    { spec: { nodeName: 'two' }, status: { podIP: '10.0.0.3' } },
  ),
]

/** Many ways through each name. */
const SLOW = '(.?){900}Z'

function setUp(t: TestContext, options: Partial<TargetingOptions> = {}) {
  const bucket = options.bucket ?? new MemoryBucket()
  const asked: string[] = []
  const open = (configured: object = {}) => {
    const targeting = new HubTargeting({
      bus: {
        request: async (subject) => {
          asked.push(subject)
          return encode({ complaint: '' })
        },
      },
      bucket,
      configured: targetingRules.parse(configured),
      hasCluster: true,
      cluster: { state: 'following', objects: ((kind: string) => (kind === 'pod' ? PODS : [])) as never },
      nodes: () => [],
      seen: async () => new Set(['10.0.0.1', 'shop/cart-1']),
      now: () => 1000,
      ...options,
    })
    t.after(() => targeting.close())
    return targeting
  }
  return { open, asked }
}

test('what the configuration says holds until somebody changes it, and again when it says something else', async (t) => {
  const { open } = setUp(t)
  const first = open({ namespaces: ['shop'] })
  await first.seed()
  const { rules, version, author } = await first.get()
  assert.deepEqual([rules.namespaces, version, author], [['shop'], 1, 'configuration'])
  await first.change({ regex: '^front' }, 'ada')
  await first.seed()
  const same = open({ namespaces: ['shop'] })
  await same.seed()
  assert.deepEqual([(await same.get()).rules.regex, (await same.get()).author], ['^front', 'ada'])
  const other = open({ namespaces: ['test'] })
  await other.seed()
  const view = await other.get()
  assert.deepEqual([view.rules.regex, view.rules.namespaces, view.version], ['.*', ['test'], 3])
})

test('tells what becomes of each pod, also of rules that are not in force', async (t) => {
  const { open } = setUp(t)
  const targeting = open()
  const rows = (view: Awaited<ReturnType<HubTargeting['get']>>) =>
    view.pods.map(({ namespace, name, state, seen }) => `${namespace}/${name} ${state}${seen ? ' seen' : ''}`)
  assert.deepEqual(rows(await targeting.get()), [
    'shop/cart-1 targeted seen',
    'shop/front-1 targeted seen',
    'test/front-1 targeted',
  ])
  const preview = await targeting.preview({ regex: '^front', excludedNamespaces: ['test'] })
  assert.deepEqual(rows(preview), [
    'shop/cart-1 excluded seen',
    'shop/front-1 targeted seen',
    'test/front-1 excluded',
  ])
  assert.deepEqual(preview.counts, { pods: 3, targeted: 1, namespaces: 1, nodes: 1 })
  assert.equal((await targeting.get()).rules.regex, '.*')
})

test('a regular expression that takes too long is refused, and others get their turn meanwhile', async (t) => {
  const pods = Array.from({ length: 3000 }, (_, at) =>
    podNamed({ namespace: 'shop', name: `${'x'.repeat(200)}-${at}` }, {}),
  )
  const { open } = setUp(t, { cluster: { state: 'following', objects: () => pods as never } })
  const targeting = open()
  let turns = 0
  const ticking = setInterval(() => turns++, 1)
  t.after(() => clearInterval(ticking))
  for (const asked of [targeting.preview({ regex: SLOW }), targeting.change({ regex: SLOW }, 'ada')])
    await assert.rejects(asked, { code: 'E_REQUEST', message: /takes too long/ })
  assert.ok(turns > 5)
  assert.equal((await targeting.get()).rules.regex, '.*')
  const { counts } = await targeting.preview({ regex: '7$' })
  assert.equal(counts.targeted, 300)
})

test('names of namespaces are taken as they are meant, and those without pods are told', async (t) => {
  const targeting = setUp(t).open()
  const { rules, warning } = await targeting.change({ excludedNamespaces: [' test', '', 'tset'] }, 'ada')
  assert.deepEqual(rules.excludedNamespaces, ['test', 'tset'])
  assert.equal(warning, 'No pod is in tset, which the rules name.')
  await assert.rejects(targeting.preview({ namespaces: ['shop test'] }), { code: 'E_REQUEST' })
})

test('pods are told apart for agents as the rules have it', async (t) => {
  const { open } = setUp(t)
  const targeting = open()
  await targeting.change({ namespaces: ['test'] }, 'ada')
  await eventually('the rules are known', () => targeting.targeted().targets.length === 1)
  assert.equal(targeting.targeted().excluded.length, 2)
})

test('says why rules do not do what they say', async (t) => {
  const warningOf = async (options: Partial<TargetingOptions>, rules: object) =>
    (await setUp(t, options).open().preview(rules)).warning
  const none = { state: 'waiting', objects: () => [] } as TargetingOptions['cluster']
  assert.match(await warningOf({ hasCluster: false }, { regex: '^a' }), /no cluster.*everything is captured/)
  assert.match(await warningOf({ cluster: none }, { regex: '^a' }), /not known yet: nothing is captured/)
  assert.match(await warningOf({}, { regex: '^nobody$' }), /No pod matches/)
  assert.equal(await warningOf({}, { regex: '^front' }), '')
  assert.equal(await warningOf({ cluster: none }, {}), '')
  const { skewMs, silentMs } = { skewMs: 0, silentMs: 0 }
  const worker = {
    ...nodeStatusOf({ node: 'one', health: { targeting: 'the filter is refused' } }),
    skewMs,
    silentMs,
  }
  assert.equal(await warningOf({ nodes: () => [worker] }, {}), 'one: the filter is refused')
  const why = 'pods of all namespaces are not followed: pods is forbidden'
  const watches = [
    { resource: 'nodes', state: 'in trouble', why: 'nodes are not followed' },
    { resource: 'pods', state: 'in trouble', why, hint: 'Give the hub the right.' },
  ]
  const leader = {
    ...nodeStatusOf({ node: 'hub', component: 'hub', leading: true, health: { watches } }),
    ...{ skewMs, silentMs },
  }
  for (const rules of [{}, { regex: '^a' }])
    assert.match(
      await warningOf({ cluster: none, nodes: () => [leader] }, rules),
      /(^|captured until they are\.\n)pods of all .* forbidden\. Give the hub the right\.$/,
    )
})

test('nothing changes when a rule cannot be read, a worker refuses a filter, or somebody else was faster', async (t) => {
  const refusal = 'the capture filter "tcp prt 80" is not valid: syntax error'
  const worker = { ...nodeStatusOf({ node: 'one', captures: 'node' }), skewMs: 0, silentMs: 0 }
  const asked: string[] = []
  const { open } = setUp(t, {
    nodes: () => [worker],
    bus: {
      request: async (subject) => {
        asked.push(subject)
        return encode({ complaint: refusal })
      },
    },
  })
  const targeting = open()
  const before = (await targeting.change({ sampleRate: 50 }, 'ada')).version
  const refused = (change: Parameters<HubTargeting['change']>[0], code: string, message: RegExp) =>
    assert.rejects(targeting.change(change, 'bob'), (error) => {
      assert.ok(error instanceof Mistake)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    })
  await refused({ regex: 'front(' }, 'E_REQUEST', /a \( that is not closed, at character 6/)
  await refused({ bpfOverride: 'tcp prt 80' }, 'E_CAPTURE_FILTER', /^one: .*syntax error/)
  await refused({ regex: 'a', ifVersion: before - 1 }, 'E_CONFLICT', /changed meanwhile/)
  assert.deepEqual(asked, [SUBJECTS.filterCheck('one')])
  const { rules, version, author } = await targeting.get()
  assert.deepEqual([rules.sampleRate, rules.bpfOverride, version, author], [50, '', before, 'ada'])
})

test('a worker that does not answer about a filter does not hold it up', async (t) => {
  const worker = { ...nodeStatusOf({ node: 'one', captures: 'node' }), skewMs: 0, silentMs: 0 }
  const { open } = setUp(t, {
    nodes: () => [worker],
    bus: { request: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'nobody answers')) },
  })
  assert.equal(
    (await open().change({ bpfOverride: ' tcp port 80 ' }, 'ada')).rules.bpfOverride,
    'tcp port 80',
  )
})
