import type { ProcessState } from '../wire/health.ts'

/** The load of this process. */
export class OwnProcess {
  #cpu = process.cpuUsage()
  #at = process.hrtime.bigint()
  #share: number | undefined

  /** CPU time is that since the last look, which is at least a second ago; at first since the start. */
  state(): ProcessState {
    return { at: Date.now(), cpu: this.#cpuShare(), memoryBytes: process.memoryUsage().rss, restarts: 0 }
  }

  #cpuShare(): number {
    const [cpu, at] = [process.cpuUsage(), process.hrtime.bigint()]
    const micros = Number(at - this.#at) / 1000
    if (micros < LEAST_MICROS) return this.#share ?? (cpu.user + cpu.system) / 1e6 / process.uptime()
    const used = cpu.user + cpu.system - this.#cpu.user - this.#cpu.system
    this.#cpu = cpu
    this.#at = at
    this.#share = used / micros
    return this.#share
  }
}

const LEAST_MICROS = 1_000_000
