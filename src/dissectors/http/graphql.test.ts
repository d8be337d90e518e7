import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { feed } from '../../testing/feed.ts'
import { http } from './dissector.ts'
import { graphqlErrors, graphqlOf, LONGEST_OPERATION } from './graphql.ts'
import type { HttpRequest } from './messages.ts'
import { firstReply, firstRequest, plain, repliesOf } from './test-messages.ts'

const JSON_TYPE = 'application/json'
const of = (body: unknown, type = JSON_TYPE) =>
  graphqlOf('POST', type, '/graphql', Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

describe('a request of GraphQL', () => {
  test('is told by a document in JSON', () => {
    const query =
      'query Items($first: Int) { items(first: $first) { id } me: user { name } ...More } fragment More on Query { more }'
    assert.deepEqual(of({ query, variables: { first: 2 }, operationName: 'Items' }), {
      operationType: 'query',
      operationName: 'Items',
      fields: ['items', 'user', 'more'],
      query,
      variables: { first: 2 },
      persistedQuery: '',
      batch: [],
    })
  })

  for (const [query, type, name, fields] of [
    ['{a b}', 'query', '', ['a', 'b']],
    [' \n # a comment\n mutation Add { add { id } }', 'mutation', 'Add', ['add']],
    ['subscription OnTick { tick }', 'subscription', 'OnTick', ['tick']],
    ['fragment F on T { a ...F } query Q { ...F ... on T { b } ... { c } }', 'query', 'Q', ['a', 'b', 'c']],
    ['query A { a } mutation B { b }', 'query', 'A', ['a']],
    ['"""What it is for""" query Described { a }', 'query', 'Described', ['a']],
  ] as const)
    test(`is read: ${JSON.stringify(query)}`, () => {
      const read = of({ query })
      assert.deepEqual([read?.operationType, read?.operationName, read?.fields], [type, name, fields])
    })

  test('is the operation that it names', () => {
    const query = 'query A { a } mutation B { b }'
    assert.deepEqual(of({ query, operationName: 'B' })?.fields, ['b'])
    assert.equal(of({ query, operationName: 'C' })?.operationName, 'C')
    assert.equal(of({ query, operationName: 5 })?.operationName, 'A')
  })

  test('may be several at once', () => {
    const read = of([{ query: 'query A { a }' }, { query: 'mutation B { b }', variables: { x: 1 } }])
    assert.deepEqual(
      [read?.operationName, read?.batch.map(({ operationName, variables }) => [operationName, variables])],
      [
        'A',
        [
          ['A', null],
          ['B', { x: 1 }],
        ],
      ],
    )
    assert.equal(of([{ query: 'query A { a }' }, { query: 'shoes' }]), undefined)
    assert.equal(of([]), undefined)
  })

  test('has no variables that are nested too deeply to be passed on', () => {
    const nested = (levels: number) =>
      of(`{"query":"{a}","variables":{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}}`)
    assert.deepEqual(Object.keys(nested(64)?.variables ?? {}), ['a'])
    for (const levels of [65, 100_000]) {
      const read = nested(levels)
      assert.deepEqual([read?.fields, read?.variables], [['a'], null])
      JSON.stringify(read)
    }
  })

  test('may be known to the server by a hash', () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'abc' } }
    assert.deepEqual(of({ operationName: 'Items', variables: {}, extensions }), {
      operationType: '',
      operationName: 'Items',
      fields: [],
      query: '',
      variables: {},
      persistedQuery: 'abc',
      batch: [],
    })
    assert.equal(of({ query: '{a}', extensions })?.persistedQuery, 'abc')
  })

  test('may be in the target', () => {
    const target = `/graphql?query=${encodeURIComponent('query Q($a: Int) { x(a: $a) }')}&variables=%7B%22a%22%3A1%7D`
    const read = graphqlOf('GET', '', target, new Uint8Array(0))
    assert.deepEqual([read?.operationName, read?.fields, read?.variables], ['Q', ['x'], { a: 1 }])
    assert.equal(graphqlOf('GET', '', '/graphql?query={a+b}', new Uint8Array(0))?.operationType, 'query')
    assert.equal(graphqlOf('POST', '', target, new Uint8Array(0))?.operationName, 'Q')
    assert.equal(graphqlOf('DELETE', '', target, new Uint8Array(0)), undefined)
    const hash = encodeURIComponent('{"persistedQuery":{"version":1,"sha256Hash":"abc"}}')
    assert.equal(
      graphqlOf('GET', '', `/g?operationName=Q&extensions=${hash}`, new Uint8Array(0))?.persistedQuery,
      'abc',
    )
  })

  test('may be the document alone', () => {
    assert.deepEqual(of('mutation { add }', 'application/graphql; charset=utf-8')?.fields, ['add'])
    assert.deepEqual(of('{ "a" }', 'application/graphql'), undefined)
  })

  for (const body of [
    { query: 'shoes' },
    { query: 'query' },
    { query: 'type Item' },
    { query: 'type Item { id: ID }' },
    { query: '{ items { id }' },
    { query: '{app="x"}' },
    { query: '{app="x"} |= `error`' },
    { query: 'query Q { a } type T { b: Int }' },
    { query: { match_all: {} } },
    { query: 'SELECT * FROM t' },
    { query: 'MATCH (n) RETURN n' },
    { query: 'fragment F on T { a }' },
    { lines: ['query'] },
    'null',
    '"query"',
    '{"query":"{a}"',
    '[{"query":"{a}"}',
  ])
    test(`is not ${JSON.stringify(body)}`, () => assert.equal(of(body), undefined))

  test('is not looked for in other types', () => {
    for (const type of ['text/html', 'multipart/form-data', 'application/octet-stream'])
      assert.equal(of({ query: '{a}' }, type), undefined)
    for (const type of ['application/x-www-form-urlencoded', 'text/plain;charset=UTF-8', ''])
      assert.notEqual(of({ query: '{a}' }, type), undefined, type)
    assert.equal(of('query={a}', 'application/x-www-form-urlencoded'), undefined)
    assert.notEqual(of({ query: '{a}' }, 'application/graphql+json; charset=utf-8'), undefined)
  })

  test('may come with files behind it', () => {
    const type = 'multipart/form-data; boundary=xyz'
    const part = (name: string, value: string) =>
      `--xyz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const operations = JSON.stringify({
      query: 'mutation Upload($f: Upload!) { upload(file: $f) }',
      variables: { f: null },
    })
    const file = part('0', 'x'.repeat(LONGEST_OPERATION))
    const body = `${part('operations', operations)}${part('map', '{"0":["variables.f"]}')}${file}--xyz--\r\n`
    assert.equal(of(body, type)?.operationName, 'Upload')
    assert.equal(of(body.slice(0, 120), type), undefined)
    assert.equal(of(file + body, type), undefined)
    for (const context of [undefined, { wantsBodies: false, maxBody: 0 }])
      assert.equal(firstRequest(post(body, type), context).graphql?.operationName, 'Upload')
  })

  test('is bounded', () => {
    const deep = `${'{a'.repeat(50_000)}${'}'.repeat(50_000)}`
    const wide = `{${'abcdef '.repeat(30_000)}}`
    for (const query of [deep, wide, '{...'.repeat(20_000), `{a(x:${'['.repeat(20_000)}`])
      assert.equal(of({ query }), undefined)
    const many = `{${Array.from({ length: 500 }, (_, at) => `f${at}`).join(' ')}}`
    assert.equal(of({ query: many })?.fields.length, 100)
    assert.equal(of(`{"query":"{a}","pad":"${'x'.repeat(LONGEST_OPERATION)}"}`), undefined)
  })

  test('never throws', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('{a}', '{a', '"query"', 'query', '\\', '[', '{"query":', 'extensions'),
    )
    fc.assert(
      fc.property(
        fc.array(text).map((parts) => parts.join('')),
        fc.constantFrom('GET', 'POST'),
        (body, method) => {
          graphqlOf(method, JSON_TYPE, `/?query=${body}`, Buffer.from(body))
          graphqlErrors(body)
        },
      ),
    )
    fc.assert(
      fc.property(
        fc.json(),
        (body) => void [of(`{"query":${body},"extensions":${body}}`), graphqlErrors(`{"errors":${body}}`)],
      ),
    )
  })
})

describe('errors', () => {
  test('are read from a reply', () => {
    const reply = {
      data: null,
      errors: [
        { message: 'No such item', path: ['items', 0, 'name'], extensions: { code: 'NOT_FOUND' } },
        { message: 'b' },
        5,
        { no: 1 },
      ],
    }
    assert.deepEqual(graphqlErrors(JSON.stringify(reply)), [
      { message: 'No such item', path: ['items', 0, 'name'], code: 'NOT_FOUND' },
      { message: 'b', path: [], code: '' },
    ])
    assert.equal(graphqlErrors(JSON.stringify([reply, { data: {} }, reply])).length, 4)
    assert.deepEqual(graphqlErrors('{"data":{"errors":[{"message":"no"}]}}'), [])
  })

  test('are those of the reply to GraphQL, and of no other', () => {
    const reply = ok('{"errors":[{"message":"wrong"}]}')
    const fed = feed(http, [
      ['client', post('{"query":"{a}"}') + post('{"search":"a"}') + post('{"query":"{b}"}')],
      ['server', reply + reply + reply],
    ])
    assert.deepEqual(
      repliesOf(fed).map(({ errors }) => errors.map(({ message }) => message)),
      [['wrong'], [], ['wrong']],
    )
  })

  test('are read from a compressed reply', () => {
    const body = gzipSync('{"errors":[{"message":"wrong"}]}')
    const fed = feed(http, [
      ['client', 'GET /graphql?query={a} HTTP/1.1\r\n\r\n'],
      [
        'server',
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
      ],
      ['server', body],
    ])
    assert.equal(repliesOf(fed)[0]?.errors[0]?.message, 'wrong')
  })
})

describe('an exchange of HTTP/1 with GraphQL in it', () => {
  test('is of a variant of its own', () => {
    const protocolOf = (wire: string) => http.protocols[http.variant?.(firstRequest(wire), null) ?? 0]
    assert.deepEqual(protocolOf(post('{"query":"{a}"}')), {
      ...http.protocols[0],
      abbr: 'GQL',
      longName: 'GraphQL over HTTP/1.1',
      macro: 'gql',
      backgroundColor: '#e10098',
      referenceLink: 'https://graphql.github.io/graphql-over-http/draft/',
    })
    assert.equal(protocolOf('GET /graphql?query={a} HTTP/1.0\r\n\r\n')?.longName, 'GraphQL over HTTP/1.0')
    assert.equal(protocolOf(post('{"query":"a"}'))?.abbr, 'HTTP')
  })

  const wire = [
    post('{"query":"query Plain { a }"}'),
    post('{"query":"{a}"}').slice(0, -3),
    chunked('{"query":"mutation Chunked { a }"}'),
    post('{"lines":[{"sku":1}]}'),
    post(`{"query":"{a}","pad":"${'x'.repeat(LONGEST_OPERATION)}"}`),
    post('query Raw { a }', 'application/graphql'),
    post('{ "other" : 1 }', 'text/plain'),
    'GET /graphql?query={inTarget} HTTP/1.1\r\n\r\n',
  ]

  test('is told whether bodies are wanted or not, however long they may be, and however the bytes are cut', () => {
    const expected = ['Plain', null, 'Chunked', null, null, 'Raw', null, '']
    for (const [at, each] of wire.entries())
      for (const context of [
        undefined,
        { wantsBodies: true, maxBody: 5 },
        { wantsBodies: false, maxBody: 1 << 20 },
      ])
        for (const size of [1 << 20, 100, 7]) {
          const chunks = Array.from(
            { length: Math.ceil(each.length / size) },
            (_, n) => ['client', each.slice(n * size, (n + 1) * size)] as const,
          )
          const fed = feed(http, [...chunks, ['client', null]], context)
          const [request] = fed.messages.map(({ message }) => message as HttpRequest)
          assert.equal(request?.graphql?.operationName ?? null, expected[at] ?? null, each.slice(0, 100))
          const most = context?.wantsBodies === false ? 0 : (context?.maxBody ?? 1 << 20)
          assert.ok((request?.postData.text.length ?? 0) <= most)
        }
  })

  test('is told by a compressed body', () => {
    const body = gzipSync('{"query":"query Packed { a }"}')
    const head = `POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`
    for (const wantsBodies of [true, false]) {
      const request = firstRequest(Buffer.concat([Buffer.from(head), body]), {
        wantsBodies,
        maxBody: 1 << 20,
      })
      assert.equal(request.graphql?.operationName, 'Packed')
      assert.equal(request.postData.text, wantsBodies ? '{"query":"query Packed { a }"}' : '')
    }
    const long = gzipSync(
      `{"query":"query Packed { a }","variables":{"a":"${' '.repeat(LONGEST_OPERATION)}"}}`,
    )
    const longHead = head.replace(String(body.length), String(long.length))
    assert.equal(firstRequest(Buffer.concat([Buffer.from(longHead), long])).graphql, null)
    // It costs too much to look.
    const brotli = brotliCompressSync('{"query":"query Packed { a }"}')
    const brotliHead = head.replace('gzip', 'br').replace(String(body.length), String(brotli.length))
    assert.equal(firstRequest(Buffer.concat([Buffer.from(brotliHead), brotli])).graphql, null)
  })

  test('has a row and variables that select it', () => {
    const hash = encodeURIComponent('{"persistedQuery":{"version":1,"sha256Hash":"abc"}}')
    for (const [request, label] of [
      [post('{"query":"query Items { a }"}'), 'query Items'],
      [post('{"query":"mutation { a }"}'), 'mutation'],
      [
        post('[{"query":"query A { a }"},{"query":"{b}"},{"query":"{c}"},{"query":"{d}"}]'),
        'query A, query, query, …',
      ],
      [`GET /graphql?extensions=${hash}&operationName=Known HTTP/1.1\r\n\r\n`, 'Known'],
      [`GET /graphql?extensions=${hash} HTTP/1.1\r\n\r\n`, 'persisted query'],
    ] as const) {
      const message = firstRequest(request)
      const row = http.summarize(message, firstReply(ok('{}')))
      assert.deepEqual([row.method, row.summary, row.status], [label, '/graphql', 200])
      const protocol = http.protocols[http.variant?.(message, null) ?? 0]
      const entry = { protocol, request: plain('client' as Side, message), response: null }
      for (const query of [row.methodQuery, row.summaryQuery, 'gql', '!http'])
        assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
      for (const query of [
        'gql && gqlv1 && !gqlv2 && http',
        'request.graphql.query.contains("{") || request.graphql.persistedQuery == "abc"',
      ])
        assert.equal(compileFilter(query, { prefer: 'kfl2' }).matches(entry), true, query)
    }
    const entry = {
      protocol: http.protocols[0],
      request: plain('client', firstRequest('GET / HTTP/1.1\r\n\r\n')),
    }
    assert.equal(
      compileFilter('request.graphql.operationName == "Items"', { prefer: 'kfl1' }).matches(entry),
      false,
    )
    assert.equal(
      compileFilter('gql || request.graphql.operationName == "Items"', { prefer: 'kfl2' }).matches(entry),
      false,
    )
  })
})

function post(body: string, type = JSON_TYPE): string {
  return `POST /graphql HTTP/1.1\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

function chunked(body: string): string {
  return `POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
}

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
