import { z } from 'zod'
import { MISTAKES, Mistake, type MistakeCode } from '../mistake/mistake.ts'

/**
 * What goes back to who asked: a byte that says which, then the answer, or the mistake as JSON, or nothing when the program
 * that answers has failed by a fault of its own.
 */
export function packAnswer(answer: Uint8Array): Uint8Array {
  const envelope = new Uint8Array(answer.length + 1)
  envelope[0] = ANSWER
  envelope.set(answer, 1)
  return envelope
}

/** A mistake crosses as it is; of anything else only that it happened, for it may hold what is nobody's business. */
export function packFailure(error: unknown): Uint8Array {
  if (!(error instanceof Mistake)) return Uint8Array.of(FAILED)
  const { code, message, hint } = error
  const text = new TextEncoder().encode(
    JSON.stringify({ code, message: message.slice(0, LONGEST_TEXT), hint: hint?.slice(0, LONGEST_TEXT) }),
  )
  const envelope = new Uint8Array(text.length + 1)
  envelope[0] = MISTAKE
  envelope.set(text, 1)
  return envelope
}

/** What an envelope holds; throws what it says instead. */
export function openAnswer(envelope: Uint8Array, subject: string, malformed: () => void): Uint8Array {
  const answer = unpack(envelope)
  switch (answer.kind) {
    case 'answer':
      return answer.payload
    case 'mistake':
      throw answer.mistake
    case 'failed':
      throw new Error(`who answers ${subject} failed; its log says why`)
    case 'malformed':
      malformed()
      throw new Mistake('E_BUS_NO_ANSWER', `what answers ${subject} is not Remora`, {
        hint: 'Another program uses the same names: set nats.prefix.',
      })
  }
}

type Answer =
  | { readonly kind: 'answer'; readonly payload: Uint8Array }
  | { readonly kind: 'mistake'; readonly mistake: Mistake }
  | { readonly kind: 'failed' }
  | { readonly kind: 'malformed' }

/** Reads what may come from anybody. */
function unpack(envelope: Uint8Array): Answer {
  const rest = envelope.subarray(1)
  switch (envelope[0]) {
    case ANSWER:
      return { kind: 'answer', payload: rest }
    case FAILED:
      return rest.length === 0 ? { kind: 'failed' } : MALFORMED
    case MISTAKE:
      return readMistake(rest)
    default:
      return MALFORMED
  }
}

function readMistake(text: Uint8Array): Answer {
  const read = mistakeText.safeParse(parse(text))
  if (!read.success) return MALFORMED
  const { code, message, hint } = read.data
  return { kind: 'mistake', mistake: new Mistake(code, message, hint === undefined ? {} : { hint }) }
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch {
    // Not JSON: no object, so malformed.
    return undefined
  }
}

const ANSWER = 0
const MISTAKE = 1
const FAILED = 2
const LONGEST_TEXT = 16_384
const MALFORMED: Answer = { kind: 'malformed' }

const mistakeText = z.object({
  code: z.custom<MistakeCode>((code) => typeof code === 'string' && Object.hasOwn(MISTAKES, code)),
  message: z.string(),
  hint: z.string().optional(),
})
