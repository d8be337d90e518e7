import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeEntry } from './index.ts'
import { SeenEntry } from './seen.ts'

const REPEATED = 60_000

/** Attributes of an entry, as its span has them. */
function attributesOf(entry: object, side: 'client' | 'server' = 'server') {
  return describeEntry(new SeenEntry(entry), { side, query: 'sanitized' }).attributes
}

const http = (url: string) => ({
  protocol: { name: 'http', abbr: 'HTTP' },
  request: { method: 'GET', url, headers: {} },
})
const graphql = (query: string) => ({
  protocol: { name: 'http', abbr: 'GQL' },
  request: { method: 'POST', url: '/graphql', headers: {}, graphql: { query } },
})
const mysql = (query: string) => ({ protocol: { name: 'mysql' }, request: { command: 'COM_QUERY', query } })
const mongodb = (filter: unknown) => ({
  protocol: { name: 'mongodb' },
  request: { command: 'find', collection: 'items', body: { find: 'items', filter } },
})

// Each of these took seconds to hours when time grew with more than the length. Whoever sends traffic chooses it.
describe('what the conventions make of hostile traffic takes no longer', () => {
  test('for queries without an end or a name', () => {
    for (const part of ['x', '=', '&', 'a=', '&&=']) attributesOf(http(`/?${part.repeat(REPEATED)}`))
  })

  test('for documents with text that is left open', () => {
    for (const part of ['"', '"\\', '"""', '"""\\', '"a\n', '1.', '1e'])
      attributesOf(graphql(part.repeat(REPEATED)))
  })

  test('for statements with comments that are left open, or are one long word', () => {
    for (const query of [
      '/* '.repeat(REPEATED),
      `/* ${'a'.repeat(REPEATED)} */`,
      `/*${"a='".repeat(REPEATED)}*/`,
    ])
      attributesOf(mysql(query), 'client')
  })

  test('for lists in lists', () => {
    let filter: unknown = 'x'
    for (let depth = 0; depth < 200; depth++) filter = [filter]
    attributesOf(mongodb(filter), 'client')
  })

  test('and still shows no values', () => {
    assert.equal(
      attributesOf(http('/cart?a=1&token=t&b&sig=x=y'))['url.query'],
      'a=1&token=REDACTED&b&sig=REDACTED',
    )
    assert.equal(
      attributesOf(
        graphql('mutation { login(name: "a\\"b", pin: 12, text: """x "y" z""", password: "hunter2'),
      )['graphql.document'],
      'mutation { login(name: "?", pin: ?, text: "?", password: "?"',
    )
    assert.equal(
      attributesOf(mongodb({ $or: [{ a: 1 }, { a: 2 }, { b: ['x'] }] }), 'client')['db.query.text'],
      '{"find":"items","filter":{"$or":[{"a":"?"},{"b":["?"]}]}}',
    )
  })
})
