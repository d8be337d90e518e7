import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { decodeRow, encodeRow, layoutsOf } from '../entry/layout.ts'
import { readCapture } from './read-capture.ts'

/** Entries of the golden captures, of all protocols that there are, as a store keeps them. */
export async function goldenEntries(): Promise<string[]> {
  const captures = readdirSync(FOLDER).filter((name) => name.endsWith('.pcap'))
  const all: string[] = []
  for (const name of captures) all.push(...(await entriesOf(`${FOLDER}${name}`)))
  return all
}

/** Those of one capture, or what is read of them by who wants these fields. */
export async function entriesOf(path: string, wanted: readonly string[] = ['*']): Promise<string[]> {
  const { entries, exchanges } = await readCapture(path)
  return entries.flatMap((entry, at) => {
    const exchange = exchanges[at]
    if (exchange === undefined) return []
    const fields = layoutsOf(exchange.dissector, new Set(wanted))[exchange.variant]?.fields ?? []
    return JSON.stringify(decodeRow(fields, encodeRow(fields, entry)))
  })
}

const FOLDER = fileURLToPath(new URL('../../test/captures/', import.meta.url))
