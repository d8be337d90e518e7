import { TOTAL_MS } from './egress.ts'
import type { HelperHost } from './helper.ts'

/**
 * The same host, whose requests all end in time: who waits for several of them in one call of a helper may not wait for
 * longer than an agent may (`WAIT_MS_PER_CALL`), or it is stopped.
 */
export function endingIn(ms: number, host: HelperHost): HelperHost & { left(): number } {
  const end = performance.now() + ms
  const left = () => Math.max(end - performance.now(), 1)
  return {
    ...host,
    left,
    request: (options) =>
      host.request({ ...options, totalMs: Math.ceil(Math.min(options.totalMs ?? TOTAL_MS, left())) }),
  }
}
