import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'

/** Settings with a folder for files of agents that nobody misses; it is removed at the end, whatever that is. */
export function throwAway(config: Config): { readonly config: Config; remove(): void } {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'remora-rehearsal-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  return { config: { ...config, scripting: { ...config.scripting, data: join(folder, 'data') } }, remove }
}
