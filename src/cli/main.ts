import { prestartSandbox } from '../agent/launcher.ts'
import { prestartCaptureThread } from '../worker/thread.ts'

if (process.argv[2] === 'run' && hasWorkingFolder()) {
  prestartCaptureThread()
  prestartSandbox()
}
const { main } = await import('./program.ts')
await main()

/** No thread starts without one; the command says so. */
function hasWorkingFolder(): boolean {
  try {
    return process.cwd() !== ''
  } catch {
    return false
  }
}
