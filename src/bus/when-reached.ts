import { Mistake } from '../mistake/mistake.ts'
import { Backoff } from '../waiting/backoff.ts'
import { Bell } from '../waiting/bell.ts'
import type { Bus } from './bus.ts'

/**
 * Does something that needs the others, at least once, and again and again while they cannot be reached (`E_BUS`); a
 * connection that comes back is not waited for longer than it takes. Rejects with anything else that goes wrong, and, after
 * an attempt that failed, when the signal aborts.
 */
export async function whenReached<Result>(
  bus: Pick<Bus, 'onConnection'>,
  work: () => Promise<Result>,
  signal: AbortSignal,
  report: (error: unknown) => void = () => undefined,
): Promise<Result> {
  const backoff = new Backoff(100, 5000)
  const changed = new Bell()
  const stop = bus.onConnection(() => changed.ring())
  try {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Mistake && error.code === 'E_BUS')) throw error
        report(error)
      }
      signal.throwIfAborted()
      await changed.wait(signal, backoff.next())
      signal.throwIfAborted()
    }
  } finally {
    stop()
  }
}
