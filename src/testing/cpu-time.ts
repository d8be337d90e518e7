/** ms of CPU time that this process has used since then: on a busy machine a test takes longer, and uses no more. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
