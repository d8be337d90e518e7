import { parentPort, workerData } from 'node:worker_threads'
import { pause } from '../../waiting/pause.ts'
import { ProcessFinder } from './process-finder.ts'

/** Looks for processes beside the capture, and tells what it finds as `FoundSockets`. */
async function watch(everyMs: number): Promise<void> {
  const finder = new ProcessFinder()
  for (;;) {
    const began = performance.now()
    const news = finder.look()
    if (news.found.length > 0 || news.gone.length > 0) parentPort?.postMessage(news)
    // Where there is much to look at, it is looked at less often.
    await pause(Math.max(everyMs, (performance.now() - began) * IDLE_SHARE))
  }
}

const IDLE_SHARE = 9

if (parentPort === null) throw new Error('process-thread.ts is started as a worker thread')
void watch(workerData as number)
