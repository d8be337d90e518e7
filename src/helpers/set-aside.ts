import { constants } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { look, makeFolder, removeTree, spend } from './data-folder.ts'
import type { HelperHost } from './helper.ts'

/**
 * Copies a file so that it is there, as it is now, when a queued call is sent: the script may append to it or delete it.
 * The copy counts against the quota. Answers its path; the name stays what it was.
 */
export async function setAside(
  { files, randomName }: Pick<HelperHost, 'files' | 'randomName'>,
  path: string,
): Promise<string> {
  const source = files.resolve(path)
  const folder = join(files.root, ASIDE, randomName())
  const copy = join(folder, basename(source))
  await makeFolder(files, folder)
  const size = (await look(source))?.size ?? 0
  try {
    // Not a link: what is appended to the file later is not what was queued.
    await spend(files, copy, size, () => copyFile(source, copy, constants.COPYFILE_FICLONE))
  } catch (error) {
    await removeTree(files, folder)
    throw error
  }
  return copy
}

/** Removes what `setAside` has made. Other paths, and what is gone, are left alone. */
export async function dropAside({ files }: Pick<HelperHost, 'files'>, path: string): Promise<void> {
  const folder = dirname(files.resolve(path))
  if (dirname(folder) === join(files.root, ASIDE)) await removeTree(files, folder)
}

/** Files by the names under which they are sent: name → path. All of them, or none. */
export async function setAllAside(
  host: Pick<HelperHost, 'files' | 'randomName'>,
  files: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const copies: [name: string, path: string][] = []
  try {
    for (const [name, path] of Object.entries(files)) copies.push([name, await setAside(host, path)])
    return Object.fromEntries(copies)
  } catch (error) {
    await dropAllAside(host, Object.fromEntries(copies))
    throw error
  }
}

export async function dropAllAside(
  host: Pick<HelperHost, 'files'>,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const path of Object.values(files)) await dropAside(host, path)
}

/** Folder inside the data folder. */
const ASIDE = '.queued'
