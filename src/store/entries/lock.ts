import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Mistake } from '../../mistake/mistake.ts'
import { birthOf, isRunning } from '../running-process.ts'
import { LOCK_FILE, pathIn } from './files.ts'

/** Makes us the only one who writes into a folder, which is made. Throws E_STORE when somebody does. */
export function lockFolder(folder: string): { release(): void } {
  const path = pathIn(folder, LOCK_FILE)
  const ours = `${process.pid} ${birthOf(process.pid)}`
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
  const [pid, born = ''] = owner.split(' ')
  if (Number(pid) > 0 && isRunning(Number(pid), born)) return false
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

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
