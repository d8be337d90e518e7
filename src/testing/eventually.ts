import { setTimeout } from 'node:timers/promises'

/** Waits until something holds, generously: what it says when it never does is for people. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  for (const end = Date.now() + patienceMs; !(await holds()); await setTimeout(10))
    if (Date.now() > end) throw new Error(`never came: ${what}`)
}

const PATIENCE_MS = 30_000
