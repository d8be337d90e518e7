import { setTimeout } from 'node:timers/promises'

/** Waits for something to be so, however busy the machine is; rejects with what it was when it does not come. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string | (() => string | Promise<string>) = String(isSo),
  patienceMs = PATIENCE_MS,
): Promise<void> {
  for (const end = Date.now() + patienceMs; !(await isSo()); await setTimeout(10))
    if (Date.now() > end)
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : await what()}`)
}

const PATIENCE_MS = 60_000
