import { setTimeout } from 'node:timers/promises'

/** Waits for a condition, however busy the machine is; rejects with what `say` says when it does not come. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  say: () => string | Promise<string> = () => 'it never came',
): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(await say())
    await setTimeout(20)
  }
}

const PATIENCE_MS = 60_000
