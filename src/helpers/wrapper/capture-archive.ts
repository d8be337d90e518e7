import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, removeTree, spend, weighAlone } from '../data-folder.ts'
import type { DataFolder, HelperHost } from '../helper.ts'
import { packFolder } from '../pack-folder.ts'

export interface CaptureArchive {
  /** What its name begins with: `<prefix>kubeshark_<UNIX seconds>.tar.gz`. */
  readonly prefix: string
  /** Writes the capture. */
  capture(target: string): Promise<void>
  /** JSON for `content.json`, given the name of the capture. */
  content?(capture: string): unknown
}

/**
 * Packs a capture `<UNIX seconds>.pcap`, the names that addresses have had (`name_resolution_history.json`) and what is said
 * of it into an archive in the data folder; answers its name. All else that this takes is gone again.
 */
export async function packCapture(archive: CaptureArchive, host: HelperHost): Promise<string> {
  const { files } = host
  const folder = join(files.root, `.packing-${host.randomName()}`)
  const seconds = Math.floor(host.now() / 1000)
  await makeFolder(files, folder)
  try {
    const capture = `${seconds}.pcap`
    await archive.capture(join(folder, capture))
    await files.change(async () => files.reserve(await weighAlone(join(folder, capture))))
    await writeJson(join(folder, 'name_resolution_history.json'), await host.packets.nameHistory(), host)
    if (archive.content !== undefined)
      await writeJson(join(folder, 'content.json'), archive.content(capture), host)
    return await packFolder(folder, freshStem(`${archive.prefix}kubeshark_${seconds}`, files), host)
  } finally {
    await removeTree(files, folder)
  }
}

/** An archive is gone when it is uploaded: of one second there may be several, which must not replace each other there. */
function freshStem(stem: string, files: DataFolder): string {
  const names = used.get(files) ?? new Set<string>()
  used.set(files, names)
  let name = stem
  for (let again = 1; names.has(name); again++) name = `${stem}-${again}`
  names.add(name)
  const [oldest] = names
  if (names.size > MOST_NAMES && oldest !== undefined) names.delete(oldest)
  return name
}

const used = new WeakMap<DataFolder, Set<string>>()
const MOST_NAMES = 1000

/** Under the quota. */
export async function writeJson(path: string, value: unknown, { files }: HelperHost): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(value))
  await spend(files, path, bytes.length, () => writeFile(path, bytes))
}
