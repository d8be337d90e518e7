import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { helperArity } from '../../helpers/dispatch.ts'
import { HOOKS } from '../../helpers/hooks.ts'
import { namespaces } from '../../helpers/index.ts'
import { type Language, parseAgent } from './gate.ts'
import { lintAgent } from './lint.ts'

/** What each script is told, as `line:column severity rule: message`. */
const CASES: Readonly<Record<string, readonly [source: string, ...told: string[]]>> = {
  'hooks with a slip in their name': [
    'function onItemCapture(d) {}',
    '1:10 error unknown-hook: there is no hook onItemCapture; did you mean onItemCaptured?',
  ],
  'hooks with a slip that are assigned': [
    'onPodEvents = function () {}\nvar onHubActions = function () {}',
    '1:1 error unknown-hook: there is no hook onPodEvents; did you mean onPodEvent?',
    '2:5 error unknown-hook: there is no hook onHubActions; did you mean onHubAction?',
  ],
  'functions that only look like hooks': [
    'function onError(e) {}\nonError(1)\nvar online = 1\nfunction f() { function onInner() {} return onInner }\nf()',
  ],
  'hooks that are no functions': [
    'var onItemCaptured = 5',
    '1:5 warning hook-not-a-function: onItemCaptured is no function: it is not called',
  ],
  'hooks that may be functions': [
    'function make() {}\nvar onItemCaptured = make()\nvar onPodEvent; onPodEvent = function () {}',
  ],
  'helpers with a slip in their name': [
    'vendor.webhok("GET", "u")\nkfl.matches("x")',
    '1:1 error unknown-helper: there is no helper vendor.webhok; did you mean vendor.webhook?',
    '2:1 error unknown-helper: there is no helper kfl.matches; did you mean kfl.match?',
  ],
  'helpers that the script has itself': [
    'function f(vendor) { vendor.anything() }\nf({})\nvar file = { read: f }\nfile.anything()',
  ],
  'too few and too many arguments': [
    'vendor.webhook("GET")\nkfl.match("a", {}, 1)\nvar a = []\n',
    '1:1 error arguments: vendor.webhook needs 2 arguments, and gets 1',
    '2:1 warning arguments: kfl.match takes 2 arguments, and gets 3',
  ],
  'names of env without env': [
    'console.log(SLACK_AUTH_TOKEN)',
    '1:13 warning undeclared: SLACK_AUTH_TOKEN is not declared; did you mean env.SLACK_AUTH_TOKEN?',
  ],
  'bits where truth is meant': [
    'var active = true\nif (active & env.S3_BUCKET) console.log(1)\nwhile (!(active | env.X)) break',
    '2:5 warning bitwise-condition: & combines bits; did you mean &&?',
    '3:10 warning bitwise-condition: | combines bits; did you mean ||?',
  ],
  'bits that are meant': [
    'function onPacketCaptured(i) { var M = 4; if (i.tcpFlags & 2) M = 1; if (i.tcpFlags & M) return; M = i.a & i.b }',
  ],
  milliseconds: [
    'function onItemCaptured(d) { if (d.elapsedTime > 500 || 20 < d.ElapsedTime) return }',
    '1:34 warning elapsed-time-unit: elapsedTime is in microseconds: 500 is 0.5 ms',
    '1:57 warning elapsed-time-unit: elapsedTime is in microseconds: 20 is 0.02 ms',
  ],
  microseconds: ['function onItemCaptured(d) { if (d.elapsedTime === 0 || d.elapsedTime > 500000) return }'],
  'String.match': [
    'String.match("http", {})',
    '1:1 warning string-match: String.match is no function; did you mean kfl.match?',
  ],
  'names that are not there': [
    'var counts = {}\nfunction f() { return count.x }\nf(); f(inner)\nfunction g() { var inner }',
    '2:23 warning undeclared: count is not declared; did you mean counts?',
    '3:8 warning undeclared: inner is not declared',
  ],
  'names that are there one way or another': [
    'total = 1\nthis.shared = 2\nconsole.log(total, shared, JSON, Math.PI, typeof nothing, f)\nfunction f(a) { try { return arguments[0] + a } catch (e) { return e } }\nfor (var k in {}) k\nx: for (;;) break x',
  ],
}

describe('the linter', () => {
  for (const [name, [source, ...told]] of Object.entries(CASES))
    test(`knows ${name}`, () => {
      assert.deepEqual(lint(source), told)
    })

  test('knows variables of newer JavaScript, and that spread arguments cannot be counted', () => {
    const source =
      'const { a, b: [c] } = {}; for (const d of [a, c]) { let e = d; console.log(e, (f) => f, class G {}) }\nconsole.log(b)\nkfl.match(...[])'
    assert.deepEqual(lint(source, 'modern'), ['2:13 warning undeclared: b is not declared'])
  })
})

function lint(source: string, language: Language = 'es5'): string[] {
  return lintAgent(parseAgent(source, { language, file: 'a.js' }), {
    file: 'a.js',
    hooks: HOOKS,
    helpers: helperArity(namespaces),
    env: ['SLACK_AUTH_TOKEN'],
  }).map(({ line, column, severity, rule, message }) => `${line}:${column} ${severity} ${rule}: ${message}`)
}
