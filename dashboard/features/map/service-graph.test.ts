import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileFilter } from '../../../src/filter/index.ts'
import type { MapEdge, MapView } from '../../../src/wire/map.ts'
import { arranged, boxesOf, extended, SERVICE } from './layout.ts'
import { type COLUMNS, rowsOf, sortedBy } from './map-rows.ts'
import { aroundOf, busiestOf, graphOf, protocolsOf } from './service-graph.ts'
import { trafficFilter } from './traffic-filter.ts'

const HTTP = { abbr: 'HTTP', backgroundColor: '#326de6', foregroundColor: '#ffffff' }
const DNS = { abbr: 'DNS', backgroundColor: '#606060', foregroundColor: '#ffffff' }
const ALL = { hidden: new Set<string>(), isFolded: true }

/** `a>b:3/1`: three calls, one of them an error; `~` in front for DNS. */
function viewOf(...texts: readonly string[]): MapView {
  const names: string[] = []
  const place = (name: string) => (names.includes(name) ? names.indexOf(name) : names.push(name) - 1)
  const edges = texts.map((each): MapEdge => {
    const [, dns, from = '', to = '', count, errors] = /^(~?)(.+)>(.+):(\d+)\/(\d+)$/.exec(each) ?? []
    return {
      source: place(from),
      destination: place(to),
      protocol: dns === '~' ? 1 : 0,
      ...{ count: Number(count), errors: Number(errors), bytesOut: 10, bytesIn: 20 },
      ...{ timed: Number(count), meanUs: 1, p50Us: 100, p95Us: Number(count) * 100 },
    }
  })
  const ends = names.map((name) => {
    const [namespace = '', bare = ''] = name.includes('/') ? name.split('/') : ['', name]
    const isAddress = /^[\d.]+$/.test(bare)
    return { name: isAddress ? '' : bare, namespace, ip: isAddress ? bare : '10.9.9.9', isByAddress: false }
  })
  const others = { count: 0, errors: 0, bytesOut: 0, bytesIn: 0 }
  const state = { spanMs: 1000, workers: ['w'], isFilling: false, isCut: false }
  return { ...state, ends, protocols: [HTTP, DNS], edges, others }
}

describe('a graph of services', () => {
  test('has each pair once, with all its protocols', () => {
    const { services, links } = graphOf(viewOf('a>b:3/1', '~a>b:5/0', 'b>shop/c:1/0'), ALL)
    assert.deepEqual([...services.keys()], ['a', 'b', 'shop/c'])
    const link = links.get('a→b')
    assert.deepEqual(
      link?.strands.map(({ protocol, count }) => [protocol.abbr, count]),
      [
        ['DNS', 5],
        ['HTTP', 3],
      ],
    )
    assert.deepEqual([link?.count, link?.errors], [8, 1])
    assert.deepEqual([services.get('b')?.asked.count, services.get('b')?.asks.count], [8, 1])
  })

  test('leaves out protocols, and who then is alone', () => {
    const view = viewOf('a>b:3/1', '~c>d:5/0')
    const { services } = graphOf(view, { ...ALL, hidden: new Set(['DNS']) })
    assert.deepEqual([...services.keys()], ['a', 'b'])
    assert.deepEqual(
      protocolsOf(view).map(({ abbr, count }) => [abbr, count]),
      [
        ['DNS', 5],
        ['HTTP', 3],
      ],
    )
  })

  test('folds many addresses that talk to the same, and no others', () => {
    const clients = [1, 2, 3, 4, 5].map((at) => `192.0.2.${at}>front:${at}/0`)
    const view = viewOf(...clients, '198.51.100.1>front:1/0', '198.51.100.1>back:1/0')
    const { services, links } = graphOf(view, ALL)
    assert.deepEqual(
      [...services.values()].map(({ title }) => title),
      ['5 addresses', 'front', '198.51.100.1', 'back'],
    )
    assert.equal(links.get('192.0.2.1+→front')?.count, 15)
    assert.equal(graphOf(view, { ...ALL, isFolded: false }).services.size, 8)
  })

  test('can be of the neighbours of one, and of the busiest alone', () => {
    const graph = graphOf(viewOf('a>b:3/1', 'b>c:9/0', 'c>d:1/0'), ALL)
    assert.deepEqual([...aroundOf(graph, 'b').services.keys()], ['a', 'b', 'c'])
    assert.deepEqual([...aroundOf(graph, 'c→d').services.keys()], ['c', 'd'])
    assert.deepEqual([...busiestOf(graph, 1).services.keys()], ['b', 'c'])
    assert.equal(busiestOf(graph, 3), graph)
  })

  test('is a table, sorted as is wished', () => {
    const graph = graphOf(viewOf('a>b:3/1', 'b>c:9/0', '~a>b:4/4'), ALL)
    const counts = (column: (typeof COLUMNS)[number]['id'], isUp: boolean) =>
      rowsOf(graph, { column, isUp }).map(({ strand }) => strand.count)
    assert.deepEqual(counts('count', false), [9, 4, 3])
    assert.deepEqual(counts('errors', false), [4, 3, 9])
    assert.deepEqual(counts('source', true), [4, 3, 9])
    assert.deepEqual(sortedBy('rate', { column: 'source', isUp: true }), { column: 'rate', isUp: false })
    assert.deepEqual(sortedBy('rate', { column: 'rate', isUp: false }), { column: 'rate', isUp: true })
  })
})

describe('the layout', () => {
  const many = Array.from({ length: 120 }, (_, at) => `s${Math.floor(at / 6)}>s${at + 1}:1/0`)
  const names = many.map((each, at) => each.replace(/>s/, `>n${at % 4}/s`))

  for (const grouping of ['none', 'namespace', 'host'] as const)
    test(`puts none upon another, and all on a screen: ${grouping}`, () => {
      const graph = graphOf(viewOf(...(grouping === 'namespace' ? names : many)), ALL)
      const positions = [...arranged(graph, grouping).values()]
      assert.equal(positions.length, graph.services.size)
      apart(positions)
      const width = Math.max(...positions.map(({ x }) => x)) - Math.min(...positions.map(({ x }) => x))
      const height = Math.max(...positions.map(({ y }) => y)) - Math.min(...positions.map(({ y }) => y))
      if (grouping === 'none') assert.ok(width / height < 3 && height / width < 3, `${width} × ${height}`)
    })

  test('leaves what is there where it is when others come', () => {
    const before = arranged(graphOf(viewOf(...many.slice(0, 60)), ALL), 'none')
    const after = extended(graphOf(viewOf(...many), ALL), before)
    for (const [key, place] of before) assert.deepEqual(after.get(key), place)
    assert.equal(after.size, graphOf(viewOf(...many), ALL).services.size)
    apart([...after.values()])
    assert.equal(extended(graphOf(viewOf('s0>s1:1/0'), ALL), before).size, 2)
  })

  test('draws a box around each group', () => {
    const graph = graphOf(viewOf('a/x>b/y:1/0', 'b/y>b/z:1/0'), ALL)
    const positions = arranged(graph, 'namespace')
    const boxes = boxesOf(graph, 'namespace', positions)
    assert.deepEqual(
      boxes.map(({ title }) => title),
      ['a', 'b'],
    )
    const [a, b] = boxes
    assert.ok(a !== undefined && b !== undefined && a.x + a.width <= b.x)
  })
})

describe('the way to the traffic', () => {
  const end = (name: string, ip: string, isByAddress = false) => ({ name, namespace: '', ip, isByAddress })
  const entry = (src: object, dst: object, abbr = 'HTTP') => ({
    protocol: { name: 'http', abbr, version: '1.1' },
    src: { namespace: '', ...src },
    dst: { namespace: '', ...dst },
    request: { method: 'GET' },
    response: { status: 500 },
  })
  const matches = (text: string, value: unknown) => compileFilter(text, { prefer: 'kfl2' }).matches(value)

  for (const filter of [
    '',
    'http',
    'http and response.status >= 500',
    'status_code >= 500 || dns',
    'http or dns',
  ])
    test(`is of just that pair: ${filter || 'no filter'}`, () => {
      const text = trafficFilter(filter, {
        source: [end('', '10.0.0.1')],
        destination: [end('carts', '10.0.0.2')],
        protocol: 'HTTP',
      })
      const [from, to] = [
        { ip: '10.0.0.1', name: '' },
        { ip: '10.0.0.9', name: 'carts' },
      ]
      assert.equal(matches(text, entry(from, to)), true, text)
      assert.equal(matches(text, entry({ ip: '10.0.0.1', name: '10.0.0.1' }, to)), true)
      assert.equal(matches(text, entry({ ip: '10.0.0.1', name: 'x' }, to)), false)
      assert.equal(matches(text, entry(from, { ip: '10.0.0.2', name: '' })), false)
      assert.equal(matches(text, entry(from, to, 'GQL')), false)
      assert.equal(matches(text, entry(to, from)), false)
    })

  test('is of what a service has a part in, also where it went by its address', () => {
    const text = trafficFilter('', { either: [end('carts', '10.0.0.2', true)] })
    const other = { ip: '10.0.0.7', name: '' }
    for (const own of [
      { ip: '10.0.0.5', name: 'carts' },
      { ip: '10.0.0.2', name: '' },
    ]) {
      assert.equal(matches(text, entry(own, other)), true)
      assert.equal(matches(text, entry(other, own)), true)
    }
    assert.equal(matches(text, entry(other, other)), false)
  })

  test('holds names that nobody would think of', () => {
    const name = 'a" or true or "\\'
    const text = trafficFilter('', { source: [end(name, '10.0.0.1')] })
    assert.equal(matches(text, entry({ ip: '1', name }, {})), true)
    assert.equal(matches(text, entry({ ip: '1', name: 'b' }, {})), false)
  })
})

function apart(places: readonly { readonly x: number; readonly y: number }[]): void {
  for (const [at, a] of places.entries())
    for (const b of places.slice(at + 1))
      assert.ok(
        Math.abs(a.x - b.x) >= SERVICE.width || Math.abs(a.y - b.y) >= SERVICE.height,
        `${JSON.stringify(a)} ${JSON.stringify(b)}`,
      )
}
