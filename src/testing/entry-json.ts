import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { decodeRow, encodeRow, layoutsOf } from '../entry/layout.ts'
import { readCapture } from './read-capture.ts'

/** Entries of the golden captures, of all protocols that there are, as a store keeps them. */
export async function goldenEntries(): Promise<string[]> {
  const captures = readdirSync(FOLDER).filter((name) => name.endsWith('.pcap'))
  const all: string[] = []
  for (const name of captures) {
    const { entries, exchanges } = await readCapture(`${FOLDER}${name}`)
    for (const [at, entry] of entries.entries()) {
      const exchange = exchanges[at]
      if (exchange === undefined) continue
      const fields = layoutsOf(exchange.dissector, new Set(['*']))[exchange.variant]?.fields ?? []
      all.push(JSON.stringify(decodeRow(fields, encodeRow(fields, entry))))
    }
  }
  return all
}

const FOLDER = fileURLToPath(new URL('../../test/captures/', import.meta.url))
