import type { Config } from '../config/index.ts'
import { stubTable } from '../helpers/dispatch.ts'
import { HOOKS } from '../helpers/hooks.ts'
import { namespaces } from '../helpers/index.ts'
import type { GroupOptions } from './group.ts'
import type { SandboxLauncher } from './launcher.ts'

/** What the configuration says of agents, wherever they run. */
export function agentSettings(
  { scripting, tap }: Config,
  launcher: SandboxLauncher,
): Pick<GroupOptions, 'sandbox' | 'host' | 'stubs'> {
  const { hookMs, jobMs, memoryMb } = scripting.budgets
  return {
    sandbox: {
      launcher,
      limits: { callMb: 2 * memoryMb, hookMs, jobMs },
    },
    host: {
      env: scripting.env,
      language: scripting.language,
      budgets: {
        memoryMb,
        allMb: ALL_AGENTS_MB,
        linesPerCall: LINES_PER_CALL,
        bytesPerCall: BYTES_PER_CALL,
        waitMsPerCall: WAIT_MS_PER_CALL,
        failures: FAILURES,
        slowJobMs: SLOW_JOB_MS,
      },
      macros: tap.customMacros,
      hooks: HOOKS,
      jobsAcrossAgents: scripting.jobsAcrossAgents,
    },
    stubs: stubTable(namespaces),
  }
}

/** What agents may hold of the heap of their sandbox together. */
const ALL_AGENTS_MB = 320
const LINES_PER_CALL = 1000
const BYTES_PER_CALL = 1 << 20
/** Every helper has a limit of its own, which is shorter: this is for those that are called again and again. */
const WAIT_MS_PER_CALL = 60_000
/** Failures in a row after which an agent is stopped, where it is for those. */
const FAILURES = 100
const SLOW_JOB_MS = 1000
