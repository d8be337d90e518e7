import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Entry } from '../src/entry/entry.ts'
import { readCapture } from '../src/testing/read-capture.ts'

const folder = fileURLToPath(new URL('captures', import.meta.url))

/** One line of `NAME.entries.json`: an entry as lists show it. */
interface Row {
  readonly protocol: string
  readonly method: string
  readonly summary: string
  readonly status: number
  readonly hasRequest: boolean
  readonly hasResponse: boolean
  readonly error: string | null
}

describe('the entries of a capture of a real server and its clients', () => {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.pcap')))
    test(name, async () => {
      const { entries } = await readCapture(`${folder}/${name}`)
      const expected = readFileSync(`${folder}/${name.replace(/\.pcap$/, '.entries.json')}`, 'utf8')
      assert.deepEqual(entries.map(rowOf), JSON.parse(expected))
    })
})

function rowOf({ protocol, base, request, response, error }: Entry): Row {
  const { method, summary, status } = base
  return {
    protocol: protocol.abbr,
    method,
    summary,
    status,
    hasRequest: request !== null,
    hasResponse: response !== null,
    error: error?.msg ?? null,
  }
}
