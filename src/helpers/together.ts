import { Mistake } from '../mistake/mistake.ts'
import { PartlyFailed, Refusal } from './answer.ts'

export interface Together<C> {
  readonly calls: readonly C[]
  /** Only calls for which it says the same go into one request: address and credentials. */
  alike(call: C): string
  /** Sends calls in one request. What the other side had already it must be able to tell. */
  send(calls: readonly C[]): Promise<void>
}

/**
 * Sends calls in as few requests as may be. When one is refused for what is in it, halves of it are sent again, until it is
 * known which calls are at fault: the others arrive. Throws a `PartlyFailed`, or what was thrown if that is about all of them.
 */
export async function sendTogether<C>({ calls, alike, send }: Together<C>): Promise<void> {
  const failures = new Map<number, unknown>()
  let halvings = MOST_HALVINGS
  const sendSome = async (places: readonly number[]): Promise<void> => {
    try {
      await send(places.map((at) => calls[at] as C))
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      const isWorthIt = places.length > 1 && isAboutContent(error) && halvings-- > 0
      if (isWorthIt) for (const half of halves(places)) await sendSome(half)
      else for (const at of places) failures.set(at, error)
    }
  }
  for (const places of Map.groupBy(calls.keys(), (at) => alike(calls[at] as C)).values())
    await sendSome(places)

  if (failures.size === 0) return
  const reasons = new Set(failures.values())
  if (failures.size === calls.length && reasons.size === 1) throw [...reasons][0]
  throw new PartlyFailed(`${failures.size} of ${calls.length} calls were refused`, failures)
}

/** Bad request, content too large, unprocessable content: RFC 9110 §15.5. */
function isAboutContent(error: Mistake): boolean {
  return error instanceof Refusal && [400, 413, 422].includes(error.status)
}

function halves<T>(list: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.ceil(list.length / 2)
  return [list.slice(0, middle), list.slice(middle)]
}

/** Enough to find two or three among a thousand; where more is wrong, it is mostly all of it. */
const MOST_HALVINGS = 32
