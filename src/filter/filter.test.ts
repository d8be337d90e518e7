import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { compileFilter, FilterCache, needlesOf, validateFilter } from './index.ts'

const ENTRY = {
  protocol: { name: 'http', abbr: 'HTTP', version: '1.1' },
  tls: false,
  index: 1234567,
  timestamp: 1_000_000,
  elapsedTime: 1500,
  src: { ip: '10.0.0.1', port: '5000', name: 'cart', namespace: '', pod: null },
  dst: { ip: '10.0.0.2', port: '80', name: 'price', namespace: 'shop' },
  node: { name: 'node-b' },
  error: null,
  request: {
    method: 'GET',
    path: '/v1/price',
    headers: { 'User-Agent': 'curl/8', Host: 'price' },
    queryString: { id: '7' },
    tags: ['a', 'b'],
  },
  response: {
    status: 500,
    headers: {},
    content: { text: '{"user":[{"name":"ann"},{"name":"bob"}],"deep":{"id":3}}' },
  },
}

const KFL: readonly (readonly [string, boolean])[] = [
  ['', true],
  ['http', true],
  ['dns', false],
  ['!dns', true],
  ['https', false],
  ['response.status == 500', true],
  ['response.status != 500', false],
  ['response.status >= 500 and response.status < 600', true],
  ['index == 1234567', true],
  ['dst.port > 79 and dst.port <= 80', true],
  ['request.path == r"^/v1/"', true],
  ['request.path == r"nope"', false],
  ['r"v\\d" == request.path', true],
  ['request.headers["User-Agent"] == "curl/8"', true],
  ["request.headers['User-Agent'].startsWith('curl')", true],
  ['request.headers["user-agent"] == "curl/8" and request.headers.host == "price"', true],
  ['request.path.contains("price") and request.path.endsWith("price")', true],
  ['request.tags[*] == "b"', true],
  ['request.tags[*] != "b"', false],
  ['request.tags[0] == "a"', true],
  ['request.tags[*] == response.content.text.json().user[*].name', false],
  ['response.content.text.json().user[*].name == response.content.text.json().user[*].name', true],
  ['request.queryString.user_id == 7 and http', false],
  ['response.content.text.json().user_id == 7 or true', false],
  ['response.content.text.json().user[0].name == "ann"', true],
  ['response.content.text.json().user[*].name == "bob"', true],
  ['response.content.text.json()..id == 3', true],
  ['false and http or true', false],
  ['(false and http) or true', true],
  ['true or false and false', true],
  ['nothing.here != 1', false],
  ['!nothing.here', false],
  ['!(nothing.here == 1)', true],
  ['(nothing.here == 1) or http', true],
  ['error', false],
  ['!error', true],
  ['!src.pod', true],
  ['timestamp >= seconds(-30)', true],
  ['timestamp > now()', false],
  ['timestamp >= datetime("10/19/2025, 6:29:02.000 PM")', false],
  ['timestamp >= datetime("nonsense")', false],
  ['limit(10) and http', true],
  ['redact("request.path") and http', true],
  ['response.status === 500', true],
  ['unknownHelper(1) or http', false],
  ['-1 < 0', true],
  ['elapsedTime > 1000', true],
  ['node.name == "node-b"', true],
]

const CEL: readonly (readonly [string, boolean])[] = [
  ['http && status_code == 500', true],
  ['status_code + 1 == 501 && status_code % 2 == 0', true],
  ['method == "GET" || false', true],
  ['path.startsWith("/v1") && path.matches("^/v1/p")', true],
  ['map_get(request.headers, "user-agent", "") == "curl/8"', true],
  ['map_get(request.headers, "X", "none") == "none"', true],
  ['"a" in request.tags', true],
  ['request.tags.exists(t, t == "b") && !request.tags.all(t, t == "b")', true],
  ['size(request.tags) == 2 && request.tags.filter(t, t != "a").size() == 1', true],
  ['dst.port == 80 && src.port in [5000, 5001]', true],
  ['request.headers["user-agent"] == "curl/8" && request.headers.host == "price"', true],
  ['elapsed_time / 1000 == 1 && elapsed_time / 1000.0 == 1.5 && -7 / 2 == -3', true],
  ['elapsed_time / 0 > 1', false],
  ['redis_total_size > 0 || dns_request || conn_state == "closed"', false],
  ['local_labels == {} && pods == [] && namespaces == ["shop"] && dns_request_length == 0', true],
  ['query_string && !response.headers', true],
  ['dns || redis_command == "GET"', false],
  ['redis_command == ""', true],
  ['status_code >= 500 ? elapsed_time > 1000 : false', true],
  ['status_code && !grpc', true],
  ['dst.namespace == "shop" && src.pod.name == ""', true],
  ['timestamp < timestamp("2025-01-01T00:00:00Z") && timestamp > now() - duration("1h")', true],
]

describe('filters', () => {
  for (const [text, expected] of KFL)
    test(`KFL: ${text || '(empty)'} is ${expected}`, () => {
      assert.equal(
        compileFilter(text, {
          prefer: 'kfl1',
          macros: { https: 'tls and (http or http2)' },
          now: 1_000_000,
        }).matches(ENTRY),
        expected,
      )
    })

  for (const [text, expected] of CEL)
    test(`CEL: ${text} is ${expected}`, () => {
      assert.equal(compileFilter(text, { prefer: 'kfl2', now: 1_000_000 }).matches(ENTRY), expected)
    })

  test('say where they are wrong', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['htt ??? a : p', /^1:5: unexpected token "\?"$/],
      ['http and', /^1:9: unexpected end/],
      ['http and\n  ((', /^2:5: /],
      ['request.path == "x', /^1:17: text without an end/],
      ['request.path == r"(?=x)"', /^1:17: look-around/],
      ['status_cod >= 500', /^1:1: there is no variable status_cod; did you mean status_code\?$/],
      ['path.matches("(") && http', /^1:14: Invalid regular expression/],
      ['http && (dns', /^1:13: /],
      ['request.path == r"x" || http', /^1:1: r"…" is KFL and "\|\|" is CEL/],
      ['response.status == 500 && http', /kfl1: or kfl2:|KFL and .* CEL/],
    ]
    for (const [text, message] of wrong)
      assert.throws(
        () => compileFilter(text, { prefer: 'kfl1' }),
        (error) => error instanceof Mistake && message.test(error.message),
        text,
      )
    assert.throws(() => compileFilter('status_cod == 1', { prefer: 'kfl2' }), /did you mean status_code/)
    assert.throws(() => compileFilter('http == "x" and', { prefer: 'kfl2' }), /1:16: unexpected end/)
  })

  test('are told apart by what only one of them has', () => {
    const language = (text: string) => compileFilter(text, { prefer: 'kfl2' }).language
    assert.deepEqual(
      ['http', 'http and dns', 'kfl1:http', 'http && dns', 'request.path == "a && b"'].map(language),
      ['kfl2', 'kfl1', 'kfl1', 'kfl2', 'kfl1'],
    )
    assert.deepEqual(
      ['src.pod.name == "a"', 'src.pod.metadata.name == "a"', 'request.queryString.user_id == 1'].map(
        (text) => compileFilter(text, { prefer: 'kfl1' }).language,
      ),
      ['kfl2', 'kfl1', 'kfl1'],
    )
    const macros = { our_shop: 'dst.namespace == "shop"' }
    assert.equal(compileFilter('our_shop', { prefer: 'kfl1', macros }).matches(ENTRY), true)
  })

  test('are kept when they are compiled, but not those that speak of the present', () => {
    const cache = new FilterCache(2)
    const at = (text: string, now: number) =>
      cache.get(text, { prefer: 'kfl1', now, macros: { recent: 'timestamp >= seconds(-1)' } })
    assert.equal(at('http', 1), at('http', 2))
    for (const text of ['timestamp >= now()', 'timestamp > now() && http', 'recent'])
      assert.deepEqual(
        [1_000_000 - 1, 1_000_000 + 2000].map((now) => at(text, now).matches(ENTRY)),
        [true, false],
        text,
      )
  })

  test('warn of mixed and/or', () => {
    assert.equal(compileFilter('a and b or c', { prefer: 'kfl1' }).warnings.length, 1)
    assert.deepEqual(compileFilter('limit(5) and redact("a.b")', { prefer: 'kfl1' }).redactions, ['a.b'])
  })

  test('either compile or throw a Mistake, whatever the text', () => {
    const word = fc.constantFrom(
      'http',
      'and',
      'or',
      '(',
      ')',
      '!',
      '==',
      '"x"',
      'r"["',
      'a.b',
      '[*]',
      '..',
      '5',
      '-',
      ',',
      'json()',
      '&&',
      '?',
      ':',
      'exists(x, x)',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(' ')),
        ),
        fc.constantFrom('kfl1' as const, 'kfl2' as const),
        (text, prefer) => {
          const { valid } = validateFilter(text, { prefer })
          if (valid) compileFilter(text, { prefer }).matches(ENTRY)
        },
      ),
    )
  })

  test('read members of what CEL makes of an entry as they are in the whole of it', () => {
    const odd: readonly unknown[] = [
      null,
      5,
      'text',
      [],
      [1, 2],
      { headers: 5 },
      { headers: { a: 'b' }, cookies: null, size: 1 },
      { length: 3, toString: 1 },
    ]
    const members = [
      'headers',
      'cookies',
      'length',
      'size',
      'toString',
      'ip',
      'port',
      'name',
      'dns',
      'pod',
      'service',
      'nothing',
    ]
    for (const value of odd)
      for (const variable of ['request', 'response', 'src', 'dst'])
        for (const member of members) {
          const same = compileFilter(`kfl2:${variable}.${member} == ${variable}["${member}"]`, {
            prefer: 'kfl2',
          })
          const entry = { [variable]: value }
          assert.equal(same.matches(entry), true, `${variable}.${member} of ${JSON.stringify(entry)}`)
        }
  })

  test('name texts without which no entry matches', () => {
    const needles = (text: string) => needlesOf(compileFilter(text, { prefer: 'kfl1' }).conditions)
    assert.deepEqual(
      needles('request.path.contains("/orders") and (response.content.text.startsWith("ab") and http)'),
      ['/orders', 'ab'],
    )
    assert.deepEqual(
      needles('kfl2:http && response.content.text.contains("ab") && request.path.endsWith("cd")'),
      ['ab', 'cd'],
    )
    for (const text of [
      'request.path.contains("ab") or http',
      '!(request.path.contains("ab"))',
      'request.path.json().x.contains("ab")',
      'request.path.contains("12")',
      'request.path.contains("object")',
      'request.path.contains("a,b")',
      'request.path.contains("é")',
      'request.path.contains("ab") == false',
      'request.method == "ab"',
      'kfl2:request.path.contains("ab") || http',
      'kfl2:!request.path.contains("ab")',
      'kfl2:dns_questions.exists(q, q.contains("ab"))',
      'kfl2:amqp_method.contains("ab")',
      'kfl2:request.path.contains(method)',
      'kfl2:request.path.contains("basic.publish")',
    ])
      assert.deepEqual(needles(text), [], text)
  })
})
