import { Worker as Thread } from 'node:worker_threads'

let waiting: Thread | undefined

/** Starts a capture thread that loads its modules while the caller loads its own: half of the time to the first packet. */
export function prestartCaptureThread(): void {
  waiting = start()
  waiting.unref()
}

/** The capture thread that was started ahead, or a new one. It waits for its `CaptureThreadData`. */
export function takeCaptureThread(): Thread {
  const thread = waiting ?? start()
  waiting = undefined
  thread.ref()
  return thread
}

function start(): Thread {
  return new Thread(new URL('./capture-thread.cjs', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
}

/** Exchanges live shortly. More is no faster, and V8 would take it on a long capture and not give it back. */
const YOUNG_MB = 12
