import { randomUUID } from 'node:crypto'
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { birthOf, isRunning } from '../running-process.ts'

/**
 * Lets one at a time do something to a folder, among all programs and within this one. Who holds the lock writes its name
 * into the file; a lock whose holder has died is broken.
 */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const token = await take(path)
  try {
    return await work()
  } finally {
    // Somebody who took us for dead may have broken it.
    if ((await holderOf(path))?.token === token) await rm(path, { force: true })
  }
}

const holder = z.object({
  token: z.string(),
  pid: z.number().int().positive(),
  host: z.string(),
  /** When the process began, as the kernel counts: a number may be given to another process. */
  born: z.string(),
})
type Holder = z.infer<typeof holder>

async function take(path: string): Promise<string> {
  const token = randomUUID()
  const ours: Holder = { token, pid: process.pid, host: hostname(), born: birthOf(process.pid) }
  // A link appears with its content, so that nobody ever reads half of it.
  const draft = `${path}.${token}`
  await writeFile(draft, JSON.stringify(ours))
  try {
    const giveUpAt = Date.now() + PATIENCE_MS
    while (!(await isTaken(draft, path))) {
      await breakStale(path)
      if (Date.now() > giveUpAt) throw await tooLong(path)
      await pause(1 + Math.random() * 15)
    }
    return token
  } finally {
    await rm(draft, { force: true })
  }
}

async function isTaken(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Removes the lock of a holder that has died. One at a time does so: else two could each remove what the other took. */
async function breakStale(path: string): Promise<void> {
  if (!(await isStale(path))) return
  const breaking = `${path}.breaking`
  try {
    await (await open(breaking, 'wx')).close()
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    if ((await ageOf(breaking)) > LONGEST_HOLD_MS) await rm(breaking, { force: true })
    return
  }
  try {
    if (await isStale(path)) await rm(path, { force: true })
  } finally {
    await rm(breaking, { force: true })
  }
}

async function isStale(path: string): Promise<boolean> {
  const age = await ageOf(path)
  if (age === 0) return false
  const found = await holderOf(path)
  // Of another machine, or another container, nobody can tell whether it lives; and nobody holds it for so long.
  if (found === undefined || found.host !== hostname()) return age > LONGEST_HOLD_MS
  return !isRunning(found.pid, found.born)
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return holder.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Gone, or nothing that we have written: then its age decides.
    return undefined
  }
}

/** In ms; 0 when it is not there. */
async function ageOf(path: string): Promise<number> {
  try {
    return Math.max(1, Date.now() - (await stat(path)).mtimeMs)
  } catch {
    return 0
  }
}

async function tooLong(path: string): Promise<Mistake> {
  const found = await holderOf(path)
  const who = found === undefined ? 'somebody' : `process ${found.pid} on ${found.host}`
  return new Mistake('E_STORE', `${who} has kept ${path} for more than ${PATIENCE_MS / 1000} s`, {
    hint: 'If no Remora uses this folder, remove that file.',
  })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** Work under the lock takes milliseconds. */
const LONGEST_HOLD_MS = 60_000
const PATIENCE_MS = 30_000
