import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile, spend } from './data-folder.ts'
import type { HelperHost } from './helper.ts'

/**
 * Scripts find `name_resolution_history.json` in the data folder of a worker, whatever they have done with it: it is written when they
 * reach for it. `target` is the path that they reach for, resolved.
 */
export async function freshenNameHistory(target: string, host: HelperHost): Promise<void> {
  const { files, packets, component } = host
  if (component === 'hub' || target !== join(files.root, NAME)) return
  const bytes = Buffer.from(JSON.stringify(await packets.nameHistory()))
  await spend(files, target, bytes.length, () =>
    replaceFile(target, (draft) => writeFile(draft, bytes, { flag: 'wx' })),
  )
}

const NAME = 'name_resolution_history.json'
