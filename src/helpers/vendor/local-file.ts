import { open, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Mistake } from '../../mistake/mistake.ts'
import { brief } from '../failure.ts'
import type { HelperHost } from '../helper.ts'
import { freshenNameHistory } from '../name-history.ts'

/** A file of the data folder that is to be uploaded. */
export interface LocalFile {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** `bytes` of it from `start` on. It is opened when somebody reads. */
  read(start: number, bytes: number): Readable
}

/** Throws when there is none, or when the path leads out of the folder. */
export async function localFile(helper: string, host: HelperHost, path: string): Promise<LocalFile> {
  const target = host.files.resolve(path)
  await freshenNameHistory(target, host)
  return await openLocalFile(helper, path, target)
}

/** The same, once the path is resolved to `target`. */
export async function openLocalFile(helper: string, path: string, target: string): Promise<LocalFile> {
  const stats = await stat(target)
  if (!stats.isFile()) throw new Mistake('E_HELPER_FAILED', `${helper}: ${brief(path)} is no file`)
  return {
    path: target,
    bytes: stats.size,
    read: (start, bytes) => Readable.from(piecesOf(target, start, bytes), { objectMode: false }),
  }
}

async function* piecesOf(path: string, start: number, bytes: number): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return
  const file = await open(path)
  try {
    yield* file.createReadStream({ start, end: start + bytes - 1, autoClose: false })
  } finally {
    await file.close()
  }
}
