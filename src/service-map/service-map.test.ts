import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { goldenEntries } from '../testing/entry-json.ts'
import { packedEdges } from '../wire/map.ts'
import { callOf } from './call.ts'
import { addCall, type EdgeSum, type EdgeSums, keyOf, MOST_EDGES, OTHERS } from './edge-sum.ts'
import { packEdges, unpackEdges } from './packed.ts'
import { mapOf } from './view.ts'
import { SumsWindow } from './window.ts'

const HTTP = {
  name: 'http',
  abbr: 'HTTP',
  macro: 'http',
  backgroundColor: '#326de6',
  foregroundColor: '#fff',
}

function entry(changes: object = {}) {
  return {
    protocol: HTTP,
    src: { ip: '10.0.0.1', port: '50000', name: '', namespace: '' },
    dst: { ip: '10.0.0.2', port: '80', name: 'carts', namespace: 'shop' },
    request: {},
    response: { status: 200 },
    requestSize: 10,
    responseSize: 200,
    elapsedTime: 1000,
    error: null,
    ...changes,
  }
}

function sumsOf(...entries: readonly unknown[]): EdgeSums {
  const sums: EdgeSums = new Map()
  for (const each of entries) {
    const call = callOf(each)
    if (call !== undefined) addCall(sums, call)
  }
  return sums
}

const worker = (node: string, sums: EdgeSums) => ({
  node,
  spanMs: 1000,
  isFilling: false,
  isCut: false,
  edges: [...sums.values()],
})

describe('what an entry tells of who talks to whom', () => {
  test('ends go by their names, and by their addresses where they have none; ports make no difference', () => {
    const sums = sumsOf(
      entry(),
      entry({ src: { ip: '10.0.0.1', port: '50001', name: '', namespace: '' } }),
      entry({ dst: { ip: '10.0.0.3', port: '80', name: 'carts', namespace: 'shop' } }),
      entry({ dst: { ip: '10.0.0.3', port: '80', name: 'carts', namespace: 'other' } }),
      entry({ protocol: { ...HTTP, abbr: 'gRPC' } }),
    )
    const { edges, ends, protocols } = mapOf([worker('w', sums)])
    const named = edges.map(({ source, destination, protocol, count }) => [
      ends[source]?.ip,
      `${ends[destination]?.name}.${ends[destination]?.namespace}`,
      protocols[protocol]?.abbr,
      count,
    ])
    assert.deepEqual(named, [
      ['10.0.0.1', 'carts.shop', 'HTTP', 3],
      ['10.0.0.1', 'carts.other', 'HTTP', 1],
      ['10.0.0.1', 'carts.shop', 'gRPC', 1],
    ])
  })

  test('an address that has one name goes by it also where it has none', () => {
    const unnamed = (ip: string) => ({ ip, name: '', namespace: '' })
    const sums = (ip: string) =>
      sumsOf(
        entry({ dst: { ip, name: 'carts', namespace: 'shop' } }),
        entry({ src: unnamed(ip), dst: unnamed('10.0.0.9') }),
      )
    const { edges, ends } = mapOf([worker('w', sums('10.0.0.2'))])
    assert.equal(edges[1]?.source, edges[0]?.destination)
    assert.deepEqual(
      ends.map(({ name, isByAddress }) => [name, isByAddress]),
      [
        ['', false],
        ['carts', true],
        ['', false],
      ],
    )
    assert.equal(mapOf([worker('w', sums('127.0.0.1'))]).ends.length, 4)
    const two = sumsOf(entry({ dst: { ip: '10.0.0.2', name: 'orders', namespace: 'shop' } }))
    assert.equal(mapOf([worker('w', sums('10.0.0.2')), worker('v', two)]).ends.length, 5)
  })

  test('errors are what the other side could not do, not what the monitor missed', () => {
    const protocol = (name: string) => ({ ...HTTP, name })
    const isError = (changes: object) => callOf(entry(changes))?.isError
    for (const [changes, expected] of [
      [{}, false],
      [{ response: { status: 404 } }, false],
      [{ response: { status: 500 } }, true],
      [{ response: { status: 200, grpcStatus: 14 } }, true],
      [{ response: null, error: { type: 'timeout', msg: '' } }, true],
      [{ response: null, error: { type: 'connection', msg: '' } }, true],
      [{ response: null, error: { type: 'pair-not-found', msg: '' } }, false],
      [{ protocol: protocol('dns'), response: { code: 'Non-Existent Domain' } }, false],
      [{ protocol: protocol('dns'), response: { code: 'Server Failure' } }, true],
      [{ protocol: protocol('mysql'), response: { success: false } }, true],
      [{ protocol: protocol('redis'), response: { type: 'Error' } }, true],
      [{ protocol: protocol('ldap'), response: { resultCode: 14 } }, false],
      [{ protocol: protocol('ldap'), response: { resultCode: 49 } }, true],
    ] as const)
      assert.equal(isError(changes), expected, JSON.stringify(changes))
  })

  test('connections count where nothing was recognised in them, once they have ended', () => {
    const conn = (data: object, macro = 'tcp_conn') =>
      callOf(entry({ protocol: { ...HTTP, macro, abbr: 'TCP' }, data, request: null, response: null }))
    assert.equal(conn({ state: 'closed', l7Detected: ['http'] }), undefined)
    assert.equal(conn({ state: 'closed', l7Detected: [] }, 'tcp_flow'), undefined)
    const bytes = { localBytes: 7, remoteBytes: 9, l7Detected: [] }
    assert.partialDeepStrictEqual(conn({ ...bytes, state: 'open' }), { count: 0, bytesOut: 0 })
    assert.partialDeepStrictEqual(conn({ ...bytes, state: 'closed', reason: 'reset' }), {
      ...{ count: 1, bytesOut: 7, bytesIn: 9, isError: true },
      latencyUs: undefined,
    })
  })

  test('anything is taken', () => {
    for (const odd of [null, 5, 'x', [], {}, { protocol: 5, src: [], data: null, response: 'x', error: 7 }])
      assert.doesNotThrow(() => callOf(odd))
  })
})

describe('sums', () => {
  test('are what the entries say, also over two workers and over the bus', async () => {
    const entries = (await goldenEntries()).map((json) => JSON.parse(json))
    const counted = entries.filter(({ protocol }) => !/^(tcp|udp)/.test(protocol.macro))
    const half = Math.floor(entries.length / 2)
    const parts = [entries.slice(0, half), entries.slice(half)].map((part) => sumsOf(...part))
    const crossed = parts.map((sums, at) => ({
      ...worker(`w${at}`, new Map()),
      edges: unpackEdges(packedEdges.parse(JSON.parse(JSON.stringify(packEdges(sums.values()))))),
    }))
    const { edges, ends, protocols, workers } = mapOf(crossed)
    assert.deepEqual(workers, ['w0', 'w1'])
    assert.ok(edges.length > 10, `${edges.length} edges`)
    for (const edge of edges) {
      const isOf = ({ name, ip }: { name: string; ip: string }, place: number) =>
        (name === ip ? '' : name) === ends[place]?.name && (name !== ip || ip === ends[place]?.ip)
      const own = counted.filter(
        ({ protocol, src, dst }) =>
          protocol.abbr === protocols[edge.protocol]?.abbr &&
          isOf(src, edge.source) &&
          isOf(dst, edge.destination),
      )
      const sum = (field: string) => own.reduce((total, each) => total + each[field], 0)
      assert.deepEqual(
        [edge.count, edge.bytesOut, edge.bytesIn],
        [own.length, sum('requestSize'), sum('responseSize')],
      )
      const times = own
        .filter(({ request, response }) => request !== null && response !== null)
        .map(({ elapsedTime }) => elapsedTime)
        .sort((a, b) => a - b)
      assert.equal(edge.timed, times.length)
      if (times.length === 0) continue
      near(edge.p50Us, times[Math.floor(0.5 * (times.length - 1))])
      near(edge.p95Us, times[Math.floor(0.95 * (times.length - 1))])
    }
    const all = edges.reduce((total, { count }) => total + count, 0)
    assert.equal(all, counted.length)
  })

  test('of a window are those of the entries in it, whatever comes and goes', () => {
    const windowMs = 60_000
    const events = fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(5000), fc.integer({ min: 1, max: 1e6 })), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(events, (steps) => {
        const window = new SumsWindow(windowMs, 0)
        const seen: { at: number; entry: object }[] = []
        let now = 1_000_000
        for (const [from, to, wait, elapsedTime] of steps) {
          now += wait * 10
          const one = entry({
            src: { ip: `10.0.0.${from}`, name: '', namespace: '' },
            dst: { ip: `10.1.0.${to}`, name: '', namespace: '' },
            elapsedTime,
          })
          seen.push({ at: now, entry: one })
          window.add(now, sumsOf(one), [now, now])
          window.expire(now)
          // Whole steps go: the first that is left begins behind the one that the window begins in.
          const first = (Math.floor((now - windowMs) / window.stepMs) + 1) * window.stepMs
          const inside = seen.filter(({ at }) => at >= first).map((each) => each.entry)
          assert.deepEqual(plain(window.totals), plain(sumsOf(...inside)))
        }
        window.expire(now + 2 * windowMs)
        assert.equal(window.totals.size, 0)
      }),
      { numRuns: 50 },
    )
  })

  test('keep so many edges apart, and what is one too many is still counted', () => {
    const window = new SumsWindow(10_000, 0)
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) =>
        entry({ src: { ip: `10.${from + at}`, name: '', namespace: '' }, requestSize: 1 }),
      )
    window.add(1, sumsOf(...many(0, MOST_EDGES + 10)), [1, 1])
    window.add(2, sumsOf(...many(0, MOST_EDGES), ...many(90_000, 5)), [2, 2])
    assert.equal(window.totals.size, MOST_EDGES + 1)
    assert.equal(window.totals.get(OTHERS)?.count, 15)
    const view = mapOf([worker('w', window.totals)])
    assert.equal(view.edges.length, MOST_EDGES)
    assert.equal(view.others.count, 15)
    assert.equal(
      view.edges.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
      2 * MOST_EDGES,
    )
    window.expire(100_000)
    assert.equal(window.totals.size, 0)
  })

  test('are of as long a time as was looked at', () => {
    const window = new SumsWindow(60_000, 100_000)
    assert.equal(window.spanMs(100_500), 1000)
    window.add(70_000, sumsOf(entry()), [70_000, 70_000])
    assert.equal(window.spanMs(110_000), 40_000)
    assert.equal(window.spanMs(900_000), 60_000)
    const all = new SumsWindow(0, 100_000)
    all.add(0, sumsOf(entry()), [5000, 8000])
    all.add(900_000, sumsOf(entry()), [7000, 9500])
    assert.equal(all.spanMs(1_000_000), 4500)
    all.expire(Number.MAX_SAFE_INTEGER)
    assert.equal([...all.totals.values()][0]?.count, 2)
  })
})

function near(found: number, exact: number): void {
  assert.ok(Math.abs(found - exact) <= exact * 0.011 + 1, `${found} is not about ${exact}`)
}

function plain(sums: EdgeSums): unknown {
  const pairs = Array.from(sums.values(), (sum: EdgeSum) => [
    keyOf(sum),
    { ...sum, bins: Object.fromEntries([...sum.bins].sort()) },
  ])
  return Object.fromEntries(pairs.sort())
}
