import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from './running-process.ts'

/**
 * A new folder for what is of no use when this process has ended; whoever makes it removes it. Those that processes left that
 * were killed go when the next one is made. `kind` is a word: `trial`.
 */
export function scratchFolder(kind: string, parent = realpathSync(tmpdir())): string {
  for (const name of readdirSync(parent)) if (isLeft(join(parent, name), name)) remove(join(parent, name))
  return mkdtempSync(join(parent, `remora-${kind}-${process.pid}-`))
}

/** Its process is not there, nor has it been lately: numbers of containers that share the folder say nothing here. */
function isLeft(path: string, name: string): boolean {
  const [, pid] = /^remora-[a-z]+-(\d+)-\w{6}$/.exec(name) ?? []
  if (pid === undefined || isRunning(Number(pid), '')) return false
  try {
    const { uid, mtimeMs } = statSync(path)
    return uid === process.getuid?.() && Date.now() - mtimeMs > LATELY_MS
  } catch {
    return false
  }
}

/** Two may do it at the same time. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // It stays for the next one.
  }
}

const LATELY_MS = 3_600_000
