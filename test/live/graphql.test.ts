import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { buildSchema, getOperationAST, graphql, parse } from 'graphql'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

const schema = buildSchema(`
  type Query { items(first: Int = 1): [Item!]! fails: String }
  type Mutation { add(name: String!): Item }
  type Item { id: ID! name: String }
`)
const rootValue = {
  items: ({ first }: { first: number }) =>
    Array.from({ length: first }, (_, id) => ({ id, name: `item ${id}` })),
  fails: () => {
    throw new Error('on purpose')
  },
  add: ({ name }: { name: string }) => ({ id: 9, name }),
}

/** A server with the reference implementation, that notes what it was asked for; curl and fetch as its clients. */
describe('GraphQL over HTTP/1', () => {
  for (const bodies of [true, false])
    test(`is what the server executed, ${bodies ? 'with bodies' : 'where nobody wants bodies'}`, async (t) => {
      if (!hasTools(t, 'tcpdump', 'curl')) return
      await withFiles({}, async (folder) => {
        const server = await startServer(t)
        const url = `http://127.0.0.1:${server.port}/graphql`
        const path = await captureLoopback(t, folder, `tcp port ${server.port}`, () => ask(url))
        if (path === undefined) return
        const { entries } = await readCapture(path, bodies ? {} : { maxBody: 0 })
        const ours = entries.flatMap(({ request }) => {
          const { graphql } = request as { graphql: Asked | null }
          if (graphql === null) return []
          const all = graphql.batch.length > 0 ? graphql.batch : [graphql]
          return all.map(({ operationType, operationName }) => `${operationType} ${operationName}`)
        })
        assert.deepEqual(ours.sort(), [...server.executed].sort())
        assert.deepEqual(
          entries.map(({ protocol }) => protocol.abbr).filter((abbr) => abbr === 'HTTP').length,
          2,
        )
        const errors = entries.flatMap(
          ({ response }) => (response as { errors: { message: string }[] }).errors,
        )
        assert.deepEqual(
          errors.map(({ message }) => message),
          bodies ? ['on purpose', 'on purpose'] : [],
        )
      })
    })
})

interface Asked {
  readonly operationType: string
  readonly operationName: string
  readonly batch: readonly Asked[]
}

/** As clients do: JSON, several at once, gzip, a document alone, a target, a long one, and what is no GraphQL. */
async function ask(url: string): Promise<void> {
  const send = async (body: string | Buffer, headers: Record<string, string> = {}, target = url) => {
    const type = { 'content-type': 'application/json', ...headers }
    await (await fetch(target, { method: 'POST', headers: type, body: body as string })).text()
  }
  const items = 'query Items($first: Int) { items(first: $first) { id name } }'
  await send(JSON.stringify({ query: items, variables: { first: 3 }, operationName: 'Items' }))
  await send(
    JSON.stringify([
      { query: items },
      { query: 'mutation Add { add(name: "x") { id } }' },
      { query: '{ fails }' },
    ]),
  )
  await send(gzipSync(JSON.stringify({ query: 'query Packed { items { id } }' })), {
    'content-encoding': 'gzip',
  })
  await send('query Alone { items { id } }', { 'content-type': 'application/graphql' })
  await send(JSON.stringify({ query: `query Long { items { id } } # ${'x'.repeat(100_000)}` }))
  await send(JSON.stringify({ query: 'shoes' }), {}, url.replace('graphql', 'search'))
  await send(JSON.stringify({ query: { match_all: {} } }), {}, url.replace('graphql', 'search'))
  const query = new URLSearchParams({ query: 'query InTarget { fails }' })
  await (await fetch(`${url}?${query}`)).text()
  const json = JSON.stringify({ query: 'query Curl { items { id } }' })
  await curl(['-d', json, '-H', 'Content-Type: application/json', url])
  await curl([
    '-d',
    json,
    '-H',
    'Content-Type: application/json',
    '-H',
    'Transfer-Encoding: chunked',
    '--http1.0',
    url,
  ])
}

async function curl(args: readonly string[]): Promise<void> {
  const [code] = await once(spawn('curl', ['-s', ...args], { stdio: 'ignore' }), 'close')
  assert.equal(code, 0)
}

async function startServer(
  t: TestContext,
): Promise<{ readonly port: number; readonly executed: readonly string[] }> {
  const executed: string[] = []
  const execute = async ({
    query,
    operationName,
    variables,
  }: {
    query: string
    operationName?: string
    variables?: object
  }) => {
    const operation = getOperationAST(parse(query), operationName)
    executed.push(`${operation?.operation} ${operation?.name?.value ?? ''}`)
    return await graphql({
      schema,
      rootValue,
      source: query,
      operationName,
      variableValues: variables as never,
    })
  }
  const server = createServer(async (request, response) => {
    const asked = await asksFor(request)
    response.setHeader('content-type', 'application/json')
    if (asked === undefined) response.end('{}')
    else
      response.end(
        JSON.stringify(Array.isArray(asked) ? await Promise.all(asked.map(execute)) : await execute(asked)),
      )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { port: (server.address() as AddressInfo).port, executed }
}

async function asksFor(request: IncomingMessage) {
  const { pathname, searchParams } = new URL(request.url as string, 'http://localhost')
  const sent = await buffer(request)
  if (pathname !== '/graphql') return undefined
  if (request.method === 'GET') return { query: searchParams.get('query') as string }
  const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString()
  return request.headers['content-type'] === 'application/graphql' ? { query: body } : JSON.parse(body)
}
