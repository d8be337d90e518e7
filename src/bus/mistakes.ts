import { Mistake } from '../mistake/mistake.ts'

export function closed(): Mistake {
  return new Mistake('E_BUS', 'the bus is closed')
}

export function conflict(bucket: string, key: string): Mistake {
  return new Mistake('E_CONFLICT', `${key} in ${bucket} was changed meanwhile, or is there already`, {
    hint: 'Read it again, and make the change on what is there now.',
  })
}

export function noAnswer(subject: string, timeoutMs?: number, cause?: unknown): Mistake {
  const when = timeoutMs === undefined ? '' : ` within ${timeoutMs} ms`
  return new Mistake('E_BUS_NO_ANSWER', `nobody answers ${subject}${when}`, {
    hint: 'Look whether the node that should answer is up.',
    cause,
  })
}

/** Throws `E_TOO_LARGE` when a payload is longer than a message may be. */
export function checkSize(payload: Uint8Array, mostBytes: number): void {
  if (payload.length <= mostBytes) return
  throw new Mistake('E_TOO_LARGE', `a message of ${payload.length} bytes; at most ${mostBytes} are taken`, {
    hint: 'Make it smaller, or raise max_payload of the NATS servers.',
  })
}
