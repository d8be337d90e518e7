import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dissectors, entryProtocols } from '../dissectors/index.ts'
import { random } from '../testing/mutate.ts'
import { recordFrames, replayFrames } from '../testing/recorded.ts'
import { Entry, type EntryProtocol } from './entry.ts'
import { decodeRow, encodeRow, type LayoutField, layoutsOf } from './layout.ts'
import { EntryTexts } from './text.ts'
import { textWriterOf } from './text-writer.ts'

const ORIGIN = {
  worker: '10.0.0.1:48999',
  node: { ip: '10.0.0.1', name: 'node "one"' },
  backend: 'af_packet',
  nameOf: (ip: string) => (ip.endsWith('1') ? 'näme\u2028\\' : undefined),
}

describe('an entry as text', () => {
  test('is what JSON.stringify makes of it, of every protocol of the sample', async () => {
    const sample = fileURLToPath(new URL('../../samples/sample.pcap', import.meta.url))
    const { exchanges } = replayFrames(await recordFrames(sample, 100_000), dissectors)
    const texts = new EntryTexts(entryProtocols, ORIGIN)
    assert.ok(exchanges.length > 100)
    for (const exchange of exchanges) {
      const protocol: EntryProtocol = exchange.dissector
      const fields = layoutsOf(protocol, new Set(['*']))[exchange.variant]?.fields ?? []
      const plain = decodeRow(fields, encodeRow(fields, new Entry(exchange, ORIGIN)))
      assert.equal(texts.of(exchange), JSON.stringify(plain))
    }
  })

  test('is what JSON.stringify makes of it, whatever is in its fields', () => {
    const next = random(7)
    for (let round = 0; round < 300; round++) {
      const fields = fieldsOf(next, 3)
      const write = textWriterOf(fields)
      for (let at = 0; at < 10; at++) {
        const { given, plain } = givenAndPlain(next, fields)
        assert.equal(write(given), JSON.stringify(plain))
      }
    }
  })
})

function fieldsOf(next: () => number, depth: number): LayoutField[] {
  return Array.from({ length: Math.floor(next() * 6) }, (_, at): LayoutField => {
    const name = next() < 0.2 ? `"quoted\\ ${at}` : `field${at}`
    if (next() < 0.3) return { kind: 'constant', name, value: oneOf(next) }
    if (depth > 0 && next() < 0.3) return { kind: 'node', name, fields: fieldsOf(next, depth - 1) }
    return { kind: 'leaf', name, form: 'deep' }
  })
}

/** An object in another order and with more in it than is to be written, and what is to be written. */
function givenAndPlain(next: () => number, fields: readonly LayoutField[]) {
  const given: Record<string, unknown> = { more: 1 }
  const plain: Record<string, unknown> = {}
  for (const field of fields)
    if (field.kind === 'constant') plain[field.name] = field.value
    else if (field.kind === 'leaf') plain[field.name] = given[field.name] = oneOf(next)
    else if (next() < 0.2) plain[field.name] = given[field.name] = null
    else {
      const inner = givenAndPlain(next, field.fields)
      given[field.name] = inner.given
      plain[field.name] = inner.plain
    }
  return { given: Object.fromEntries(Object.entries(given).reverse()), plain }
}

function oneOf(next: () => number): unknown {
  return VALUES[Math.floor(next() * VALUES.length)]
}

const LETTERS = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code))
const VALUES: readonly unknown[] = [
  ...LETTERS,
  ...['', 'plain', 'x'.repeat(64), 'x'.repeat(65), '\u2028', '\ud800', '😀', 'a\nb'],
  ...[0, -0, 1.5, -1e21, 1e-7, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
  ...[true, false, null, undefined, undefined, undefined, () => 1, Symbol('s')],
  ...[[], {}, [undefined, 'a'], { a: undefined, b: '"' }, new Date(0), new Uint8Array(2)],
]
