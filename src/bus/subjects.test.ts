import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { token } from '../wire/subjects.ts'
import { openAnswer, packAnswer, packFailure } from './envelope.ts'
import { checkKey, checkPattern, checkSubject, matches } from './subjects.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 40 })

describe('subjects', () => {
  it('take any text as a token, and each text is another one', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        checkSubject(`jobs.${token(one)}`)
        checkKey(`job.${token(one)}`)
        assert.equal(matches(`jobs.${token(one)}`, `jobs.${token(other)}`), token(one) === token(other))
        assert.ok(matches('jobs.*', `jobs.${token(one)}`))
      }),
    )
  })

  it('with holes or wildcards are none', () => {
    for (const subject of ['', '.', 'a.', '.a', 'a..b', 'a b', '*', 'a.>', 'a\n'])
      assert.throws(() => checkSubject(subject), /no subject/)
    for (const pattern of ['', 'a.', '>.a', 'a.>.b', 'a b', 'a*', '>>'])
      assert.throws(() => checkPattern(pattern), /no subject/)
    for (const pattern of ['>', '*', 'a.>', '*.*.>', 'a.*.c']) checkPattern(pattern)
  })
})

describe('an answer', () => {
  it('of any bytes is opened, refused or counted, and never something else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 4 }), (rest, kind) => {
        let malformed = 0
        try {
          const payload = openAnswer(Uint8Array.of(kind, ...rest), 'jobs.a', () => malformed++)
          assert.deepEqual(payload, rest)
          assert.equal(kind, 0)
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof TypeError))
          assert.ok(malformed === 1 || (kind === 2 && rest.length === 0))
        }
        assert.deepEqual(
          openAnswer(packAnswer(rest), 'a', () => assert.fail()),
          rest,
        )
      }),
    )
  })

  it('of a mistake with a very long text is cut', () => {
    assert.ok(packFailure(new Mistake('E_REQUEST', 'x'.repeat(1e6))).length < 20_000)
  })
})
