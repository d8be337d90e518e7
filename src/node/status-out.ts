import type { Bus } from '../bus/bus.ts'
import { encode } from '../wire/codec.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import { SUBJECTS } from '../wire/subjects.ts'

/** Says once a second, and when something has changed, how a node does. Answers how to stop, and how to say it now. */
export function publishStatus(bus: Bus, status: () => NodeStatus): { now(): void; close(): void } {
  const now = () => {
    const said = status()
    bus.publish(SUBJECTS.status(`${said.component}-${said.boot}`), encode(said))
  }
  const timer = setInterval(now, EVERY_MS)
  // Whoever begins this is not yet all that it will tell of.
  const first = setImmediate(now)
  const close = () => {
    clearInterval(timer)
    clearImmediate(first)
  }
  return { now, close }
}

const EVERY_MS = 1000
