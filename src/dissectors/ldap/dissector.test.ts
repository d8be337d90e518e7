import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Paired, Side } from '../../dissect/dissector.ts'
import { compileFilter, type FilterLanguage } from '../../filter/index.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { type Chunk as Followed, follow } from '../../testing/follow.ts'
import { readCapture } from '../../testing/read-capture.ts'
import { cldap, ldap } from './dissector.ts'
import { DEEPEST_FILTER, LONGEST_FILTER } from './filter.ts'
import { LONGEST_WAITED_FOR } from './parsers.ts'
import {
  bind,
  element,
  entry,
  enumerated,
  flag,
  integer,
  message,
  result,
  saslBind,
  sealed,
  search,
  sequence,
  set,
  signed,
  text,
} from './test-messages.ts'

type Chunk = readonly [Side, Uint8Array | number | null]
type Fields = Readonly<Record<string, unknown>>

/** All exchanges with all fields of their messages as plain values. */
function read(chunks: readonly Chunk[], context = { wantsBodies: true, maxBody: 1 << 20 }, isWhole = true) {
  const { exchanges, switched, invalid } = feed(ldap, chunks, context, { isWhole })
  return { exchanges: exchanges.map(plain), switched, invalid }
}

function plain({ request, response, error }: Paired) {
  return {
    request: fieldsOf(ldap.request.fields, request?.message),
    response: fieldsOf(ldap.response.fields, response?.message),
    sizes: [request?.size, response?.size],
    error: error?.msg,
  }
}

function fieldsOf(shape: Fields, each: object | undefined): Fields | null {
  if (each === undefined) return null
  return Object.fromEntries(Object.keys(shape).map((name) => [name, (each as Fields)[name]]))
}

/** The fields of a request that are not what they are by default. */
function request(bytes: Uint8Array): Fields {
  const { exchanges } = read([['client', bytes]])
  const fields = Object.entries(exchanges[0]?.request ?? {})
  const isSet = (value: unknown) => !['""', '0', 'false', '[]', '{}'].includes(JSON.stringify(value))
  return Object.fromEntries(fields.filter(([, value]) => isSet(value)))
}

function response(bytes: Uint8Array, asked = search(1)): Fields {
  const { exchanges } = read([
    ['client', asked],
    ['server', bytes],
  ])
  return exchanges[0]?.response ?? {}
}

const some = (fields: Fields | null | undefined, ...names: readonly string[]) =>
  names.map((name) => fields?.[name])
/** `Search Request dc=x → Search Result Done 0 (2)` */
const told = ({ exchanges }: ReturnType<typeof read>) =>
  exchanges.map(({ request: asked, response: answered, error }) => {
    const reply = answered && `${answered.type} ${answered.resultCode} (${answered.entryCount})`
    return `${asked?.type ?? '-'} ${asked?.dn ?? ''} → ${reply ?? '-'}${error === undefined ? '' : ` ${error}`}`
  })

describe('a request', () => {
  test('to bind says who it is and how, and never with what', () => {
    assert.deepEqual(request(bind(1)), {
      type: 'Bind Request',
      messageId: 1,
      dn: 'cn=admin',
      version: 3,
      authentication: 'simple',
    })
    assert.equal(request(bind(1, '', '')).authentication, 'anonymous')
    assert.equal(request(bind(1, 'cn=a', '')).authentication, 'unauthenticated')
    assert.deepEqual(some(request(saslBind(1, 'GSSAPI')), 'authentication', 'mechanism'), ['SASL', 'GSSAPI'])
    const ntlm = message(1, 0x60, [integer(3), text('NTLM'), element(0x8a, 'NTLMSSP secret')])
    assert.deepEqual(some(request(ntlm), 'authentication', 'mechanism'), ['Sicily', 'NTLM'])
    for (const bytes of [bind(1), saslBind(1, 'PLAIN'), ntlm])
      assert.doesNotMatch(JSON.stringify(read([['client', bytes]])), /secret/)
  })

  test('to search says where, for what, and what of it is wanted', () => {
    const paged = sequence(text('1.2.840.113556.1.4.319'), flag(true), text(sequence(integer(100), text(''))))
    const bytes = message(
      7,
      0x63,
      [
        text('ou=a,dc=x'),
        enumerated(1),
        enumerated(3),
        integer(10),
        integer(20),
        flag(true),
        element(0x87, 'cn'),
        sequence(text('cn'), text('*')),
      ],
      paged,
      sequence(text('1.2.3')),
    )
    assert.deepEqual(request(bytes), {
      type: 'Search Request',
      messageId: 7,
      dn: 'ou=a,dc=x',
      scope: 'singleLevel',
      derefAliases: 'derefAlways',
      sizeLimit: 10,
      timeLimit: 20,
      typesOnly: true,
      filter: '(cn=*)',
      attributes: ['cn', '*'],
      controls: [
        { oid: '1.2.840.113556.1.4.319', name: 'Paged Results', critical: true, size: 100 },
        { oid: '1.2.3', name: '', critical: false },
      ],
    })
  })

  test('to change something says what; passwords are hidden', () => {
    const attribute = (name: string, ...values: (string | Buffer)[]) =>
      sequence(text(name), set(...values.map(text)))
    const add = message(2, 0x68, [
      text('cn=a'),
      sequence(
        attribute('cn', 'a', 'ä'),
        attribute('photo', Buffer.of(0, 255)),
        attribute('userPassword;x', 'secret'),
      ),
    ])
    assert.deepEqual(request(add), {
      type: 'Add Request',
      messageId: 2,
      dn: 'cn=a',
      attributes: ['cn', 'photo', 'userPassword;x'],
      entry: { cn: ['a', 'ä'], photo: [{ base64: 'AP8=' }], 'userPassword;x': ['[REDACTED]'] },
    })
    const change = (operation: number, each: Buffer) => sequence(enumerated(operation), each)
    const modify = message(3, 0x66, [
      text('cn=a'),
      sequence(
        change(2, attribute('unicodePwd', 'secret')),
        change(1, attribute('mail')),
        change(0, attribute('sn', 'b')),
      ),
    ])
    assert.deepEqual(request(modify).changes, [
      { operation: 'replace', attribute: 'unicodePwd', values: ['[REDACTED]'] },
      { operation: 'delete', attribute: 'mail', values: [] },
      { operation: 'add', attribute: 'sn', values: ['b'] },
    ])
    assert.deepEqual(request(message(4, 0x4a, 'cn=a,dc=x')), {
      type: 'Del Request',
      messageId: 4,
      dn: 'cn=a,dc=x',
    })
    const move = message(5, 0x6c, [text('cn=a'), text('cn=b'), flag(true), element(0x80, 'ou=c')])
    assert.deepEqual(request(move), {
      type: 'Modify DN Request',
      messageId: 5,
      dn: 'cn=a',
      newRdn: 'cn=b',
      deleteOldRdn: true,
      newSuperior: 'ou=c',
    })
    const compare = (name: string, value: string) =>
      message(6, 0x6e, [text('cn=a'), sequence(text(name), text(value))])
    assert.deepEqual(some(request(compare('sn', 'b')), 'attribute', 'value'), ['sn', 'b'])
    assert.equal(request(compare('userPassword', 'secret')).value, '[REDACTED]')
  })

  test('may be an extension, or an end', () => {
    const extended = (oid: string, ...value: Buffer[]) => message(8, 0x77, [element(0x80, oid), ...value])
    assert.deepEqual(request(extended('1.3.6.1.4.1.4203.1.11.3')), {
      type: 'Extended Request',
      messageId: 8,
      oid: '1.3.6.1.4.1.4203.1.11.3',
      oidName: 'Who am I?',
    })
    const passwords = sequence(element(0x80, 'cn=a'), element(0x81, 'secret'), element(0x82, 'secret'))
    const change = request(extended('1.3.6.1.4.1.4203.1.11.1', element(0x81, passwords)))
    assert.deepEqual(some(change, 'oidName', 'dn'), ['Password Modify', 'cn=a'])
    assert.doesNotMatch(JSON.stringify(change), /secret/)
    assert.deepEqual(request(message(9, 0x42, '')), { type: 'Unbind Request', messageId: 9 })
    assert.deepEqual(request(message(9, 0x50, '\x07')), {
      type: 'Abandon Request',
      messageId: 9,
      abandonedId: 7,
    })
  })

  test('may have all its lengths in four bytes', () => {
    const operation = [
      element(0x02, Buffer.of(3), true),
      element(0x04, 'cn=a', true),
      element(0x80, 'x', true),
    ]
    const content = Buffer.concat([
      element(0x02, Buffer.of(1), true),
      element(0x60, Buffer.concat(operation), true),
    ])
    assert.deepEqual(some(request(element(0x30, content, true)), 'type', 'dn', 'version'), [
      'Bind Request',
      'cn=a',
      3,
    ])
  })
})

describe('a filter', () => {
  const filterOf = (filter: Buffer) => request(search(1, '', filter)).filter
  const word = fc.constantFrom('cn', 'objectClass', '1.2.3', 'name;lang-de')
  const value = fc
    .string({ unit: 'binary-ascii', maxLength: 6 })
    .map((each): [string, string] => [
      each,
      each.replace(/[\p{Cc}*()\\]/gu, (c) => `\\${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
    ])
  const assertion = fc
    .tuple(fc.constantFrom(['=', 0xa3], ['>=', 0xa5], ['<=', 0xa6], ['~=', 0xa8] as const), word, value)
    .map(([[sign, tag], name, [raw, shown]]): [string, Buffer] => [
      `(${name}${sign}${shown})`,
      element(tag as number, Buffer.concat([text(name), text(raw)])),
    ])
  const present = word.map((name): [string, Buffer] => [`(${name}=*)`, element(0x87, name)])
  const substrings = fc
    .tuple(word, fc.option(value), fc.array(value, { maxLength: 2 }), fc.option(value))
    .filter(([, initial, any, final]) => initial !== null || any.length > 0 || final !== null)
    .map(([name, initial, any, final]): [string, Buffer] => {
      const parts = [
        ...(initial === null ? [] : [element(0x80, initial[0])]),
        ...any.map(([raw]) => element(0x81, raw)),
        ...(final === null ? [] : [element(0x82, final[0])]),
      ]
      const shown = [initial?.[1] ?? '', ...any.map(([, each]) => each), final?.[1] ?? ''].join('*')
      return [`(${name}=${shown})`, element(0xa4, Buffer.concat([text(name), sequence(...parts)]))]
    })
  const { filter } = fc.letrec<{ filter: [string, Buffer] }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small' },
      assertion,
      present,
      substrings,
      fc
        .tuple(fc.constantFrom('&', '|'), fc.array(tie('filter'), { maxLength: 3 }))
        .map(([sign, parts]): [string, Buffer] => [
          `(${sign}${parts.map(([shown]) => shown).join('')})`,
          element(sign === '&' ? 0xa0 : 0xa1, Buffer.concat(parts.map(([, bytes]) => bytes))),
        ]),
      tie('filter').map(([shown, bytes]): [string, Buffer] => [`(!${shown})`, element(0xa2, bytes)]),
    ),
  }))

  test('is shown as RFC 4515 writes it', () => {
    fc.assert(
      fc.property(filter, ([shown, bytes]) => {
        if (shown.length < 1000) assert.equal(filterOf(bytes), shown)
      }),
    )
    const extensible = (...parts: Buffer[]) => element(0xa9, Buffer.concat(parts))
    const all = [
      element(0x81, '2.5.13.5'),
      element(0x82, 'cn'),
      element(0x83, 'v'),
      element(0x84, Buffer.of(255)),
    ]
    assert.equal(filterOf(extensible(...all)), '(cn:dn:2.5.13.5:=v)')
    assert.equal(filterOf(extensible(element(0x82, 'cn'), element(0x83, '*'))), '(cn:=\\2a)')
    const binary = element(0xa3, Buffer.concat([text('objectGUID'), text(Buffer.of(0xff, 0x61, 0))]))
    assert.equal(filterOf(binary), '(objectGUID=\\ffa\\00)')
    const password = element(0xa3, Buffer.concat([text('userPassword'), text('secret')]))
    assert.equal(filterOf(password), '(userPassword=[REDACTED])')
  })

  test('is shown to a depth and a length', () => {
    let deep = element(0x87, 'cn')
    for (let depth = 0; depth < 5000; depth++) deep = element(0xa2, deep)
    const shown = String(filterOf(deep))
    assert.equal(shown, `${'(!'.repeat(DEEPEST_FILTER + 1)}(…)${')'.repeat(DEEPEST_FILTER + 1)}`)
    const wide = element(0xa1, Buffer.concat(Array.from({ length: 10_000 }, () => element(0x87, 'cn'))))
    assert.ok(String(filterOf(wide)).length < LONGEST_FILTER + 100)
  })
})

describe('a reply', () => {
  test('has a code and what the server says', () => {
    const failed = message(1, 0x65, [
      enumerated(10),
      text('dc=x'),
      text('elsewhere'),
      element(0xa3, Buffer.concat([text('ldap://a/'), text('ldap://b/')])),
    ])
    assert.deepEqual(
      some(response(failed), 'type', 'resultCode', 'result', 'matchedDn', 'diagnosticMessage', 'referrals'),
      ['Search Result Done', 10, 'referral', 'dc=x', 'elsewhere', ['ldap://a/', 'ldap://b/']],
    )
    assert.equal(response(result(1, 0x65, 77)).result, '77')
    const whoAmI = message(1, 0x78, [enumerated(0), text(''), text(''), element(0x8b, 'dn:cn=a')])
    assert.deepEqual(some(response(whoAmI), 'type', 'value'), ['Extended Response', 'dn:cn=a'])
  })

  test('to a search has the entries that came before it', () => {
    const reference = message(1, 0x73, [text('ldap://c/')])
    const partial = message(1, 0x79, [element(0x80, '1.3.6.1.4.1.4203.1.9.1.4')])
    const parts = [entry(1, 'cn=a'), entry(1, 'cn=b', Buffer.of(255)), reference, partial, result(1, 0x65)]
    const { exchanges } = read([
      ['client', search(1)],
      ['server', Buffer.concat(parts)],
    ])
    assert.equal(exchanges.length, 1)
    assert.deepEqual(
      some(
        exchanges[0]?.response,
        'entryCount',
        'entries',
        'references',
        'intermediateCount',
        'truncated',
        'incomplete',
      ),
      [
        2,
        [
          { dn: 'cn=a', attributes: { cn: ['v'] } },
          { dn: 'cn=b', attributes: { cn: [{ base64: '/w==' }] } },
        ],
        ['ldap://c/'],
        1,
        false,
        false,
      ],
    )
    assert.deepEqual(exchanges[0]?.sizes, [search(1).length, Buffer.concat(parts).length])
  })

  test('finds its request by number, however replies are mixed', () => {
    const mixed = read([
      ['client', Buffer.concat([search(1, 'a'), search(2, 'b'), bind(3)])],
      [
        'server',
        Buffer.concat([
          entry(2, 'x'),
          entry(1, 'y'),
          result(3, 0x61),
          entry(2, 'z'),
          result(2, 0x65),
          result(1, 0x65, 4),
        ]),
      ],
    ])
    assert.deepEqual(told(mixed), [
      'Bind Request cn=admin → Bind Response 0 (0)',
      'Search Request b → Search Result Done 0 (2)',
      'Search Request a → Search Result Done 4 (1)',
    ])
  })

  test('may be missing, late, or said unasked', () => {
    const notice = message(0, 0x78, [
      enumerated(52),
      text(''),
      text('bye'),
      element(0x8a, '1.3.6.1.4.1.1466.20036'),
    ])
    const odd = read([
      ['client', Buffer.concat([search(1, 'a'), search(2, 'b'), search(1, 'c'), message(3, 0x50, '\x02')])],
      ['server', Buffer.concat([entry(1, 'x'), result(9, 0x61), notice])],
      ['client', message(4, 0x42, '')],
    ])
    assert.deepEqual(told(odd), [
      'Search Request a → - the reply was not captured',
      'Abandon Request  → -',
      '-  → Bind Response 0 (0) reply without a request',
      '-  → Extended Response 52 (0)',
      'Unbind Request  → -',
      'Search Request b → - abandoned by the client',
      'Search Request c →  0 (1)',
    ])
    assert.deepEqual(some(odd.exchanges[6]?.response, 'incomplete', 'result'), [true, ''])
    const row = ldap.summarize(null, odd.exchanges[3]?.response as never)
    assert.deepEqual(
      [row.method, row.summary, row.status],
      ['Extended Response', 'Notice of Disconnection', 52],
    )
  })

  test('that is missing is missed also when the number is used again at the very end', () => {
    const { exchanges } = follow(
      [ldap],
      [
        ['client', search(1, 'a')],
        ['client', search(1, 'b')],
      ],
    )
    assert.deepEqual(
      exchanges.map(({ request, error }) => [(request as Fields | null)?.dn, error?.msg]),
      [
        ['a', 'the reply was not captured'],
        ['b', 'closed without a reply'],
      ],
    )
  })

  test('keeps so many entries as a body may have bytes, and counts the others', () => {
    const parts = [...Array.from({ length: 3000 }, (_, n) => entry(1, `cn=${n}`)), result(1, 0x65)]
    const chunks: Chunk[] = [
      ['client', search(1)],
      ['server', Buffer.concat(parts)],
    ]
    const kept = (context: Parameters<typeof read>[1]) => {
      const found = read(chunks, context).exchanges[0]?.response
      return [found?.entryCount, (found?.entries as unknown[] | undefined)?.length, found?.truncated]
    }
    assert.deepEqual(kept({ wantsBodies: true, maxBody: 1 << 20 }), [3000, 1000, true])
    assert.deepEqual(kept({ wantsBodies: true, maxBody: 100 }), [3000, 3, true])
    assert.deepEqual(kept({ wantsBodies: false, maxBody: 1 << 20 }), [3000, 0, true])
  })
})

describe('when memory is short', () => {
  const found = Array.from({ length: 10 }, (_, n) => entry(1, `cn=${n}`, Buffer.alloc(4000, 0x61)))
  const half = entry(1, 'cn=half')
  const begun: readonly Followed[] = [
    ['client', search(1)],
    ['server', Buffer.concat(found)],
  ]
  const endOf = (script: readonly Followed[]) => {
    const [{ request: asked, response: answered } = {}] = follow([ldap], script).exchanges
    const { entries } = (answered ?? {}) as { entries?: readonly { readonly dn: string }[] }
    const names = entries?.map(({ dn }) => dn)
    return [!!asked, names, ...some(answered as Fields, 'entryCount', 'truncated', 'incomplete')]
  }

  test('what was found so far is counted only, and the search goes on', () => {
    const last: Followed = ['server', Buffer.concat([entry(1, 'cn=last'), result(1, 0x65)])]
    assert.deepEqual(endOf([...begun, ['server', 'evict'], last]), [true, ['cn=last'], 11, true, false])
    // In the middle of an entry, too.
    const cut: readonly Followed[] = [...begun, ['server', half.subarray(0, 10)], ['server', 'evict']]
    const rest: Followed = ['server', half.subarray(10)]
    assert.deepEqual(endOf([...cut, rest, last]), [true, ['cn=half', 'cn=last'], 12, true, false])
  })

  test('nothing is held any more, however the side lets go', () => {
    for (const letGo of ['shed', 'end'] as const) {
      const { client, server } = ldap.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
      client.next(search(1), 0, search(1).length)
      for (const each of found) server.next(each, 0, each.length)
      assert.ok((server.held ?? 0) > 40_000)
      server[letGo]?.(false)
      assert.equal(server.held, 0, letGo)
    }
  })

  test('requests without a reply are given up, the oldest first', () => {
    const add = (id: number) =>
      message(id, 0x68, [text('cn=a'), sequence(sequence(text('a'), set(text(Buffer.alloc(1_000_000)))))])
    const { exchanges } = follow(
      [ldap],
      [bind(1), ...Array.from({ length: 20 }, (_, at) => add(2 + at))].map((each) => ['client', each]),
    )
    assert.deepEqual(
      exchanges.map(({ request, error }) => [(request as Fields | null)?.messageId, error?.msg]),
      Array.from({ length: 21 }, (_, at) => [
        1 + at,
        at < 5 ? 'the reply was not captured' : 'closed without a reply',
      ]),
    )
  })

  test('few entries stay where a side is cut off', () => {
    const few = Buffer.concat([entry(1, 'cn=a'), half.subarray(0, 10)])
    assert.deepEqual(
      endOf([
        ['client', search(1)],
        ['server', few],
      ]),
      [true, ['cn=a'], 1, false, true],
    )
  })
})

describe('a long message', () => {
  const photo = Buffer.alloc(2_000_000, 1)
  const pieces = (side: Side, bytes: Buffer, size: number) =>
    Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, at): Chunk => [side, bytes.subarray(at * size, (at + 1) * size)],
    )

  for (const size of [1448, 100_000, 1 << 30])
    test(`is not held as a whole: ${size} bytes at once`, () => {
      const add = message(1, 0x68, [
        text('cn=a'),
        sequence(sequence(text('cn'), set(text('a'))), sequence(text('photo'), set(text(photo)))),
      ])
      const answer = Buffer.concat([entry(2, 'cn=a', photo), entry(2, 'cn=b'), result(2, 0x65)])
      const { exchanges, invalid } = read([
        ...pieces('client', Buffer.concat([add, search(2)]), size),
        ['server', result(1, 0x69)],
        ...pieces('server', answer, size),
      ])
      assert.equal(invalid, undefined)
      assert.deepEqual(
        exchanges.map(({ request: asked, response: answered, sizes }) => [
          ...some(asked, 'type', 'dn', 'truncated'),
          answered?.entryCount,
          sizes,
        ]),
        [
          ['Add Request', 'cn=a', true, 0, [add.length, result(1, 0x69).length]],
          ['Search Request', 'dc=x', false, 2, [search(2).length, answer.length]],
        ],
      )
      assert.ok(LONGEST_WAITED_FOR < photo.length)
    })
})

describe('behind StartTLS', () => {
  const ask = message(1, 0x77, [element(0x80, '1.3.6.1.4.1.1466.20037')])
  const hello = Buffer.from('16030100c8010000c40303', 'hex')

  test('there is TLS, if the server agrees', () => {
    const agreed = read([
      ['client', ask],
      ['server', result(1, 0x78)],
      ['client', hello],
    ])
    assert.deepEqual(
      [told(agreed), agreed.switched],
      [['Extended Request  → Extended Response 0 (0)'], 'tls'],
    )
    const refused = read([
      ['client', ask],
      ['server', result(1, 0x78, 2)],
      ['client', bind(2)],
      ['server', result(2, 0x61)],
    ])
    assert.deepEqual([told(refused).length, refused.switched], [2, undefined])
  })

  test('also when what the server said was not seen', () => {
    const { switched } = read([
      ['client', ask],
      ['client', hello],
    ])
    assert.equal(switched, 'tls')
    assert.match(
      String(
        read([
          ['client', bind(1)],
          ['client', hello],
        ]).invalid,
      ),
      /no LDAP message/,
    )
  })
})

describe('a security layer of SASL', () => {
  const login: readonly Chunk[] = [
    ['client', saslBind(1, 'GSSAPI')],
    ['server', result(1, 0x61)],
  ]
  const answer = [entry(2, 'cn=a'), entry(2, 'cn=b'), result(2, 0x65)]

  for (const [name, wrap] of [
    ['Kerberos', (each: Buffer) => signed(each, false)],
    ['Kerberos, rotated', (each: Buffer) => signed(each, true)],
    [
      'Kerberos of old',
      (each: Buffer) => {
        const token = Buffer.concat([
          Buffer.from('060b2a864886f712010202', 'hex').fill(0, 0, 0),
          Buffer.from('02011100ffffffff', 'hex'),
          Buffer.alloc(24, 7),
          each,
          Buffer.of(1),
        ])
        token[1] = 9
        return sealed(element(0x60, token))
      },
    ],
    [
      'NTLM',
      (each: Buffer) => sealed(Buffer.concat([Buffer.from('01000000aabbccddeeff001100000000', 'hex'), each])),
    ],
    ['DIGEST-MD5', (each: Buffer) => sealed(Buffer.concat([each, Buffer.alloc(16, 9)]))],
  ] as const)
    test(`that only signs is read: ${name}`, () => {
      for (const parts of [[Buffer.concat(answer)], answer]) {
        const stream = Buffer.concat(parts.map(wrap))
        for (let size = 1; size < stream.length; size += 7) {
          const cut = Array.from(
            { length: Math.ceil(stream.length / size) },
            (_, at): Chunk => ['server', stream.subarray(at * size, (at + 1) * size)],
          )
          assert.deepEqual(told(read([...login, ['client', wrap(search(2))], ...cut])), [
            'Bind Request  → Bind Response 0 (0)',
            'Search Request dc=x → Search Result Done 0 (2)',
          ])
        }
      }
    })

  test('that encrypts is passed over', () => {
    const noise = (length: number) =>
      sealed(Buffer.concat([Buffer.from('050407ff0000001c', 'hex'), Buffer.alloc(length, 0x30)]))
    const stream = Buffer.concat([noise(60), noise(100_000), noise(200)])
    const { exchanges, invalid } = read([
      ...login,
      ['client', stream],
      ['server', stream.subarray(0, 5000)],
      ['server', stream.subarray(5000)],
      ['client', message(3, 0x42, '')],
    ])
    assert.deepEqual([exchanges.length, invalid], [2, undefined])
  })

  test('is none where nobody logged in with SASL', () => {
    assert.match(
      String(
        read([
          ['client', bind(1)],
          ['client', signed(search(2), false)],
        ]).invalid,
      ),
      /no LDAP message/,
    )
    assert.equal(read([['client', signed(search(2), true)]], undefined, false).exchanges.length, 1)
    const wrapped = signed(search(2), true)
    assert.equal(ldap.resumes?.(wrapped, 0, wrapped.length, 'client'), true)
  })
})

describe('it is recognised', () => {
  const probe = (bytes: Uint8Array, from: Side = 'client') => ldap.probe(bytes, 0, bytes.length, from)

  test('by any message, from either side', () => {
    for (const bytes of [
      bind(1),
      search(100),
      message(5, 0x42, ''),
      message(5, 0x50, '\x01'),
      message(3, 0x4a, 'cn=a'),
    ]) {
      assert.equal(probe(bytes), 'match')
      assert.equal(probe(bytes, 'server'), 'reject')
      for (let end = 1; end < bytes.length; end++) assert.notEqual(probe(bytes.subarray(0, end)), 'reject')
    }
    for (const bytes of [result(1, 0x61), entry(1, 'cn=a'), result(1, 0x65, 32), message(1, 0x79, '')]) {
      assert.equal(probe(bytes, 'server'), 'match')
      assert.equal(probe(bytes), 'reject')
    }
  })

  test('and nothing else is', () => {
    const snmp = sequence(
      integer(1),
      text('public'),
      element(0xa0, Buffer.concat([integer(1), integer(0), integer(0), sequence()])),
    )
    const kerberos = element(0x6a, sequence(element(0xa1, integer(5))))
    const changed = (at: number, byte: number, bytes = bind(1)) => {
      const copy = Buffer.from(bytes)
      copy[at] = byte
      return copy
    }
    for (const bytes of [
      snmp,
      kerberos,
      changed(1, 0x80),
      changed(1, 3),
      changed(2, 4),
      changed(3, 5),
      changed(5, 0x62),
      changed(6, 0x7f),
      changed(7, 0x04),
      changed(10, 0x80),
      Buffer.concat([bind(1), Buffer.from('something')]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('0000000d06000000', 'hex'),
    ])
      for (const from of ['client', 'server'] as const)
        assert.equal(probe(bytes, from), 'reject', bytes.toString('hex'))
  })
})

describe('laws', () => {
  const session: readonly (readonly [Side, Buffer])[] = [
    ['client', bind(1)],
    ['server', result(1, 0x61)],
    ['client', Buffer.concat([search(2), search(3, 'ou=b')])],
    ['server', Buffer.concat([entry(2, 'cn=a'), entry(3, 'cn=b'), result(2, 0x65), result(3, 0x65)])],
    ['client', message(4, 0x42, '')],
  ]

  test('exchanges are the same however they are cut', () => {
    const whole = read(session).exchanges
    assert.equal(whole.length, 4)
    for (let size = 1; size < 60; size++) {
      const cut = session.flatMap(([side, bytes]) =>
        Array.from(
          { length: Math.ceil(bytes.length / size) },
          (_, at): Chunk => [side, bytes.subarray(at * size, (at + 1) * size)],
        ),
      )
      assert.deepEqual(read(cut).exchanges, whole, `${size} bytes at once`)
    }
  })

  test('changed, cut and random bytes are read without an exception', () => {
    const all = [
      ...session.map(([, bytes]) => bytes),
      saslBind(5, 'GSSAPI'),
      signed(search(6), true),
      signed(entry(6, 'x'), false),
    ]
    const piece = fc.oneof(
      fc
        .tuple(fc.constantFrom(...all), fc.nat(), fc.integer({ min: 0, max: 255 }))
        .map(([bytes, at, byte]) => {
          const copy = Buffer.from(bytes)
          copy[at % copy.length] = byte
          return copy
        }),
      fc.tuple(fc.constantFrom(...all), fc.nat()).map(([bytes, at]) => bytes.subarray(at % bytes.length)),
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 300 }),
      fc.constant(null),
    )
    const chunk = fc.tuple(fc.constantFrom<Side[]>('client', 'server'), piece)
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), fc.boolean(), (chunks, isWhole) => {
        JSON.stringify(read(chunks, undefined, isWhole))
      }),
      { numRuns: 1500 },
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom<Side[]>('client', 'server'),
        (bytes, from) => {
          assert.notEqual(ldap.probe(bytes, 0, bytes.length, from), 'match')
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('hostile messages take time in proportion to their length, and no memory for what they only announce', () => {
    let deep = element(0x87, 'cn')
    for (let depth = 0; depth < 20_000; depth++) deep = element(0xa0, deep)
    const deepest = search(1, '', deep)
    const many = message(1, 0x68, [
      text('cn=a'),
      sequence(...Array.from({ length: 20_000 }, () => sequence(text('a'), set(text('b'))))),
    ])
    const drip = Buffer.concat(Array.from({ length: 5000 }, () => bind(1)))
    const drops = Array.from(drip, (byte): Chunk => ['client', Uint8Array.of(byte)])
    const signedOnes = sealed(Buffer.concat(Array.from({ length: 20_000 }, () => message(3, 0x50, '\x01'))))
    const huge = Buffer.from('30840300000002010160840200000002010304', 'hex')

    const started = process.cpuUsage()
    request(deepest)
    request(many)
    read(drops)
    const { exchanges } = follow(
      [ldap],
      [
        ['client', saslBind(1, 'DIGEST-MD5')],
        ['client', signedOnes],
      ],
    )
    assert.equal(exchanges.length, 20_001)
    assert.deepEqual(read([['client', huge]]).exchanges, [])
    assert.ok(cpuMsSince(started) < 5000)
  })
})

test('datagrams are read one by one', () => {
  const netlogon = message(1, 0x64, [
    text(''),
    sequence(sequence(text('Netlogon'), set(text(Buffer.of(23, 0, 255))))),
  ])
  const { messages, invalid } = feed(cldap, [
    ['client', search(1, '')],
    ['server', Buffer.concat([netlogon, result(1, 0x65)])],
    ['client', search(2, '')],
    ['server', entry(2, 'cn=a')],
    ['server', result(2, 0x65)],
  ])
  assert.equal(invalid, undefined)
  assert.deepEqual(
    messages.map(({ side, id, message: each }) => [
      side,
      id,
      (each as Fields).type,
      (each as Fields).entryCount,
    ]),
    [
      ['client', 1, 'Search Request', undefined],
      ['server', 1, 'Search Result Done', 1],
      ['client', 2, 'Search Request', undefined],
      ['server', 2, 'Search Result Done', 1],
    ],
  )
  assert.deepEqual((messages[1] as { message: Fields }).message.entries, [
    { dn: '', attributes: { Netlogon: [{ base64: 'FwD/' }] } },
  ])
})

test('datagrams with entries that have no end are not kept', () => {
  const many = Array.from(
    { length: 100 },
    (_, n): Chunk => ['server', entry(1 + n, 'cn=a', Buffer.alloc(60_000, 0x61))],
  )
  const { messages } = feed(cldap, [...many, ...many.map((_, n): Chunk => ['server', result(1 + n, 0x65)])])
  const replies = messages.map(({ message: each }) => each as Fields)
  assert.ok(replies.every(({ entryCount }) => entryCount === 1))
  assert.ok(replies.filter(({ truncated }) => truncated === false).length < 6)
})

test('entries have a row, and are found by the filters of both languages', async () => {
  const path = new URL('../../../test/captures/ldap-openldap.pcap', import.meta.url).pathname
  const { entries } = await readCapture(path)
  const count = (filter: string, prefer: FilterLanguage) => {
    const compiled = compileFilter(filter, { prefer })
    return entries.filter((each) => compiled.matches(each)).length
  }
  const rows = JSON.parse(readFileSync(path.replace('.pcap', '.entries.json'), 'utf8')) as Fields[]
  const searches = rows.filter(({ method }) => method === 'Search Request').length
  assert.equal(count('ldap', 'kfl1'), rows.length)
  assert.equal(count('ldap && ldap_type == "Search Request"', 'kfl2'), searches)
  assert.equal(count('ldap_summary == "dc=nowhere" && ldap_result_code == 32', 'kfl2'), 1)
  assert.equal(count('ldap_scope == "baseObject" && ldap_filter == "(objectclass=*)"', 'kfl2'), 1)
  const row = entries.find(({ base }) => base.status === 66)?.base
  assert.deepEqual(row, {
    method: 'Del Request',
    methodQuery: 'request.type == "Del Request"',
    summary: 'ou=people,dc=example,dc=org',
    summaryQuery: 'request.dn == "ou=people,dc=example,dc=org"',
    status: 66,
    statusQuery: 'response.resultCode == 66',
  })
  assert.equal(count(`${row?.methodQuery} and ${row?.summaryQuery} and ${row?.statusQuery}`, 'kfl1'), 1)
})
