import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { applied, updated } from './managed-fields.ts'
import type { Json } from './object.ts'
import { recordOf } from './object.ts'
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts'
import { Refusal } from './status.ts'

describe('patches of the API server of tests', () => {
  // RFC 7386, appendix A.
  for (const [target, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const)
    test(`merge ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, () => {
      assert.deepEqual(mergePatch(target, patch), result)
    })

  // RFC 6902, appendix A; undefined: refused.
  for (const [target, patch, result] of [
    [{ foo: 'bar' }, { op: 'add', path: '/baz', value: 'qux' }, { foo: 'bar', baz: 'qux' }],
    [{ foo: ['bar', 'baz'] }, { op: 'add', path: '/foo/1', value: 'qux' }, { foo: ['bar', 'qux', 'baz'] }],
    [{ foo: ['bar'] }, { op: 'add', path: '/foo/-', value: ['x'] }, { foo: ['bar', ['x']] }],
    [{ baz: 'qux', foo: 'bar' }, { op: 'remove', path: '/baz' }, { foo: 'bar' }],
    [{ foo: ['bar', 'qux', 'baz'] }, { op: 'remove', path: '/foo/1' }, { foo: ['bar', 'baz'] }],
    [{ baz: 'qux' }, { op: 'replace', path: '/baz', value: 'boo' }, { baz: 'boo' }],
    [
      { a: { b: 1 }, c: {} },
      { op: 'move', from: '/a/b', path: '/c/d' },
      { a: {}, c: { d: 1 } },
    ],
    [{ a: ['x', 'y'] }, { op: 'copy', from: '/a/0', path: '/a/2' }, { a: ['x', 'y', 'x'] }],
    [
      { '/': 9, '~1': 10 },
      { op: 'test', path: '/~01', value: 10 },
      { '/': 9, '~1': 10 },
    ],
    [{ baz: 'qux' }, { op: 'test', path: '/baz', value: 'bar' }, undefined],
    [{ foo: 'bar' }, { op: 'add', path: '/baz/bat', value: 'qux' }, undefined],
    [{ foo: 'bar' }, { op: 'remove', path: '/baz' }, undefined],
    [{ foo: ['a'] }, { op: 'add', path: '/foo/7', value: 'qux' }, undefined],
  ] as const)
    test(`${JSON.stringify(patch)} on ${JSON.stringify(target)}`, () => {
      if (result === undefined) assert.throws(() => jsonPatch(target, [patch]), Refusal)
      else assert.deepEqual(jsonPatch(target, [patch]), result)
    })

  test('strategic merges go by keys, and by what $patch and others say', () => {
    const pod = {
      spec: { containers: [named('a', { image: '1' }), named('b', { image: '1' })], volumes: [named('v')] },
    }
    const merge = (spec: object) => strategicMergePatch(pod, { spec }) as typeof pod
    assert.deepEqual(merge({ containers: [named('b', { image: '2' })] }).spec.containers, [
      named('a', { image: '1' }),
      named('b', { image: '2' }),
    ])
    assert.deepEqual(merge({ containers: [named('a', { $patch: 'delete' })] }).spec.containers, [
      named('b', { image: '1' }),
    ])
    assert.deepEqual(merge({ volumes: [{ $patch: 'replace' }, named('w')] }).spec.volumes, [named('w')])
    assert.deepEqual(
      merge({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }).spec.containers.map(
        ({ name }) => name,
      ),
      ['b', 'a'],
    )
    const held = { metadata: { finalizers: ['a', 'b'] } }
    assert.deepEqual(strategicMergePatch(held, { metadata: { finalizers: ['c'] } }), {
      metadata: { finalizers: ['a', 'b', 'c'] },
    })
    assert.deepEqual(
      strategicMergePatch(held, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }),
      {
        metadata: { finalizers: ['b'] },
      },
    )
    assert.throws(() => merge({ containers: [{ image: '3' }] }), /does not contain declared merge key: name/)
  })
})

describe('server-side apply of the API server of tests', () => {
  test('to apply the same again changes nothing', () => {
    fc.assert(
      fc.property(configs, configs, (first, second) => {
        const one = apply(apply(undefined, 'a', first), 'b', second, true)
        assert.deepEqual(plain(apply(one, 'b', second)), plain(one))
      }),
    )
  })

  test('what one no longer says goes, and nothing of what others say', () => {
    fc.assert(
      fc.property(configs, configs, (first, second) => {
        const mine = apply(undefined, 'a', first)
        const both = apply(mine, 'b', second, true)
        const left = apply(both, 'a', {})
        for (const [key, value] of Object.entries(second)) assert.deepEqual(dataOf(left)[key], value)
        for (const key of Object.keys(first))
          if (!Object.hasOwn(second, key)) assert.ok(!Object.hasOwn(dataOf(left), key))
      }),
    )
  })

  test('who wants another value than its owner is refused, and the same value is shared', () => {
    fc.assert(
      fc.property(configs, configs, (first, second) => {
        const mine = apply(undefined, 'a', first)
        const isOther = Object.entries(second).some(
          ([key, value]) => Object.hasOwn(first, key) && first[key] !== value,
        )
        if (isOther) assert.throws(() => apply(mine, 'b', second), /Apply failed with \d+ conflict/)
        else assert.deepEqual(dataOf(apply(mine, 'b', second)), { ...first, ...second })
      }),
    )
  })

  test('who changes a field owns it from then on', () => {
    fc.assert(
      fc.property(configs, fc.string({ minLength: 1 }), (first, value) => {
        const [key] = Object.keys(first)
        if (key === undefined || first[key] === value) return
        const mine = apply(undefined, 'a', first)
        const changed = updated(mine, { ...mine, data: { ...first, [key]: value } }, by('c'))
        assert.throws(() => apply(changed, 'a', first), /conflict with "c" using v1/)
        assert.deepEqual(dataOf(apply(changed, 'a', first, true)), first)
      }),
    )
  })

  test('elements of lists have owners of their own', () => {
    const containers = (...each: readonly object[]) => ({ spec: { containers: each } })
    const first = applied(undefined, containers(named('web', { image: '1' })), by('a'), false)
    const both = applied(first, containers(named('side', { image: '1' })), by('b'), false)
    assert.deepEqual(both.spec, containers(named('web', { image: '1' }), named('side', { image: '1' })).spec)
    const wrong = containers(named('web', { image: '2' }))
    assert.throws(
      () => applied(both, wrong, by('b'), false),
      /conflict with "a": \.spec\.containers\[name="web"\]\.image/,
    )
    assert.deepEqual(applied(both, {}, by('a'), false).spec, containers(named('side', { image: '1' })).spec)
  })
})

const configs = fc.dictionary(fc.constantFrom('k', 'l', 'm', 'n', 'o'), fc.constantFrom('1', '2'), {
  noNullPrototype: true,
})

function apply(live: Json | undefined, manager: string, data: Json, force = false): Json {
  return applied(live, { metadata: { name: 'x' }, data }, by(manager), force)
}

function by(manager: string) {
  return { manager, apiVersion: 'v1', time: '2026-01-01T00:00:00Z', subresource: '' }
}

function dataOf(object: Json): Json {
  return recordOf(object.data)
}

/** Without the order of those who own fields. */
function plain(object: Json): unknown {
  const { managedFields, ...metadata } = recordOf(object.metadata)
  const managers = Array.isArray(managedFields) ? managedFields.map((each) => JSON.stringify(each)) : []
  return { ...object, metadata: { ...metadata, managedFields: managers.sort() } }
}

function named(name: string, more: object = {}) {
  return { name, ...more }
}
