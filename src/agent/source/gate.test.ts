import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AgentSyntaxMistake, type Language, parseAgent } from './gate.ts'

const LANGUAGES = ['es5', 'modern'] as const

describe('the gate', () => {
  test('lets sloppy ES5 pass as it is', () => {
    const sources = [
      'var red = "\\033[31m"',
      'var red = "\u001b[31m"',
      '// title\n"use strict"; var a = 1',
      'run(); function run() { path = 1 }',
      'with ({}) { }',
      'var a = 010, b = { a: 1, a: 2 }; delete a',
      'function f(a, a) { return arguments }',
      '\ufeffvar a',
      'if (1) { function f() {} }',
      'throw new Error("not here")',
      '',
    ]
    for (const source of sources)
      for (const language of LANGUAGES)
        assert.equal(parseAgent(source, { language, file: 'a.js' }).source, source)
  })

  test('honours strict mode', () => {
    assert.match(refused('"use strict"; with ({}) {}', 'es5').message, /strict mode/)
    assert.match(refused('/* title */ "use strict"; var a = "\\033"', 'es5').message, /strict mode/)
  })

  test('names the place, shows the line and points at it', () => {
    const { message, hint, line, column } = refused('var a = 1\r\n\tvar b = ;\r\n', 'es5', 'dir/a.js')
    assert.equal(message, 'dir/a.js:2:10: Unexpected token')
    assert.deepEqual([line, column], [2, 10])
    assert.equal(hint, '2 |  var b = ;\n  |          ^')
  })

  test('shows only what is near in a very long line', () => {
    const { message, hint = '' } = refused(`${'a;'.repeat(5000)}%;${'b;'.repeat(5000)}`, 'es5')
    assert.match(message, /^a\.js:1:10001:/)
    const [line = '', caret = ''] = hint.split('\n')
    assert.ok(line.length < 140)
    assert.equal(line[caret.indexOf('^')], '%')
  })

  test('says how to allow newer JavaScript, where that is all that is wrong', () => {
    for (const source of [
      'let a = 1',
      'var f = (x) => x',
      'var s = `x`',
      'class A {}',
      'var a = b?.c',
      'for (var a of []) {}',
    ])
      assert.match(
        refused(source, 'es5').hint ?? '',
        /scripting\.language: modern \(--set scripting\.language=/,
      )
    for (const source of ['let = = 1', 'var a = {', 'async function f() { await }'])
      assert.doesNotMatch(refused(source, 'es5').hint ?? '', /modern/)
  })

  test('lets newer JavaScript pass where it is allowed', () => {
    const source =
      'const f = ({ a, ...b }) => a ?? b?.c; class A { #x = 1; static { } } function* g() { yield* [] } var s = "\\033"'
    assert.equal(parseAgent(source, { language: 'modern', file: 'a.js' }).source, source)
  })

  test('refuses whatever would have to wait', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['async function f() {}', /^a\.js:1:1: agents are synchronous: an async function/],
      ['var f = 1; f = async () => 1', /^a\.js:1:16: .*async function/],
      ['var f = async () => { await f }', /^a\.js:1:\d+: agents are synchronous/],
      ['var o = { async m() {} }', /async function/],
      ['var a = import("x")', /^a\.js:1:9: .*import\(\)/],
      ['await f()', /^a\.js:1:/],
    ]
    for (const [source, message] of cases) assert.match(refused(source, 'modern').message, message)
  })

  test('refuses modules in so many words', () => {
    for (const language of LANGUAGES)
      for (const source of [
        'var a\nimport b from "b"',
        'var a\nexport function f() {}',
        'var a\nexport default 1',
      ])
        assert.match(
          refused(source, language).message,
          /^a\.js:2:1: agents are scripts without import and export/,
        )
  })

  test('refuses return at the top level, and tricks with brackets', () => {
    assert.match(refused('var a\nreturn a', 'es5').message, /^a\.js:2:1: 'return' outside of function$/)
    assert.match(refused('}); (function () {', 'modern').message, /^a\.js:1:1: /)
  })

  test('refuses what is nested too deeply to be read', () => {
    for (const language of LANGUAGES) {
      assert.match(refused('['.repeat(100_000), language).message, /stack space/)
      for (const depth of [1200, 4500, 5200])
        assert.match(refused(`var a\nvar b = ${'a + '.repeat(depth)}a`, language).message, /^a\.js:2:\d+: /)
    }
  })

  test('takes types out of .ts files and leaves everything else in its place', () => {
    const source = 'const a: string = "x"\ninterface B { c: number }\nfunction f(x?: number): void {}\n'
    const { source: stripped } = parseAgent(source, { language: 'modern', file: 'a.ts' })
    assert.equal(stripped.length, source.length)
    assert.equal(stripped.indexOf('"x"'), source.indexOf('"x"'))
    assert.doesNotMatch(stripped, /string|interface/)
  })

  test('names the place of what is wrong with types', () => {
    const { message, hint = '' } = refused('let a = 1\n\tenum A { B }', 'modern', 'a.ts')
    assert.match(message, /^a\.ts:2:2: .*enum/)
    assert.match(hint, /2 \| {2}enum A[\s\S]*no enums/)
    assert.match(refused('let a\n\tlet b: number = ;', 'modern', 'a.ts').message, /^a\.ts:2:18: /)
    assert.match(refused('let a: number = 1\nlet b = 08n', 'modern', 'a.ts').message, /^a\.ts:2:/)
  })

  test('reads what the header grants, and says where it is wrong or too late', () => {
    const source = '// Title\n// @allow hosts a.example\nvar text = "// @allow paths none"\n'
    assert.deepEqual(parseAgent(source, { language: 'es5', file: 'a.js' }).grants, { hosts: ['a.example'] })
    const unknown = refused('// Title\n// @allow host a.example\n', 'es5')
    assert.match(unknown.message, /^a\.js:2:4: @allow host: there is no such kind of grant/)
    assert.match(unknown.hint ?? '', /Did you mean @allow hosts\?/)
    const late = refused('var a = 1\n/*\n * @rate vendor.slack 1/min\n */\n', 'es5')
    assert.match(late.message, /^a\.js:2:1: grants stand before the code/)
  })
})

function refused(source: string, language: Language, file = 'a.js'): AgentSyntaxMistake {
  try {
    parseAgent(source, { language, file })
  } catch (error) {
    assert.ok(error instanceof AgentSyntaxMistake, String(error))
    assert.equal(error.code, 'E_AGENT_SYNTAX')
    return error
  }
  assert.fail(`passes: ${source}`)
}
