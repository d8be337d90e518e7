import { prestartSandbox } from '../agent/launcher.ts'
import { prestartCaptureThread } from '../worker/thread.ts'

if (process.argv[2] === 'run') {
  prestartCaptureThread()
  prestartSandbox()
}
const { main } = await import('./program.ts')
await main()
