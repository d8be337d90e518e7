/**
 * Calls back when the program is asked to end (Ctrl-C, `kill`, the end of the terminal), and each time that it is asked
 * again. Answers how to hear it no more.
 */
export function onEndSignal(asked: (signal: EndSignal) => void): () => void {
  let askedAt = Number.NEGATIVE_INFINITY
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now()
    if (!isEndSignal(signal) || now - askedAt < SAME_PRESS_MS) return
    askedAt = now
    asked(signal)
  }
  for (const signal of SIGNALS) process.on(signal, listener)
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener)
  }
}

/** With which a program ends that such a signal ended at once. */
export function exitCodeOf(signal: EndSignal): number {
  return 128 + NUMBERS[signal]
}

/** The first Ctrl-C ends what goes on, a second one the program. */
export function onInterrupt(stop: () => void): void {
  let isStopping = false
  onEndSignal((signal) => {
    if (isStopping) process.exit(exitCodeOf(signal))
    isStopping = true
    stop()
  })
}

/** For commands that go on until Ctrl-C. */
export function untilInterrupt(): AbortSignal {
  const controller = new AbortController()
  onInterrupt(() => controller.abort())
  return controller.signal
}

function isEndSignal(signal: NodeJS.Signals): signal is EndSignal {
  return Object.hasOwn(NUMBERS, signal)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type EndSignal = (typeof SIGNALS)[number]
const NUMBERS: Readonly<Record<EndSignal, number>> = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }
/** One Ctrl-C comes up to three times: from the terminal, from npx, and from our launcher. */
const SAME_PRESS_MS = 300
