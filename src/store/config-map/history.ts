import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'
import { z } from 'zod'
import { type AgentVersion, agentVersion } from '../../wire/agents.ts'

/**
 * Versions of an agent as text. They are much alike, so that all of them together take little more room than one: that is
 * how a history fits beside the scripts.
 */
export async function packVersions(versions: readonly AgentVersion[]): Promise<string> {
  if (versions.length === 0) return ''
  const text = Buffer.from(JSON.stringify(versions))
  const packed = await promisify(brotliCompress)(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_LGWIN]: 24 },
  })
  return packed.toString('base64')
}

/** Undefined when nobody can read it. */
export async function unpackVersions(text: string): Promise<readonly AgentVersion[] | undefined> {
  if (text === '') return []
  try {
    const packed = Buffer.from(text, 'base64')
    const versions = await promisify(brotliDecompress)(packed, { maxOutputLength: MOST_BYTES })
    return z.array(agentVersion).parse(JSON.parse(versions.toString()))
  } catch {
    return undefined
  }
}

const MOST_BYTES = 64 << 20
