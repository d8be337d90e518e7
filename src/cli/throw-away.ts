import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { scratchFolder } from '../store/scratch-folder.ts'

/** Settings with a folder for files of agents that nobody misses; it is removed at the end, whatever that is. */
export function throwAway(config: Config): { readonly config: Config; remove(): void } {
  const folder = scratchFolder('rehearsal')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  return { config: { ...config, scripting: { ...config.scripting, data: join(folder, 'data') } }, remove }
}
