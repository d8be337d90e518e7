import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Mistake } from '../../mistake/mistake.ts'
import { LOCK_FILE, pathIn } from './files.ts'

/** Makes us the only one who writes into a folder, which is made. Throws E_STORE when somebody does. */
export function lockFolder(folder: string): { release(): void } {
  const path = pathIn(folder, LOCK_FILE)
  const ours = ownerOf(process.pid)
  try {
    mkdirSync(folder, { recursive: true })
    if (!isFree(path)) throw taken(folder, path)
    take(folder, path, ours)
  } catch (error) {
    if (error instanceof Mistake) throw error
    throw new Mistake('E_STORE', `entries cannot be kept in ${folder}: ${(error as Error).message}`, {
      hint: 'set entries.folder to a folder that can be written to',
      cause: error,
    })
  }
  return { release: () => rmSync(path, { force: true }) }
}

/** Nobody has it, or one who is no more: then it is put aside. */
function isFree(path: string): boolean {
  const owner = read(path)
  if (owner === undefined) return true
  const pid = Number(owner.split(' ')[0])
  if (pid > 0 && ownerOf(pid) === owner && isAlive(pid)) return false
  const aside = `${path}.${process.pid}.tmp`
  renameSync(path, aside)
  const was = read(aside)
  rmSync(aside, { force: true })
  // Between the look and the grip another may have taken it.
  return was === owner
}

function take(folder: string, path: string, ours: string): void {
  const made = `${path}.${process.pid}.tmp`
  writeFileSync(made, ours)
  try {
    linkSync(made, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken(folder, path)
    throw error
  } finally {
    rmSync(made, { force: true })
  }
}

function taken(folder: string, path: string): Mistake {
  const pid = read(path)?.split(' ')[0] ?? 'unknown'
  return new Mistake('E_STORE', `process ${pid} keeps entries in ${folder} already`, {
    hint: 'set entries.folder to another folder for this worker',
  })
}

/** Process ids come back; with the time of its start a process is told from the next that has its number. */
function ownerOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`)
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  return `${pid} ${started}`
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
