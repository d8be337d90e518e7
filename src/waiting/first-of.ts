/**
 * Aborts with the first of these. Unlike that of `AbortSignal.any` its hold on them is a strong one, until it is released:
 * nothing waits for a signal that was collected.
 */
export function firstOf(...signals: readonly AbortSignal[]): {
  readonly signal: AbortSignal
  release(): void
} {
  const first = new AbortController()
  const abort = () => first.abort()
  for (const signal of signals) {
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
  }
  const release = () => {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
  return { signal: first.signal, release }
}
