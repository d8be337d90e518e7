import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { entryProtocols } from '../../dissectors/index.ts'
import { ask, startTestApi } from '../../testing/api.ts'
import {
  type FilterFields,
  type FilterVerdict,
  filterFields,
  filterVerdict,
  type ProtocolsView,
  protocolsView,
} from '../../wire/filters.ts'

const A = '/api/v1'

describe('what a filter box and a detail view need', () => {
  test('every protocol is described with its colours and its fields', async (t) => {
    const { url } = await startTestApi(t)
    const { protocols, common }: ProtocolsView = protocolsView.parse(
      (await ask(url, 'GET', `${A}/protocols`)).body,
    )
    assert.deepEqual(
      protocols.map(({ name }) => name),
      entryProtocols.map(({ name }) => name),
    )
    const [http] = protocols
    assert.partialDeepStrictEqual(http?.protocols[0], { abbr: 'HTTP', backgroundColor: '#326de6' })
    assert.equal(http?.response.fields?.content?.fields?.mimeType?.type, 'string')
    assert.equal(http?.request.fields?.graphql?.nullable, true)
    assert.notEqual(common.src?.fields?.ip?.doc, '')
  })

  test('both languages have their words', async (t) => {
    const { url } = await startTestApi(t)
    const { kfl1, kfl2 }: FilterFields = filterFields.parse(
      (await ask(url, 'GET', `${A}/filter/fields`)).body,
    )
    assert.ok(kfl1.some(({ label }) => label === 'response.status'))
    assert.ok(kfl2.some(({ label }) => label === 'status_code'))
  })

  test('a filter is judged in the language that entries are asked in', async (t) => {
    const { url } = await startTestApi(t)
    const judge = async (q: string): Promise<FilterVerdict> =>
      filterVerdict.parse((await ask(url, 'GET', `${A}/filter/validate?q=${encodeURIComponent(q)}`)).body)
    assert.deepEqual(await judge('http'), { valid: true, message: '', language: 'kfl2', warnings: [] })
    assert.deepEqual(await judge('http and ('), {
      valid: false,
      message: '1:11: unexpected end of the filter',
      language: 'kfl1',
      at: { offset: 10, length: 0 },
      warnings: [],
    })
    assert.equal((await judge('nothing_like_it')).valid, false)
    const old = await ask(url, 'GET', '/api/query/validate?q=http%20and%20(')
    assert.deepEqual(old.body, { valid: false, message: '1:11: unexpected end of the filter' })
  })
})
