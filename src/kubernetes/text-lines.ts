import { Mistake } from '../mistake/mistake.ts'
import { jsonOf } from './status.ts'
import { unreachable } from './unreachable.ts'

/**
 * Lines of an answer as they come, without those that are empty. The last one may have no line break if it is whole; half of one
 * is left out. The silence of who sends is an end, too. Rejects with a Mistake where a line is too long.
 */
export async function* textLines(body: AsyncIterable<Uint8Array>, path: string): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let pending: string[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      const [first = '', ...more] = decoder.decode(chunk, { stream: true }).split('\n')
      pending.push(first)
      length += first.length
      for (const next of more) {
        if (length > LONGEST_LINE) throw tooMuch(`a line of ${path}`)
        const line = pending.join('')
        pending = [next]
        length = next.length
        if (line.trim() !== '') yield line
      }
      if (length > LONGEST_LINE) throw tooMuch(`a line of ${path}`)
    }
    const rest = pending.join('')
    if (jsonOf(rest) !== undefined) yield rest
  } catch (error) {
    if (!isSilence(error)) throw unreachable('Kubernetes', error)
  }
}

/** The whole of an answer as text; rejects with a Mistake where it is too much, or takes too long. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  const begun = Date.now()
  for await (const chunk of chunksOf(body)) {
    length += chunk.length
    if (length > MOST_BYTES) throw tooMuch('an answer')
    if (Date.now() - begun > LONGEST_MS)
      throw new Mistake(
        'E_KUBERNETES',
        `an answer of Kubernetes takes more than ${LONGEST_MS / 1000} seconds`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function tooMuch(what: string): Mistake {
  return new Mistake('E_TOO_LARGE', `${what} of Kubernetes is too large to be one`)
}

/** Errors on the way become Mistakes here, where they are told from those of who reads. */
async function* chunksOf(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw unreachable('Kubernetes', error)
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'UND_ERR_BODY_TIMEOUT'
}

/** Of one answer. */
const MOST_BYTES = 64 << 20
/** An object has 1.5 MiB at most in etcd. */
const LONGEST_LINE = 16 << 20
const LONGEST_MS = 300_000
