import { readFileSync } from 'node:fs'

/** When a process began, in ticks since the start of the machine (proc(5): field 22); "" where that cannot be known. */
export function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** Whether it is there, and still the one that began then: numbers of processes come back. */
export function isRunning(pid: number, born: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // It is there, and somebody else's.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const now = birthOf(pid)
  return now === born || now === '' || born === ''
}
