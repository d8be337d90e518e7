import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { FakeKubernetes } from '../../test/kube/fake-kubernetes.ts'
import { Mistake } from '../mistake/mistake.ts'
import { bytesInUse } from '../testing/heap.ts'
import { httpServer } from '../testing/http-server.ts'
import { rejects } from '../testing/rejects.ts'
import { until } from '../testing/until.ts'
import { type ClientOptions, KubernetesClient, type WatchEvent } from './client.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

describe('answers of an API server that is none, or not well', () => {
  test('anything at all in a watch: nothing crashes, and the watch goes on when the server is well again', async (t) => {
    const { fake, client, follow } = await started(t)
    const objects = fc.oneof(
      fc.json(),
      fc.record({
        metadata: fc.oneof(fc.json(), fc.record({ name: fc.anything(), resourceVersion: fc.anything() })),
      }),
    )
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .tuple(fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR', '', '__proto__'), objects)
        .map(([type, object]) => JSON.stringify({ type, object })),
    )
    const samples = fc.sample(fc.array(lines, { maxLength: 5 }), { numRuns: 40, seed: 7 })
    const { events, ended } = follow()
    for (const [n, sample] of samples.entries()) {
      await until(() => fake.watches === 1, 'a watch')
      fake.writeToWatches(`${sample.join('\n')}\n`)
      fake.endWatches('end')
      fake.put(`after-${n % 3}`, { data: { n: String(n) } })
    }
    await until(() => names(events).has('after-0'), 'what came afterwards')
    const last = samples.length
    fake.put('last', { data: { n: String(last) } })
    await until(() => names(events).has('last'), 'the last')
    await client.close()
    await ended
    for (const name of names(events)) assert.equal(typeof name, 'string')
  })

  test('anything at all as an answer is understood, or a mistake that says what it is', async (t) => {
    const { fake, client } = await started(t)
    const bodies = fc.oneof(
      fc.string(),
      fc.json(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.record({ metadata: fc.anything(), items: fc.anything() }).map((body) => JSON.stringify(body)),
      fc
        .record({ kind: fc.constant('Status'), message: fc.anything(), code: fc.anything() })
        .map((body) => JSON.stringify(body)),
    )
    const answers = fc.tuple(bodies, fc.constantFrom(200, 201, 204, 304, 400, 403, 404, 409, 418, 422))
    for (const [body, code] of fc.sample(answers, { numRuns: 60, seed: 11 }))
      for (const ask of [
        () => client.list(MAPS),
        () => client.get(`${MAPS}/a`),
        () => client.may({ verb: 'get', resource: 'pods' }),
      ]) {
        fake.fail({ kind: 'answer', write: (response) => void response.writeHead(code).end(body) })
        await ask().catch((error: unknown) => {
          assert.ok(error instanceof Mistake, `${code} ${body}: ${String(error)}`)
        })
      }
  })

  test('what breaks each watch that it is told in is got rid of by reading all anew', async (t) => {
    const { fake, follow, troubles } = await started(t)
    const broken = (response: ServerResponse) => void response.end('{"type":7}\n')
    fake.fail({ kind: 'answer', write: broken }, (asked) => asked.includes('watch='), 5)
    const { events } = follow()
    await until(() => fake.watches === 1, 'a watch')
    assert.equal(events.filter(({ kind }) => kind === 'all').length, 2)
    assert.equal(troubles.length, 5)
  })

  for (const [what, line] of [
    ['no metadata', { kind: 'ConfigMap' }],
    ['metadata of another type', { metadata: [1] }],
    ['no name', { metadata: { resourceVersion: '5' } }],
    ['a name that is a number', { metadata: { name: 7 } }],
    ['nothing at all', null],
  ] as const)
    test(`an object with ${what} is counted, and what comes after it is read`, async (t) => {
      const { fake, follow } = await started(t)
      let malformed = 0
      const { events } = follow({ onMalformed: () => malformed++ })
      await until(() => fake.watches === 1, 'a watch')
      fake.writeToWatches(`${JSON.stringify({ type: 'ADDED', object: line })}\n`)
      fake.put('good', { data: {} })
      await until(() => names(events).has('good'), 'the good one')
      assert.equal(malformed, 1)
      fake.fail(
        answer({
          metadata: { resourceVersion: String(fake.resourceVersion) },
          items: [line, named('in-list')],
        }),
      )
      fake.endWatches('gone')
      await until(() => names(events).has('in-list'), 'the list')
      assert.equal(malformed, 2)
    })

  test('keys of prototypes are keys, and nests as deep as they like', async (t) => {
    const { fake, follow } = await started(t)
    const { events } = follow()
    await until(() => fake.watches === 1, 'a watch')
    const deep = `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`
    const metadata = '{"name":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
    fake.writeToWatches(
      `{"type":"ADDED","object":{"metadata":${metadata},"__proto__":{"polluted":1},"deep":${deep}}}\n`,
    )
    fake.put('good', {})
    await until(() => names(events).has('good'), 'the good one')
    assert.ok(names(events).has('x'))
    assert.equal(Reflect.get({}, 'polluted'), undefined)
    for (const event of events)
      if (event.kind === 'put') assert.equal(Reflect.get(event.object.metadata, 'polluted'), undefined)
  })

  test('a line without end, and an answer without end: given up within bounds', async (t) => {
    const { fake, client, follow, troubles } = await started(t)
    fake.put('a', {})
    const flood = (head: string) => (response: ServerResponse) => {
      response.write(head)
      const piece = 'x'.repeat(1 << 20)
      const write = () => {
        while (response.writable && response.write(piece));
        response.once('drain', write)
      }
      write()
    }
    fake.fail({ kind: 'answer', write: flood('{"items":["') }, (asked) => asked.endsWith('/a'))
    const before = bytesInUse()
    await rejects(client.get(`${MAPS}/a`), 'E_TOO_LARGE', /an answer/)
    fake.fail({ kind: 'answer', write: flood('{"type":"ADDED","object":"') }, (asked) =>
      asked.includes('watch='),
    )
    const { events } = follow()
    await until(() => troubles.length > 0 && fake.watches === 1, 'a watch that goes on')
    assert.equal(troubles[0]?.code, 'E_TOO_LARGE')
    fake.put('b', {})
    await until(() => names(events).has('b'), 'b')
    const grown = (bytesInUse() - before) / 1e6
    assert.ok(grown < 50, `${grown} MB more`)
  })

  test('a list that goes on with the same page, or with new ones for ever, is given up', async (t) => {
    const { fake, client } = await started(t)
    const page = (next: () => string) => ({
      kind: 'answer' as const,
      write: (response: ServerResponse) =>
        void response.end(
          JSON.stringify({ metadata: { resourceVersion: '1', continue: next() }, items: [] }),
        ),
    })
    fake.fail(
      page(() => 'again'),
      undefined,
      10,
    )
    await rejects(client.list(MAPS), 'E_TOO_LARGE', /does not come to an end/)
    assert.equal(fake.seen.length, 2)
    fake.recover()
    let n = 0
    fake.fail(
      page(() => String(n++)),
      undefined,
      1e6,
    )
    await rejects(client.list(MAPS), 'E_TOO_LARGE', /does not come to an end/)
    assert.ok(n < 3000)
  })

  test('a page that is too large is asked for in smaller ones', async (t) => {
    const { fake, client } = await started(t)
    const data = { large: 'x'.repeat(1_000_000) }
    for (let n = 0; n < 70; n++) fake.put(`m${n}`, { data })
    const { objects } = await client.list(MAPS, {
      trim: ({ metadata: { name } }) => ({ metadata: { name } }),
    })
    assert.equal(new Set(objects.map(({ metadata }) => metadata.name)).size, 70)
    assert.deepEqual(
      fake.seen.map((asked) => /limit=\d+/.exec(asked)?.[0]),
      ['limit=500', 'limit=50', 'limit=50'],
    )
  })

  test('a version that goes back makes all be read anew; bookmarks without one say nothing', async (t) => {
    const { fake, follow, troubles } = await started(t)
    const { events } = follow()
    await until(() => fake.watches === 1, 'a watch')
    fake.writeToWatches(
      '{"type":"BOOKMARK","object":{"metadata":{}}}\n{"type":"BOOKMARK","object":{"kind":"ConfigMap"}}\n',
    )
    fake.put('a', {})
    await until(() => names(events).has('a'), 'a')
    assert.equal(troubles.length, 0)
    fake.writeToWatches('{"type":"ADDED","object":{"metadata":{"name":"old","resourceVersion":"3"}}}\n')
    await until(() => events.filter(({ kind }) => kind === 'all').length === 2, 'all anew')
    assert.match(troubles[0]?.message ?? '', /goes back from version \d+ to 3/)
    assert.ok(!names(events).has('old'))
  })

  test('a version that the server has not come to, for which it waits without a word, makes all be read anew', async (t) => {
    const { fake, follow, troubles } = await started(t, { silenceMs: 200 })
    const { events } = follow()
    await until(() => fake.watches === 1, 'a watch')
    fake.writeToWatches('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"99999999"}}}\n')
    fake.endWatches('end')
    fake.put('a', {})
    await until(() => names(events).has('a'), 'what it has instead')
    assert.equal(events.filter(({ kind }) => kind === 'all').length, 2)
    assert.equal(troubles.length, 0)
  })

  test('one that goes back again and again is asked less and less often', async (t) => {
    const { fake, follow } = await started(t)
    const { events } = follow()
    const back = (response: ServerResponse) => {
      const line = (resourceVersion: string) =>
        `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a', resourceVersion } } })}\n`
      response.end(line('99999') + line('3'))
    }
    fake.fail({ kind: 'answer', write: back }, (asked) => asked.includes('watch='), 5)
    const begun = Date.now()
    await until(() => fake.watches === 1, 'a watch that is well')
    assert.equal(events.filter(({ kind }) => kind === 'all').length, 6)
    // At least half of 100, 200, 400, 800 and 1600 ms.
    assert.ok(Date.now() - begun > 1500, `${Date.now() - begun} ms`)
  })

  test('a redirect is not followed, and nobody else gets the token', async (t) => {
    const elsewhere = await httpServer(t, (_, response) => void response.end('{}'))
    const { fake, client, follow, troubles } = await started(t, { token: 'secret' })
    for (const code of [301, 302, 307, 308]) {
      const redirect = (response: ServerResponse) =>
        void response.writeHead(code, { location: `${elsewhere.url}/login?next=x` }).end()
      fake.fail({ kind: 'answer', write: redirect })
      const mistake = await rejects(
        client.get(`${MAPS}/a`),
        'E_KUBERNETES',
        new RegExp(`sent us to ${elsewhere.url}`),
      )
      assert.match(mistake.hint ?? '', /token/)
      fake.fail({ kind: 'answer', write: redirect }, (asked) => asked.includes('watch='))
      const { abort, ended } = follow()
      await until(() => troubles.length > 0, 'trouble')
      assert.match(troubles[0]?.message ?? '', /sent us to/)
      abort.abort()
      await ended
      troubles.length = 0
    }
    assert.equal(elsewhere.connections(), 0)
  })

  test('what is compressed without being asked for, as a bomb may be, is not unpacked', async (t) => {
    const { fake, client } = await started(t)
    const bomb = gzipSync(Buffer.alloc(64 << 20, ' '))
    fake.fail({
      kind: 'answer',
      write: (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    })
    await rejects(client.get(`${MAPS}/a`), 'E_KUBERNETES', /no object of Kubernetes/)
  })

  test('headers without end are cut off', async (t) => {
    const { fake, client } = await started(t)
    fake.put('a', { data: { n: '1' } })
    const endless = (response: ServerResponse) => {
      const { socket } = response
      socket?.on('error', () => {})
      socket?.write('HTTP/1.1 200 OK\r\n')
      const write = () => {
        while (socket?.writable && socket.write(`x-${'y'.repeat(1000)}: z\r\n`));
        socket?.once('drain', write)
      }
      write()
    }
    fake.fail({ kind: 'answer', write: endless }, undefined, 5)
    await rejects(client.get(`${MAPS}/a`), 'E_KUBERNETES', /cannot be reached.*header/i)
    assert.deepEqual((await client.get(`${MAPS}/a`)).data, { n: '1' })
  })

  test('half of an answer is asked for again when it can be, and is a mistake when not', async (t) => {
    const { fake, client } = await started(t)
    fake.put('a', { data: { n: '1' } })
    fake.fail({ kind: 'half' })
    await rejects(client.get(`${MAPS}/a`), 'E_KUBERNETES', /cannot be reached/)
    fake.fail({ kind: 'slow', ms: 50 })
    assert.deepEqual((await client.get(`${MAPS}/a`)).data, { n: '1' })
  })

  test('a list in place of a watch, as a proxy may answer, is told', async (t) => {
    const { fake, follow, troubles } = await started(t)
    fake.fail(answer({ kind: 'ConfigMapList', items: [] }), (asked) => asked.includes('watch='))
    const { events } = follow()
    await until(() => troubles.length > 0, 'trouble')
    assert.match(troubles[0]?.message ?? '', /no object of Kubernetes/)
    await until(() => fake.watches === 1, 'a watch')
    fake.put('a', {})
    await until(() => names(events).has('a'), 'a')
  })

  test('a watch that is silent for too long is begun anew, without ado', async (t) => {
    const { fake, follow, troubles } = await started(t, { silenceMs: 200 })
    const { events } = follow()
    await until(() => fake.watches === 1, 'a watch')
    fake.isSilent = true
    fake.put('a', {})
    await until(() => names(events).has('a'), 'a')
    assert.equal(troubles.length, 0)
    assert.equal(events.filter(({ kind }) => kind === 'all').length, 1)
  })

  for (const [skewMs, isTold] of [
    [-120_000, true],
    [90_000, true],
    [1000, false],
  ] as const)
    test(`a clock that is ${skewMs} ms ahead is ${isTold ? 'told once' : 'not worth telling'}`, async (t) => {
      const told: number[] = []
      const { fake, client } = await started(t, { onClockSkew: (ms) => told.push(ms) })
      fake.clockSkewMs = skewMs
      for (let n = 0; n < 3; n++) await client.list(MAPS)
      assert.equal(told.length, isTold ? 1 : 0)
      for (const ms of told) assert.ok(Math.abs(ms - skewMs) < 5000, `${ms}`)
    })
})

async function started(
  t: TestContext,
  { token, ...options }: ClientOptions & { readonly token?: string } = {},
) {
  const fake = await FakeKubernetes.start(t, token === undefined ? {} : { token })
  const client = new KubernetesClient(fake.access(), options)
  t.after(() => client.close())
  const troubles: Mistake[] = []
  const follow = (more: { readonly onMalformed?: () => void } = {}) => {
    const events: WatchEvent[] = []
    const abort = new AbortController()
    const run = async () => {
      const watch = client.watch(MAPS, {
        signal: abort.signal,
        onTrouble: (mistake) => troubles.push(mistake),
        ...more,
      })
      for await (const event of watch) events.push(event)
    }
    const ended = run()
    t.after(async () => {
      abort.abort()
      await ended
    })
    return { events, abort, ended }
  }
  return { fake, client, follow, troubles }
}

function names(events: readonly WatchEvent[]): ReadonlySet<string> {
  const objects = events.flatMap((event) => (event.kind === 'all' ? event.objects : [event.object]))
  return new Set(objects.map(({ metadata }) => metadata.name))
}

function named(name: string) {
  return { metadata: { name, resourceVersion: '1' } }
}

function answer(body: object) {
  return {
    kind: 'answer',
    write: (response: ServerResponse) => void response.end(JSON.stringify(body)),
  } as const
}

const DEPTH = 100_000
