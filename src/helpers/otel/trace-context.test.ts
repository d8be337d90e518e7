import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contextIn, readTraceState } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

// The cases are those of https://github.com/w3c/trace-context/blob/main/test/test.py, as far as they are about reading.
describe('the trace that headers carry', () => {
  test('is that of a traceparent as it is to be', () => {
    const found = { traceId: TRACE, spanId: SPAN, isSampled: true }
    for (const traceparent of [
      `00-${TRACE}-${SPAN}-01`,
      ` 00-${TRACE}-${SPAN}-03\t`,
      `01-${TRACE}-${SPAN}-01`,
      `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`,
    ])
      assert.deepEqual(contextIn({ TraceParent: traceparent }), found, traceparent)
    assert.equal(contextIn({ traceparent: `00-${TRACE}-${SPAN}-02` })?.isSampled, false)
  })

  test('is none where it is malformed, or of zeros alone', () => {
    for (const traceparent of [
      '',
      '00',
      `ff-${TRACE}-${SPAN}-01`,
      `0-${TRACE}-${SPAN}-01`,
      `000-${TRACE}-${SPAN}-01`,
      `.0-${TRACE}-${SPAN}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}0-01`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE}-${SPAN}-x1`,
      `00-${TRACE}-${SPAN}-01-`,
      `00-${TRACE}-${SPAN}-01-more`,
      `cc-${TRACE}-${SPAN}-01.more`,
    ])
      assert.equal(contextIn({ traceparent, tracestate: 'a=1' }), undefined, traceparent)
    const twice = [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`]
    assert.equal(contextIn({ traceparent: twice }), undefined)
  })

  test('has the state that is a list of keys and values, as far as it has to be passed on', () => {
    const same = ['a=1', 'a=1,b@c=2', 'a-_*/=x y', `a=${'x'.repeat(256)}`, `${'k'.repeat(256)}=1`]
    for (const state of same) assert.equal(readTraceState(state), state)
    assert.equal(readTraceState(' a=1 ,\t, b=2 '), 'a=1,b=2')
    for (const state of [
      ...['', ' ', ',', 'a', 'a=', '=1', 'A=1', 'a=1=2', 'a=1;b=2', 'a =1', 'a=\u00fc', 'a=1,b', '!=1'],
      `a=${'x'.repeat(257)}`,
      Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(),
      'a=1\r\nb: 2',
    ])
      assert.equal(readTraceState(state), undefined, state)
    const long = Array.from({ length: 32 }, (_, at) => `k${at}=${'x'.repeat(40)}`)
    const kept = readTraceState(long.join()) ?? ''
    assert.ok(kept.length <= 512 && kept.length > 460)
    assert.ok(long.join().startsWith(`${kept},`))
    assert.deepEqual(contextIn({ traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: ['a=1', 'b=2'] }), {
      ...{ traceId: TRACE, spanId: SPAN, isSampled: false, traceState: 'a=1,b=2' },
    })
    assert.equal(
      contextIn({ traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'no state' })?.traceState,
      undefined,
    )
  })
})
