import { prepareJail } from './jail.ts'
import { type BestLevel, bestLevel, closeProgress, type LaunchedSandbox, launchSandbox } from './launch.ts'

/** Starts sandbox processes, and keeps one in reserve when it is told to: half of the time until it can work is its start. */
export class SandboxLauncher {
  readonly best: BestLevel
  readonly #jail = prepareJail()
  #ordinal = 0
  #reserve: LaunchedSandbox | undefined

  constructor(best: BestLevel = bestLevel()) {
    this.best = best
  }

  /** The process in reserve, if it is still there, or a new one. It waits for its configuration. */
  launch(): LaunchedSandbox {
    const reserve = this.#reserve
    if (reserve === undefined) return this.#start()
    if (reserve.process.exitCode !== null || reserve.process.signalCode !== null) {
      this.close()
      return this.#start()
    }
    this.#reserve = undefined
    hold(reserve, true)
    return reserve
  }

  /** The process in reserve; undefined when there is none. */
  get reserved(): number | undefined {
    return this.#reserve?.process.pid
  }

  /** Starts the next process ahead. It keeps nothing alive, and it ends when we do. */
  prepare(): void {
    if (this.#reserve !== undefined) return
    this.#reserve = this.#start()
    hold(this.#reserve, false)
  }

  /** Ends the one in reserve. */
  close(): void {
    if (this.#reserve === undefined) return
    this.#reserve.process.kill('SIGKILL')
    closeProgress(this.#reserve.progressFd)
    this.#reserve = undefined
  }

  #start(): LaunchedSandbox {
    return launchSandbox(this.best.level, this.#jail, this.#ordinal++)
  }
}

let waiting: SandboxLauncher | undefined

/** Starts a sandbox while the caller loads its modules. What goes wrong is told when the sandbox is wanted. */
export function prestartSandbox(): void {
  try {
    waiting = new SandboxLauncher()
    waiting.prepare()
  } catch {
    waiting = undefined
  }
}

/** The launcher whose first process was started ahead, or a new one. */
export function takeLauncher(): SandboxLauncher {
  const launcher = waiting ?? new SandboxLauncher()
  waiting = undefined
  return launcher
}

/** Whether our process stays alive for this one. */
function hold({ process }: LaunchedSandbox, alive: boolean): void {
  for (const handle of [process, ...process.stdio] as readonly unknown[]) {
    const each = handle as { ref?(): void; unref?(): void } | null
    if (alive) each?.ref?.()
    else each?.unref?.()
  }
}
