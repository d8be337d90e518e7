import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { arity, readArguments, signature } from './arguments.ts'
import { jsonText, rest, textOrJson, typed } from './helper.ts'

const webhook = {
  method: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  body: textOrJson.optional(),
  headers: z.record(z.string(), z.string()).default({}),
}

const url = 'http://a.example/'

function complaint(params: Parameters<typeof readArguments>[1], args: unknown[]): string {
  try {
    readArguments('vendor.webhook', params, args)
  } catch (error) {
    assert.ok(error instanceof Mistake)
    assert.equal(error.code, 'E_HELPER_ARGUMENT')
    return error.message
  }
  throw new Error('nothing was complained of')
}

describe('arguments', () => {
  test('are told by name, with marks for optional and further ones', () => {
    assert.equal(signature('vendor.webhook', webhook), 'vendor.webhook(method, url, body?, headers?)')
    assert.equal(signature('console.log', { values: rest(typed('any')) }), 'console.log(...values)')
  })

  test('have whole characters where they are text', () => {
    const args = ['GET\ud800', url, '\udc00\u{1f600}', { 'X-A': '\ud83d' }]
    assert.deepEqual(readArguments('vendor.webhook', webhook, args), {
      ...{ method: 'GET\ufffd', url, body: '\ufffd\u{1f600}', headers: { 'X-A': '\ufffd' } },
    })
  })

  test('are counted: those needed and those looked at', () => {
    assert.deepEqual(arity(webhook), { min: 2, max: 4 })
    assert.deepEqual(arity({}), { min: 0, max: 0 })
    assert.deepEqual(arity({ tag: z.string(), args: rest(typed('any')) }), { min: 1, max: Infinity })
    assert.deepEqual(arity({ data: typed('Entry') }), { min: 1, max: 1 })
  })

  test('become text where text is expected, as in Go', () => {
    const read = readArguments('f', { a: z.string(), b: z.string(), c: z.number() }, [5, true, 5])
    assert.deepEqual(read, { a: '5', b: 'true', c: 5 })
    assert.equal(readArguments('f', webhook, ['PUT', url, 7]).body, '7')
    assert.deepEqual(readArguments('f', webhook, ['PUT', url, '', { n: 1 }]).headers, { n: '1' })
  })

  test('that are null or undefined count as not given', () => {
    const read = readArguments('f', webhook, ['GET', url, null, undefined])
    assert.deepEqual(read, { method: 'GET', url, body: undefined, headers: {} })
    assert.deepEqual(readArguments('f', webhook, ['GET', url, null, { a: null, b: 'x' }]).headers, { b: 'x' })
  })

  test('that are objects where text is expected become JSON only where the helper says so', () => {
    assert.equal(readArguments('f', { content: jsonText }, [{ a: [1] }]).content, '{"a":[1]}')
    assert.equal(readArguments('f', { content: jsonText }, [5]).content, '5')
    assert.equal(
      complaint({ path: z.string() }, [{ a: 1 }]),
      'vendor.webhook(path): path: expected text, found an object',
    )
  })

  test('too many are ignored, and a rest parameter takes all that follow', () => {
    assert.deepEqual(readArguments('f', { a: z.string() }, ['x', 'y']), { a: 'x' })
    assert.deepEqual(readArguments('f', { a: z.string(), b: rest(z.string()) }, ['x', 1, 'y']), {
      a: 'x',
      b: ['1', 'y'],
    })
  })

  test('that do not fit are named with what was expected and a glimpse of what came', () => {
    assert.equal(
      complaint(webhook, ['POST', 5]),
      'vendor.webhook(method, url, body?, headers?): url: expected a URL, found 5',
    )
    assert.equal(
      complaint(webhook, ['POST']),
      'vendor.webhook(method, url, body?, headers?): url: is missing',
    )
    assert.match(complaint(webhook, ['GET', 'ftp://a/']), /url: expected a URL, found "ftp:\/\/a\/"$/)
    assert.match(
      complaint(webhook, ['GET', url, '', { 'X-A': [] }]),
      /headers\["X-A"\]: expected text, found a list$/,
    )
    assert.match(
      complaint({ a: z.union([z.array(z.string()), z.number()]) }, [true]),
      /a: expected a list or a number, found true$/,
    )
  })

  test('with names of their own are converted one by one', () => {
    const options = z.strictObject({ user: z.string().optional(), at: z.number().optional() }).default({})
    const read = (given: unknown) => readArguments('f', { options }, [given]).options
    assert.deepEqual(read({ user: 5, at: null }), { user: '5' })
    assert.deepEqual(read(undefined), {})
    assert.throws(() => read({ user: [] }), {
      message: 'f(options?): options["user"]: expected text, found a list',
    })
    assert.throws(() => read({ usr: 'a' }), {
      message: /^f\(options\?\): options: expected no field called usr,/,
    })
  })

  test('that may be secrets in the wrong place are shown only by their beginning', () => {
    const text = complaint(webhook, ['POST', 'hooks.slack.com/services/T00/B00/very-secret-token'])
    assert.ok(!text.includes('secret'), text)
  })

  test('of any kind are read or refused with a Mistake', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 6 }), (args) => {
        try {
          const read = readArguments('f', webhook, args)
          assert.equal(typeof read.method, 'string')
        } catch (error) {
          assert.ok(error instanceof Mistake)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('named like a prototype stay data', () => {
    const headers = JSON.parse('{"__proto__":"x","constructor":"y"}')
    const read = readArguments('f', { headers: z.record(z.string(), z.unknown()) }, [headers])
    assert.equal(Object.getPrototypeOf(read.headers), Object.prototype)
  })
})
