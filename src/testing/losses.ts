import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Exchange } from '../entry/entry.ts'
import { readCapture } from './read-capture.ts'

/** Captures of real servers and clients whose names begin so. */
export function capturesOf(protocol: string): { readonly name: string; readonly path: string }[] {
  const folder = fileURLToPath(new URL('../../test/captures/', import.meta.url))
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${protocol}-`) && name.endsWith('.pcap'))
    .map((name) => ({ name, path: folder + name }))
}

/**
 * With packets missing less is known, and nothing is known wrongly: what is paired then is paired in the whole capture,
 * too. `print` tells what was said, and undefined where part of it is missing.
 */
export async function assertNothingIsMispaired(
  path: string,
  print: (request: never, response: never) => string | undefined,
): Promise<void> {
  const whole = await pairs(path, 0, print)
  for (const losing of [2, 3, 5, 7, 11, 13, 17, 29, 53]) {
    const left = new Map<string, number>()
    for (const pair of whole) left.set(pair, (left.get(pair) ?? 0) + 1)
    for (const pair of await pairs(path, losing, print)) {
      assert.ok((left.get(pair) ?? 0) > 0, `losing every ${losing}th packet: ${pair}`)
      left.set(pair, (left.get(pair) as number) - 1)
    }
  }
}

async function pairs(
  path: string,
  losing: number,
  print: (request: never, response: never) => string | undefined,
): Promise<string[]> {
  const { exchanges } = await readCapture(path, {}, losing)
  return exchanges.flatMap(({ dissector, stream, request, response, error }: Exchange) => {
    if (request === null || response === null || error !== null) return []
    const printed = print(request as never, response as never)
    return printed === undefined ? [] : [`${stream.client.port} ${dissector.name} ${printed}`]
  })
}
