import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { placeOfCall } from '../host/place.ts'
import { edited } from './edits.ts'
import { parseAgent } from './gate.ts'
import { ignoredResults } from './ignored-results.ts'

const HELPERS = new Set(['vendor.slack', 'vendor.kinesis.put'])

function marked(text: string): string {
  const program = parseAgent(text, { language: 'es5', file: 'a.js' })
  return edited(program.source, ignoredResults(program, HELPERS)).source.replaceAll(
    /__remora_ignored\(\d+\)/g,
    '!',
  )
}

describe('calls whose answer is not looked at', () => {
  test('are statements, also behind a condition', () => {
    assert.equal(marked('vendor.slack(1)'), 'vendor.slack.!(1)')
    assert.equal(marked('a && vendor.kinesis.put(1)'), 'a && vendor.kinesis.put.!(1)')
    assert.equal(
      marked('a ? vendor.slack(1) : vendor.kinesis . put (2)'),
      'a ? vendor.slack.!(1) : vendor.kinesis . put.! (2)',
    )
    assert.equal(
      marked('function f() { if (a) vendor.slack(1), vendor.slack(2); void vendor.slack(3) }'),
      'function f() { if (a) vendor.slack.!(1), vendor.slack.!(2); void vendor.slack.!(3) }',
    )
  })

  test('are known by where an error in them would arise', () => {
    const source = '\n  if (a) vendor.slack(1); vendor.kinesis\n    .put(2)'
    const edits = ignoredResults(parseAgent(source, { language: 'es5', file: 'a.js' }), HELPERS)
    const places = edits.map(({ text }) => placeOfCall(Number(/\d+/.exec(text)?.[0])))
    assert.deepEqual(places, [
      { line: 2, column: 17 },
      { line: 3, column: 6 },
    ])
  })

  test('are not those whose value goes somewhere', () => {
    for (const text of [
      'var a = vendor.slack(1)',
      'f(vendor.slack(1))',
      'function f() { return vendor.slack(1) }',
      'if (vendor.slack(1)) a()',
      'vendor.slack(1) && a()',
      'a = vendor.slack(1)',
      'vendor.slack(1).b()',
      'vendor["slack"](1)',
      'vendor.webhook(1)',
      'other.vendor.slack(1)',
    ])
      assert.equal(marked(text), text)
  })

  test('may be in a try that only prints what it catches', () => {
    const prints = (call: string) =>
      `try { if (a) { ${call} } } catch (e) { console.error("no", e); console.log(e) }`
    assert.equal(marked(prints('vendor.slack(1)')), prints('vendor.slack.!(1)'))
    assert.equal(marked('try { vendor.slack(1) } catch (e) {}'), 'try { vendor.slack.!(1) } catch (e) {}')
    assert.equal(
      marked('try { vendor.slack(1) } finally { a() }'),
      'try { vendor.slack.!(1) } finally { a() }',
    )
    assert.equal(
      marked('try { a() } catch (e) { vendor.slack(e); failed = true }'),
      'try { a() } catch (e) { vendor.slack.!(e); failed = true }',
    )
  })

  test('are waited for in a try that does more', () => {
    for (const text of [
      'try { vendor.slack(1) } catch (e) { failed = true }',
      'try { try { vendor.slack(1) } finally {} } catch (e) { console.log(e); n++ }',
      'try { a.forEach(f); vendor.slack(1) } catch (e) { retry(e) }',
    ])
      assert.equal(marked(text), text)
    assert.equal(
      marked('try { go(function () { vendor.slack(1) }) } catch (e) { n++ }'),
      'try { go(function () { vendor.slack.!(1) }) } catch (e) { n++ }',
    )
  })

  test('are left alone where the name may mean something else', () => {
    for (const text of [
      'var vendor = mine; vendor.slack(1)',
      'function f(vendor) { vendor.slack(1) }',
      'vendor = mine; vendor.slack(1)',
      'vendor.slack = f; vendor.slack(1)',
      'delete vendor.slack; vendor.slack(1)',
      'change(vendor); vendor.slack(1)',
      'eval(a); vendor.slack(1)',
      'with (a) vendor.slack(1)',
      'for (vendor in a) vendor.slack(1)',
      'var a = { vendor: vendor }; vendor.slack(1)',
    ])
      assert.equal(marked(text), text)
    assert.equal(
      marked('var a = { vendor: 1, b: a.vendor }; vendor.slack(1)'),
      'var a = { vendor: 1, b: a.vendor }; vendor.slack.!(1)',
    )
  })
})
