import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type AnsiSpan, plainText, readAnsi } from './ansi.ts'
import { contrast, fromPalette, SURFACES, shownColours } from './ansi-colours.ts'

const ESC = '\x1b'

describe('a line of the console', () => {
  test('is one piece where nothing is special', () => {
    assert.deepEqual(readAnsi('just text\twith\ttabs\nand lines — ünïcödé 👩'), [
      { text: 'just text\twith\ttabs\nand lines — ünïcödé 👩', style: {} },
    ])
    assert.deepEqual(readAnsi(''), [])
  })

  test('has the sixteen colours, their backgrounds and styles', () => {
    assert.deepEqual(
      readAnsi(`${ESC}[31mred${ESC}[0m plain ${ESC}[1;3;4;92;44mall${ESC}[22;24m some${ESC}[m none`),
      [
        { text: 'red', style: { colour: fromPalette(1) } },
        { text: ' plain ', style: {} },
        {
          text: 'all',
          style: {
            bold: true,
            italic: true,
            underline: true,
            colour: fromPalette(10),
            background: fromPalette(4),
          },
        },
        { text: ' some', style: { italic: true, colour: fromPalette(10), background: fromPalette(4) } },
        { text: ' none', style: {} },
      ],
    )
    assert.deepEqual(styleOf(`${ESC}[2;7;9;105mx`), {
      dim: true,
      inverse: true,
      strike: true,
      background: fromPalette(13),
    })
    assert.deepEqual(styleOf(`${ESC}[2;7;9;31;42m${ESC}[22;27;29;39;49mx`), {})
  })

  test('has 256 colours and all others, with semicolons and with colons', () => {
    assert.deepEqual(styleOf(`${ESC}[38;5;214mx`), { colour: { kind: 'exact', rgb: [255, 175, 0] } })
    assert.deepEqual(styleOf(`${ESC}[38;5;9mx`), { colour: { kind: 'named', index: 9 } })
    assert.deepEqual(styleOf(`${ESC}[48;5;232mx`), { background: { kind: 'exact', rgb: [8, 8, 8] } })
    const exact = { colour: { kind: 'exact', rgb: [1, 2, 3] }, bold: true }
    for (const codes of ['38;2;1;2;3;1', '38:2:1:2:3;1', '38:2::1:2:3;1', '58;2;9;9;9;38;2;1;2;3;1'])
      assert.deepEqual(styleOf(`${ESC}[${codes}mx`), exact, codes)
    assert.deepEqual(styleOf(`${ESC}[4:3mx`), { underline: true })
    assert.deepEqual(styleOf(`${ESC}[4m${ESC}[4:0mx`), {})
  })

  test('takes no harm from colours that are none', () => {
    for (const codes of [
      '38;5;256',
      '38;5',
      '38',
      '38;2;300;0;0',
      '38;9',
      '999',
      '48;2;1',
      '58;5;1',
      '38:5',
      ':::',
    ])
      assert.deepEqual(
        readAnsi(`${ESC}[${codes}mx`).map(({ text }) => text),
        ['x'],
        codes,
      )
    assert.deepEqual(styleOf(`${ESC}[38;9;31mx`), { colour: fromPalette(1), strike: true })
  })

  test('leaves out what else a terminal would obey', () => {
    for (const sequence of [
      `${ESC}[2J`,
      `${ESC}[?25l`,
      `${ESC}[10;10H`,
      `${ESC}]0;title\x07`,
      `${ESC}]8;;https://evil.example${ESC}\\`,
      `${ESC}P1$r0m${ESC}\\`,
      `${ESC}_app${ESC}\\`,
      `${ESC}(B`,
      `${ESC}c`,
      `${ESC}7`,
      '\x9b31m',
      '\x9d0;title\x9c',
    ])
      assert.equal(plainText(`a${sequence}b`), 'ab', JSON.stringify(sequence))
  })

  test('hides nothing behind a sequence that does not end', () => {
    assert.equal(plainText(`${ESC}]0;this stays`), '␛]0;this stays')
    assert.equal(plainText(`${ESC}]0;this\nstays\x07`), '␛]0;this\nstays␇')
    assert.equal(plainText(`x${ESC}[`), 'x␛[')
    assert.equal(plainText(`x${ESC}`), 'x␛')
  })

  test('shows by name what would hide, turn or overwrite text', () => {
    assert.equal(plainText('pass\rfail\b\0\x7f'), 'pass␍fail␈␀␡')
    assert.equal(plainText('one\r\ntwo'), 'one\ntwo')
    assert.equal(plainText('user\u202egnp.exe'), 'user‹U+202E›gnp.exe')
    assert.equal(plainText('a\u2066b\u2069\x1b[31m\u200b'), 'a‹U+2066›b‹U+2069›‹U+200B›')
    assert.equal(plainText('\x85'), '‹U+0085›')
    assert.equal(plainText('half \ud800 a pair'), 'half ‹U+D800› a pair')
  })
})

describe('whatever is printed', () => {
  const alphabet = [
    '\x1b',
    '[',
    ']',
    'm',
    ';',
    ':',
    '3',
    '8',
    '5',
    '\x9b',
    '\x07',
    '\\',
    '\u202e',
    '\r',
    '\n',
    'x',
    '\ud83d',
    '\x9c',
  ]
  const garbage = fc.oneof(
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 80 }),
    fc.string({ unit: 'binary', maxLength: 80 }),
  )

  test('comes out as text that can be seen, with looks that are known', () => {
    fc.assert(
      fc.property(garbage, (text) => {
        const spans = readAnsi(text)
        assert.doesNotMatch(
          spans.map((span) => span.text).join(''),
          /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/u,
        )
        assert.ok(spans.every((span) => span.text.length > 0 && span.text.isWellFormed()))
        assert.ok(spans.flatMap(({ style }) => Object.keys(style)).every((key) => KEYS.has(key)))
      }),
      { numRuns: 2000 },
    )
  })

  test('is the same text with and without its looks', () => {
    fc.assert(fc.property(garbage, (text) => joined(readAnsi(text)) === plainText(text)))
  })

  test('is shown as it is where it has no control characters', () => {
    const plain = fc.string({ unit: 'grapheme-ascii' })
    fc.assert(fc.property(plain, (text) => plainText(text) === text))
  })
})

describe('colours', () => {
  const byte = fc.nat(255)
  const colour = fc.oneof(
    byte.map(fromPalette),
    fc.tuple(byte, byte, byte).map((rgb) => ({ kind: 'exact' as const, rgb })),
  )
  const look = fc.record(
    { colour, background: colour, dim: fc.constant<true>(true), inverse: fc.constant<true>(true) },
    { requiredKeys: [] },
  )

  test('can be read, whatever is asked for, in the dark and in the light', () => {
    fc.assert(
      fc.property(look, fc.constantFrom('dark' as const, 'light' as const), (wanted, scheme) => {
        const { text, behind = SURFACES[scheme] } = shownColours(wanted, scheme)
        assert.ok(text === undefined || contrast(text, behind) >= 4.5)
      }),
      { numRuns: 3000 },
    )
  })

  test('of the sixteen names stay what they are on either surface', () => {
    for (const scheme of ['dark', 'light'] as const)
      for (let index = 0; index < 16; index++) {
        const { text } = shownColours({ colour: fromPalette(index) }, scheme)
        assert.ok(text && contrast(text, SURFACES[scheme]) >= 4.5, `${scheme} ${index}`)
      }
    const { text } = shownColours({ colour: fromPalette(1) }, 'dark')
    assert.ok(text && text[0] > text[1] + 50 && text[0] > text[2] + 50, 'red is red')
  })

  test('stay away where nothing is asked for', () => {
    assert.deepEqual(shownColours({}, 'dark'), {})
  })

  test('are swapped by inverse', () => {
    const { text, behind } = shownColours({ inverse: true }, 'light')
    assert.ok(text && behind && contrast(text, [255, 255, 255]) < 1.5 && contrast(behind, [0, 0, 0]) < 2)
  })
})

function styleOf(text: string): AnsiSpan['style'] | undefined {
  return readAnsi(text)[0]?.style
}

function joined(spans: readonly AnsiSpan[]): string {
  return spans.map(({ text }) => text).join('')
}

const KEYS = new Set(['colour', 'background', 'bold', 'dim', 'italic', 'underline', 'inverse', 'strike'])
