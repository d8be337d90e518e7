import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readScript } from '../../agent/agents.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { hashOf } from './scan.ts'

/**
 * Replaces what is in a file in one step, unless it is another text by now: then nothing happens, and false is answered.
 * Throws `E_AGENT_READ` when the file cannot be written.
 */
export function writeBack(path: string, code: string, ifHash: string): boolean {
  const next = join(dirname(path), `.${basename(path)}.remora-${process.pid}`)
  try {
    writeFileSync(next, code)
    if (hashOf(readScript(path)) !== ifHash) return false
    renameSync(next, path)
    return true
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    throw new Mistake('E_AGENT_READ', `${path} cannot be written: ${cause.message}`, { cause })
  } finally {
    rmSync(next, { force: true })
  }
}
