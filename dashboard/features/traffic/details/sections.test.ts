import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goldenEntries } from '../../../../src/testing/entry-json.ts'
import { valueAt } from '../../../components/filter-box/clause.ts'
import { emptyCount, type Section, sectionsOf, titleOf } from './sections.ts'

const names = (sections: readonly Section[]) =>
  sections.map((each) =>
    each.kind === 'values'
      ? `${each.title}: ${each.values.map(({ name }) => name).join(' ')}`
      : `${each.title} (${each.kind})`,
  )

const REQUEST = {
  headers: { Host: 'a', Accept: '*/*' },
  path: '/a',
  method: 'GET',
  cookies: {},
  postData: { text: '{"a":1}', encoding: '', mimeType: 'application/json', truncated: true },
  list: [{ deep: 1 }],
  bodySize: 0,
  incomplete: false,
}

test('a message is shown in the order of its schema, headers and bodies in parts of their own', () => {
  const shape = { fields: { method: { doc: 'Method' }, path: {} } }
  const sections = sectionsOf(REQUEST, ['request'], { shape })
  assert.deepEqual(names(sections), [
    ': method path bodySize',
    'Headers: Host Accept',
    'Post data (body)',
    'List (tree)',
  ])
  const [first, , body] = sections
  assert.equal(first?.kind === 'values' && first.values[0]?.doc, 'Method')
  assert.deepEqual(body?.kind === 'body' && body.body, {
    path: ['request', 'postData', 'text'],
    text: '{"a":1}',
    encoding: '',
    mimeType: 'application/json',
    isTruncated: true,
  })
  assert.equal(emptyCount(REQUEST), 2)
  assert.ok(
    names(sectionsOf(REQUEST, ['request'], { shape, isWhole: true }))
      .join()
      .includes('incomplete'),
  )
})

test('a text with its encoding beside it is a body, and so is what is called so, and what is long', () => {
  assert.deepEqual(names(sectionsOf({ payload: 'YQ==', payloadEncoding: 'base64' }, [])), ['Payload (body)'])
  assert.deepEqual(names(sectionsOf({ body: 'YQ==' }, [])), ['Body (body)'])
  assert.deepEqual(names(sectionsOf({ query: 'select 1\nfrom a' }, [])), ['Query (body)'])
  assert.deepEqual(names(sectionsOf({ query: 'select 1' }, [])), [': query'])
})

test('what is no object is shown as it is, and nothing where there is nothing', () => {
  assert.deepEqual(sectionsOf(null, []), [])
  assert.deepEqual(names(sectionsOf([1], [])), ['Value (tree)'])
  assert.deepEqual(names(sectionsOf('text', [])), ['Value (tree)'])
})

test('every value of every entry is in a part, under the path where it is', async () => {
  for (const text of (await goldenEntries()).filter((_, at) => at % 5 === 0)) {
    const entry: Record<string, unknown> = JSON.parse(text)
    for (const side of ['request', 'response', 'data']) {
      const sections = sectionsOf(entry[side], [side], { isWhole: true })
      const seen = new Set<string>()
      for (const section of sections) {
        if (section.kind === 'values')
          for (const { path, value } of section.values) {
            assert.deepEqual(valueAt(entry, path), value)
            seen.add(String(path[1]))
          }
        else seen.add(String((section.kind === 'body' ? section.body.path : section.path)[1]))
      }
      for (const name of Object.keys(entry[side] ?? {}))
        assert.ok(seen.has(name) || name.endsWith('Encoding'), `${side}.${name}`)
    }
  }
})

test('names of fields are read as words', () => {
  assert.deepEqual(['queryString', 'headers', 'ja3', 'clientID', 'postData'].map(titleOf), [
    'Query string',
    'Headers',
    'Ja3',
    'Client ID',
    'Post data',
  ])
})
