import vm from 'node:vm'
import { Sandbox } from './sandbox.ts'

/**
 * The sandbox process. The whole loop runs inside one script that SIGINT breaks off: an agent that does not come to
 * an end dies alone, and everything else goes on where it stood.
 */
const sandbox = new Sandbox()
const globals = globalThis as unknown as { remoraLoop?: () => 'gone' | 'measure' }
globals.remoraLoop = () => sandbox.run()
const breakable = new vm.Script("'use strict'; remoraLoop()")
// Between two runs of the loop there is nobody to interrupt.
process.on('SIGINT', () => {})

for (;;) {
  try {
    if (breakable.runInThisContext({ breakOnSigint: true }) === 'gone') process.exit(0)
    sandbox.measured(await realmSizes())
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw thrown
    // Not in an agent: a frame may be half read, and nothing here can be relied on.
    if (!sandbox.interrupted()) process.exit(70)
  }
}

/** Bytes that each realm but our own holds, the youngest first. Collects garbage on the way. */
async function realmSizes(): Promise<number[]> {
  const measured = (await vm.measureMemory({ mode: 'detailed', execution: 'eager' })) as {
    other?: { jsMemoryEstimate: number }[]
  }
  return (measured.other ?? []).map(({ jsMemoryEstimate }) => jsMemoryEstimate)
}
