import type { ServerResponse } from 'node:http'
import { failure } from './status.ts'

/** How a request goes wrong that would go right. */
export type Fault =
  /** Refused with this status, in words of the API unless others are given. */
  | {
      readonly kind: 'status'
      readonly code: number
      readonly retryAfterS?: number
      readonly reason?: string
      readonly message?: string
    }
  /** The connection breaks, before anything is done or only after. */
  | { readonly kind: 'reset'; readonly after: boolean }
  | { readonly kind: 'garbage' }
  /** Done and answered, but only after a while. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Never answered; the connection stays. */
  | { readonly kind: 'stall' }
  /** Done, and half of the answer comes before the connection breaks. */
  | { readonly kind: 'half' }
  /** Anything at all: what the test writes. */
  | { readonly kind: 'answer'; readonly write: (response: ServerResponse) => void }

/** Waits for requests that fit, one for each fault. */
export class Faults {
  readonly #waiting: { readonly fault: Fault; readonly fits: (asked: string) => boolean; times: number }[] =
    []

  add(fault: Fault, fits: (asked: string) => boolean, times: number): void {
    this.#waiting.push({ fault, fits, times })
  }

  take(asked: string): Fault | undefined {
    const at = this.#waiting.findIndex(({ fits }) => fits(asked))
    const found = this.#waiting[at]
    if (found !== undefined && --found.times <= 0) this.#waiting.splice(at, 1)
    return found?.fault
  }

  clear(): void {
    this.#waiting.length = 0
  }
}

/** Whether this fault is all of the answer. */
export function answersInstead(fault: Fault | undefined, response: ServerResponse): boolean {
  switch (fault?.kind) {
    case 'reset':
      if (fault.after) return false
      response.destroy()
      return true
    case 'garbage':
      response.end('<html>not an API</html>')
      return true
    case 'stall':
      return true
    case 'answer':
      fault.write(response)
      return true
    case 'status': {
      const { code, retryAfterS, reason = 'Injected', message = `fault ${code}` } = fault
      if (retryAfterS !== undefined) response.setHeader('retry-after', retryAfterS)
      response
        .writeHead(code, { 'content-type': 'application/json' })
        .end(JSON.stringify(failure(code, reason, message)))
      return true
    }
    default:
      return false
  }
}
