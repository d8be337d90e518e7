import type { Dissector } from '../dissect/dissector.ts'
import { Entry, type EntryProtocol, type Exchange } from '../entry/entry.ts'
import { decodeRow, encodeRow, layoutsOf } from '../entry/layout.ts'
import { type Chunk, feed } from './feed.ts'

/** The entries of a conversation in a protocol that pairs by itself, as filters and agents get them: plain data. */
export function entriesOf(dissector: Dissector, ...chunks: readonly Chunk[]): Record<string, unknown>[] {
  const protocol = dissector as unknown as EntryProtocol
  return feed(dissector, chunks).exchanges.map(({ request, response }, index) => {
    const exchange: Exchange = {
      dissector: protocol,
      variant: 0,
      stream: { name: 'a.pcap', client: END, server: END, vlan: -1, interfaceName: '' },
      index,
      request: request?.message ?? null,
      response: response?.message ?? null,
      data: null,
      requestSize: request?.size ?? 0,
      responseSize: response?.size ?? 0,
      seconds: 0,
      nanos: 0,
      elapsedTime: 0,
      error: null,
      matcherKey: '',
    }
    const fields = layoutsOf(protocol, new Set(['*']))[0]?.fields ?? []
    return decodeRow(fields, encodeRow(fields, new Entry(exchange, ORIGIN)))
  })
}

const END = { ip: '192.0.2.1', port: '1' }
const ORIGIN = { worker: '', node: { ip: '', name: '' }, backend: 'pcap', nameOf: () => undefined }
