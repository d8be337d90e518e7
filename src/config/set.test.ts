import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { type Assignment, parseSet } from './set.ts'

describe('--set', () => {
  const cases: readonly [string, readonly [Assignment['path'], unknown][]][] = [
    ['a=1', [[['a'], 1]]],
    ['a.b[0]=c', [[['a', 'b', 0], 'c']]],
    ['a[1][2].b=c', [[['a', 1, 2, 'b'], 'c']]],
    [
      'a=1,b.c=x',
      [
        [['a'], 1],
        [['b', 'c'], 'x'],
      ],
    ],
    ['a={b,1,true}', [[['a'], ['b', 1, true]]]],
    [
      'a={b,c},d=e',
      [
        [['a'], ['b', 'c']],
        [['d'], 'e'],
      ],
    ],
    ['a={}', [[['a'], []]]],
    ['a={{1,2},{3}}', [[['a'], [[1, 2], [3]]]]],
    ['a\\.b.c=x', [[['a.b', 'c'], 'x']]],
    ['a=x\\,y', [[['a'], 'x,y']]],
    ['a={x\\,y,z}', [[['a'], ['x,y', 'z']]]],
    ['a=b=c', [[['a'], 'b=c']]],
    ['a=', [[['a'], '']]],
    ['a=null', [[['a'], null]]],
    ['a=\\{x', [[['a'], '{x']]],
    [
      'a=x{y,b=1',
      [
        [['a'], 'x{y'],
        [['b'], 1],
      ],
    ],
    ['a=C:\\\\dir', [[['a'], 'C:\\dir']]],
  ]
  for (const [source, expected] of cases)
    test(`reads ${source}`, () => {
      assert.deepEqual(
        parseSet(source),
        expected.map(([path, value]) => ({ path, value })),
      )
    })

  test('gives values the types of YAML, and text where YAML would lose something', () => {
    const types = { 1: 1, '-7': -7, 1.5: 1.5, '1e3': 1000, '.5': 0.5, true: true, False: false, '~': null }
    for (const [text, value] of Object.entries(types))
      assert.deepEqual(parseSet(`a=${text}`), [{ path: ['a'], value }])
    for (const text of [
      '007',
      '12345678901234567890',
      'a: b',
      '# x',
      '*x',
      '- x',
      '"x"',
      'yes',
      '1.2.3',
      '0x',
    ])
      assert.deepEqual(parseSet(`a=${text}`), [{ path: ['a'], value: text }])
  })

  test('keeps everything as text with --set-string', () => {
    assert.deepEqual(parseSet('a=1,b={2,true}', true), [
      { path: ['a'], value: '1' },
      { path: ['b'], value: ['2', 'true'] },
    ])
  })

  test('refuses what is no assignment', () => {
    for (const source of [
      '',
      'a',
      '=1',
      'a,b=1',
      'a=1,',
      'a[x]=1',
      'a[-1]=1',
      'a[=1',
      '.a=1',
      'a..b=1',
      '[0]=1',
      'a={b',
      'a[99999]=1',
    ])
      assert.throws(() => parseSet(source), Mistake, source)
  })

  test('reads back any name and any text that was escaped', () => {
    const escaped = (text: string) => text.replace(/[\\.,=[\]{}]/g, '\\$&')
    const name = fc.string({ minLength: 1 }).filter((text) => text.trim() === text)
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string()), { minLength: 1, maxLength: 5 }), (pairs) => {
        const source = pairs.map(([key, value]) => `${escaped(key)}=${escaped(value)}`).join(',')
        assert.deepEqual(
          parseSet(source, true),
          pairs.map(([key, value]) => ({ path: [key], value })),
        )
      }),
    )
  })
})
