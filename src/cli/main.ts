import { prestartCaptureThread } from '../worker/thread.ts'

if (process.argv[2] === 'run') prestartCaptureThread()
const { main } = await import('./program.ts')
await main()
