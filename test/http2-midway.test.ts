import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../src/entry/entry.ts'
import { corpusOrSkip } from '../src/testing/corpus.ts'
import { readCapture } from '../src/testing/read-capture.ts'

/** What a connection in HTTP/2 says is mostly in tables that both ends build up: who has missed some must not guess. */
test('whatever is missed of HTTP/2, nothing wrong is told of the rest', async (t) => {
  for (const { path, name, group } of corpusOrSkip(t)) {
    if (group !== 'http2' && group !== 'grpc') continue
    const whole = new Map((await readCapture(path)).entries.map((entry) => [placeOf(entry), toldOf(entry)]))
    const { length } = [...whole]
    let told = 0
    for (const [what, isLost] of losses()) {
      const { entries } = await readCapture(path, {}, isLost)
      for (const entry of entries) {
        if (entry.protocol.version !== '2.0') continue
        const truth = whole.get(placeOf(entry))
        const { values } = toldOf(entry)
        for (const [field, value] of values) {
          assert.equal(value, truth?.values.get(field), `${name}, ${what}: ${field} of ${placeOf(entry)}`)
          told++
        }
      }
    }
    assert.ok(told > length, `${name}: ${told} values`)
  }
})

/** A packet here and there; all before one. */
function losses(): (readonly [string, (packet: number) => boolean])[] {
  return [
    ...[1, 2, 3, 5, 8, 13, 21, 34, 55, 89].map(
      (first) => [`joined at ${first}`, (packet: number) => packet < first] as const,
    ),
    ...[2, 3, 5, 7, 11, 29].flatMap((nth) =>
      [0, 1].map(
        (offset) => [`losing ${offset} of ${nth}`, (packet: number) => packet % nth === offset] as const,
      ),
    ),
  ]
}

/** Its stream within its connection, which keeps its number though others are lost. */
function placeOf({ src, dst, matcherKey, protocol }: Entry): string {
  const [client, server] = [src.port, dst.port].sort((a, b) => Number(b) - Number(a))
  return `${client} ${server} ${protocol.version === '2.0' ? matcherKey : ''}`
}

/** Everything that is known of it; what is not is left out. */
function toldOf({ request, response }: Entry): { readonly values: ReadonlyMap<string, unknown> } {
  const values = new Map<string, unknown>()
  for (const [side, message] of [
    ['request', request],
    ['response', response],
  ] as const) {
    if (message === null) continue
    const { method, path, status, headers, grpcStatus } = message as Fields
    const known = { method, path, status, grpcStatus, ...(headers as Fields) }
    for (const [name, value] of Object.entries(known))
      if (value !== undefined && value !== '' && value !== 0 && value !== null)
        values.set(`${side} ${name}`, value)
  }
  return { values }
}

interface Fields {
  readonly [name: string]: unknown
}
