/** The first Ctrl-C ends what goes on, a second one the program. */
export function onInterrupt(stop: () => void): void {
  let stoppedAt: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      const now = performance.now()
      if (stoppedAt !== undefined && now - stoppedAt > SAME_PRESS_MS) process.exit(130)
      if (stoppedAt !== undefined) return
      stoppedAt = now
      stop()
    })
}

/** One Ctrl-C comes up to three times: from the terminal, from npx, and from our launcher. */
const SAME_PRESS_MS = 300

/** For commands that go on until Ctrl-C. */
export function untilInterrupt(): AbortSignal {
  const controller = new AbortController()
  onInterrupt(() => controller.abort())
  return controller.signal
}
