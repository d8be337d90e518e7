import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Mistake } from '../../mistake/mistake.ts'
import { brief } from '../failure.ts'
import type { HelperHost } from '../helper.ts'

/** A file of the data folder that is to be uploaded. */
export interface LocalFile {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** `bytes` of it from `start` on, read as they are sent. */
  read(start: number, bytes: number): Readable
}

/** Throws when there is none, or when the path leads out of the folder. */
export async function localFile(helper: string, host: HelperHost, path: string): Promise<LocalFile> {
  const target = host.files.resolve(path)
  const stats = await stat(target)
  if (!stats.isFile()) throw new Mistake('E_HELPER_FAILED', `${helper}: ${brief(path)} is no file`)
  return {
    path: target,
    bytes: stats.size,
    read: (start, bytes) =>
      bytes === 0 ? Readable.from([]) : createReadStream(target, { start, end: start + bytes - 1 }),
  }
}
