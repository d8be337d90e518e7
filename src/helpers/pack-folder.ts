import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { addFile } from './data-folder.ts'
import type { HelperHost } from './helper.ts'
import { tarOf } from './ustar.ts'

/** Packs the files of a folder into `<stem>.tar.gz` in the data folder, under a name nobody has. Answers that name. */
export async function packFolder(
  folder: string,
  stem: string,
  { files, signal }: Pick<HelperHost, 'files' | 'signal'>,
): Promise<string> {
  return await addFile(files, stem, '.tar.gz', (archive) =>
    pipeline(Readable.from(tarOf(folder, archive)), createGzip(), createWriteStream(archive), { signal }),
  )
}
