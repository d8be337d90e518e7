import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { tarOf } from '../../helpers/ustar.ts'
import { scratchFolder } from '../../store/scratch-folder.ts'

/** What is to go into an archive, collected on disk: its sizes stand in front of it. Gone when the archive was read, or `remove`d. */
export class ArchiveFolder {
  readonly #path: string
  readonly #pages: string
  #count = 0

  static async make(): Promise<ArchiveFolder> {
    const path = scratchFolder('recording')
    const folder = new ArchiveFolder(path)
    await mkdir(join(path, CONTENT, 'pcaps'), { recursive: true })
    await mkdir(folder.#pages)
    return folder
  }

  private constructor(path: string) {
    this.#path = path
    this.#pages = join(path, 'pages')
  }

  async add(name: string, bytes: AsyncIterable<Uint8Array> | string): Promise<void> {
    const path = join(this.#path, CONTENT, name)
    if (typeof bytes === 'string') await writeFile(path, bytes)
    else await pipeline(bytes, createWriteStream(path))
  }

  /** Entries come newest first, and stand in the archive oldest first. */
  async addPage(entries: readonly string[]): Promise<void> {
    await writeFile(
      this.#page(this.#count++),
      entries
        .toReversed()
        .map((entry) => `${entry}\n`)
        .join(''),
    )
  }

  async endPages(): Promise<void> {
    await this.add('entries.jsonl', this.#entries())
  }

  /** As tar.gz; the folder goes with it. */
  stream(): Readable {
    const packed = Readable.from(tarOf(join(this.#path, CONTENT), '')).on('error', (error) =>
      gzip.destroy(error),
    )
    const gzip = createGzip()
    gzip.once('close', () => {
      packed.destroy()
      void this.remove()
    })
    return packed.pipe(gzip)
  }

  async remove(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true })
  }

  async *#entries(): AsyncGenerator<Uint8Array> {
    for (let page = this.#count - 1; page >= 0; page--) yield* createReadStream(this.#page(page))
  }

  #page(number: number): string {
    return join(this.#pages, String(number))
  }
}

const CONTENT = 'content'
