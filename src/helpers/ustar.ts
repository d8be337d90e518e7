import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'

/** A file or folder to pack: where it is and what it is called in the archive. */
interface Member {
  readonly path: string
  readonly name: string
}

/**
 * A folder as a tar archive, piece by piece. Format: POSIX.1-1988 ustar (`man 5 tar`). Names are relative to the
 * folder and sorted; only files and folders go in, and not `archive`, where the result is being written. A file that
 * changes meanwhile is cut or padded to its first size.
 */
export async function* tarOf(folder: string, archive: string): AsyncGenerator<Uint8Array> {
  for (const member of await membersOf(folder)) if (member.path !== archive) yield* pack(member)
  yield Buffer.alloc(2 * BLOCK)
}

const BLOCK = 512

async function membersOf(folder: string): Promise<Member[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const members = entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    if (entry.isDirectory()) return [{ path, name: `${name}/` }]
    return entry.isFile() ? [{ path, name }] : []
  })
  return members.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function* pack({ path, name }: Member): AsyncGenerator<Uint8Array> {
  const stats = await lstat(path)
  const size = stats.isFile() ? stats.size : 0
  yield header(name, size, Math.floor(stats.mtimeMs / 1000))
  if (size > 0) yield* exactly(size, createReadStream(path, { end: size - 1 }))
  yield Buffer.alloc(-size & (BLOCK - 1))
}

async function* exactly(size: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let missing = size
  for await (const chunk of chunks) {
    missing -= chunk.length
    yield chunk
  }
  for (; missing > 0; missing -= BLOCK) yield Buffer.alloc(Math.min(missing, BLOCK))
}

function header(name: string, size: number, seconds: number): Uint8Array {
  if (size > LARGEST_FILE)
    throw new Mistake('E_HELPER_FAILED', `file.tar: ${name}: larger than an archive can hold (8 GiB)`)
  const block = Buffer.alloc(BLOCK)
  const [prefix, base] = splitName(name)
  const isFolder = name.endsWith('/')
  base.copy(block, 0)
  block.write(isFolder ? '0000755\0' : '0000644\0', 100)
  block.write('0000000\x000000000\0', 108) // owner and group: root
  block.write(`${octal(size, 11)} ${octal(seconds, 11)} `, 124)
  block.write('        ', 148) // the checksum counts itself as spaces
  block.write(isFolder ? '5' : '0', 156)
  block.write('ustar\x0000', 257)
  prefix.copy(block, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}

const LARGEST_FILE = 8 ** 11 - 1

function octal(value: number, digits: number): string {
  return Math.max(0, value).toString(8).padStart(digits, '0')
}

/** At most 100 bytes, or 155 and 100 around a slash that is not written. */
function splitName(name: string): [prefix: Buffer, base: Buffer] {
  const bytes = Buffer.from(name)
  if (bytes.length <= 100) return [Buffer.alloc(0), bytes]
  const slash = bytes.indexOf('/', bytes.length - 101)
  if (slash < 1 || slash > 155 || slash === bytes.length - 1)
    throw new Mistake('E_HELPER_FAILED', `file.tar: the path is too long for an archive: ${name}`)
  return [bytes.subarray(0, slash), bytes.subarray(slash + 1)]
}
