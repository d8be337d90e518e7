import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileFilter } from '../../filter/index.ts'
import type { HttpRequest, HttpResponse } from '../http/messages.ts'
import { http2 } from './dissector.ts'
import { data, get, headers, post, preface, settings, status } from './test-frames.ts'
import { exchangesOf } from './test-session.ts'

const JSON_TYPE = ['content-type', 'application/json'] as const
const reply = (id: number) => [
  ['server', headers(id, status(200, JSON_TYPE))] as const,
  ['server', data(id, '{"errors":[{"message":"wrong"}]}', true)] as const,
]

describe('GraphQL over HTTP/2', () => {
  for (const context of [
    { wantsBodies: true, maxBody: 1 << 20 },
    { wantsBodies: true, maxBody: 5 },
    { wantsBodies: false, maxBody: 1 << 20 },
  ])
    test(`is told by its body, of streams that come at once: ${JSON.stringify(context)}`, () => {
      const exchanges = exchangesOf(
        [
          ['client', preface],
          ['server', settings()],
          ['client', headers(1, post('/graphql', JSON_TYPE))],
          ['client', headers(3, post('/search', JSON_TYPE))],
          ['client', data(1, '{"query":"query Items ')],
          ['client', data(3, '{"query":"shoes"}', true)],
          ['client', data(1, '{ items { id } }"}', true)],
          ...[...reply(1), ...reply(3)],
          ['client', headers(5, get('/graphql?query={me{id}}'), { ends: true })],
          ...reply(5),
        ],
        context,
      )
      const both = exchanges.map(({ request, response }) => ({
        request: request?.message as HttpRequest,
        response: response?.message as HttpResponse,
      }))
      assert.deepEqual(
        both.map(
          ({ request, response }) => http2.protocols[http2.variant?.(request, response) ?? 0]?.longName,
        ),
        ['GraphQL over HTTP/2.0', 'Hypertext Transfer Protocol Version 2 (HTTP/2)', 'GraphQL over HTTP/2.0'],
      )
      assert.deepEqual(
        both.map(({ request, response }) => http2.summarize(request, response).method),
        ['query Items', 'POST', 'query'],
      )
      const isShown = context.wantsBodies && context.maxBody > 5
      assert.deepEqual(
        both.map(({ response }) => response.errors.length),
        isShown ? [1, 0, 1] : [0, 0, 0],
      )
      assert.equal(
        (both[0]?.request.postData.text.length ?? 0) <= (context.wantsBodies ? context.maxBody : 0),
        true,
      )
      const [{ request }] = both as [(typeof both)[0]]
      const entry = { protocol: http2.protocols[2], request: { graphql: request.graphql }, response: null }
      for (const query of ['gql && gqlv2 && !gqlv1 && http', 'request.graphql.operationName == "Items"'])
        assert.equal(compileFilter(query, { prefer: 'kfl2' }).matches(entry), true, query)
    })
})
