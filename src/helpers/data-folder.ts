import { randomUUID } from 'node:crypto'
import { lstatSync, realpathSync } from 'node:fs'
import { lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'
import { brief, hasCode } from './failure.ts'
import type { Claim, DataFolder } from './helper.ts'

/**
 * Opens the folder that scripts share, making it when it is missing, and counts what is in it against the quota.
 * One per component, for as long as it runs.
 */
export async function openDataFolder(root: string, quotaBytes: number): Promise<DataFolder> {
  await mkdir(root, { recursive: true })
  const real = await realpath(root)
  return new FencedFolder(real, quotaBytes, await weigh(real))
}

class FencedFolder implements DataFolder {
  readonly root: string
  readonly #quota: number
  #used: number
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(root: string, quota: number, used: number) {
    this.root = root
    this.#quota = quota
    this.#used = used
  }

  resolve(path: string): string {
    const target = path.includes('\0') ? sep : resolve(this.root, path)
    if (!isInside(this.root, target) || !isInside(this.root, realPlace(target)))
      throw new Mistake('E_HELPER_REFUSED', `${brief(JSON.stringify(path))} leads out of the data folder`)
    return target
  }

  reserve(bytes: number): void {
    if (bytes > 0 && this.#used + bytes > this.#quota)
      throw new Mistake('E_HELPER_REFUSED', `the data folder is full: its quota is ${this.#quota} bytes`, {
        hint: 'Delete files that are no longer needed, or raise the quota.',
      })
    this.#used = Math.max(0, this.#used + bytes)
  }

  change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(work)
    this.#lastChange = done.catch(() => 'the next change does not mind')
    return done
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/**
 * Where a path really is, as far as it exists. Synchronous: a script makes no symbolic links, so nothing but a person
 * can move the ground between this look and the use. A link to nowhere counts as outside: writing would follow it.
 */
function realPlace(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
    return isLink(path) ? sep : realPlace(dirname(path))
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

/** What every file and folder costs beside its content: a quota that empty files pass by is none. */
export const ENTRY_BYTES = 512

/** What all below `path` counts against the quota, itself included; 0 when there is nothing. */
export async function weigh(path: string): Promise<number> {
  const stats = await look(path)
  if (stats === undefined || !stats.isDirectory()) return weightOf(stats)
  let weight = ENTRY_BYTES
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
    weight += weightOf(await look(join(entry.parentPath, entry.name)))
  return weight
}

/** What a file, or a folder without what is in it, counts against the quota; 0 when there is nothing. */
export async function weighAlone(path: string): Promise<number> {
  return weightOf(await look(path))
}

function weightOf(stats: Stats): number {
  if (stats === undefined) return 0
  return stats.isDirectory() ? ENTRY_BYTES : ENTRY_BYTES + stats.size
}

type Stats = Awaited<ReturnType<typeof look>>

/** Undefined when there is nothing. Links are not followed. */
export async function look(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** Runs work that adds at most `bytes` to the file or folder `target`, under the quota. */
export function spend<T>(
  folder: DataFolder,
  target: string,
  bytes: number,
  work: () => Promise<T>,
): Promise<T> {
  return folder.change(async () => {
    const before = await weighAlone(target)
    const most = ENTRY_BYTES + bytes
    folder.reserve(most)
    try {
      return await work()
    } finally {
      folder.reserve((await weighAlone(target)) - before - most)
    }
  })
}

/** Makes a folder and those above it. One that exists is fine. */
export async function makeFolder(folder: DataFolder, target: string): Promise<void> {
  await folder.change(async () => {
    const cost = (await countMissing(target)) * ENTRY_BYTES
    folder.reserve(cost)
    try {
      await mkdir(target, { recursive: true })
    } catch (error) {
      folder.reserve(-cost)
      throw error
    }
  })
}

/** Removes a file, or a folder with all that is in it. Nothing there is fine. */
export async function removeTree(folder: DataFolder, target: string): Promise<void> {
  await folder.change(async () => {
    const before = await weigh(target)
    if (before === 0) return
    try {
      await rm(target, { recursive: true, force: true })
    } finally {
      folder.reserve((await weigh(target)) - before)
    }
  })
}

async function countMissing(path: string): Promise<number> {
  return (await look(path)) === undefined ? 1 + (await countMissing(dirname(path))) : 0
}

/**
 * Replaces a file whole or not at all: `fill` writes a draft beside it, which then takes its place. When `fill`
 * answers false all stays as it was.
 */
export async function replaceFile(target: string, fill: (draft: string) => Promise<unknown>): Promise<void> {
  const draft = join(dirname(target), `.${randomUUID()}.draft`)
  try {
    if ((await fill(draft)) === false) await discard(draft)
    else await rename(draft, target)
  } catch (error) {
    await discard(draft)
    throw namingTarget(error, draft, target)
  }
}

/** The script knows the file by its own name, not by that of the draft. */
function namingTarget(error: unknown, draft: string, target: string): unknown {
  if (!(error instanceof Error) || !('path' in error)) return error
  if (error.path === draft) error.path = target
  if ('dest' in error) delete error.dest
  return error
}

/**
 * Adds a file to the root under a name nobody has: `1767225600.pcap`, then `1767225600-1.pcap`. What it takes beyond what
 * `fill` has claimed is known only afterwards: when the quota does not hold it, it goes again. Returns the bare name.
 */
export async function addFile(
  folder: DataFolder,
  stem: string,
  ending: string,
  fill: (target: string, claim: Claim) => Promise<void>,
): Promise<string> {
  const name = await claimName(folder.root, stem, ending)
  const target = join(folder.root, name)
  let claimed = 0
  try {
    await fill(target, (bytes) => {
      folder.reserve(bytes)
      claimed += bytes
    })
    folder.reserve((await weighAlone(target)) - claimed)
    return name
  } catch (error) {
    folder.reserve(-claimed)
    await discard(target)
    throw error
  }
}

async function claimName(root: string, stem: string, ending: string): Promise<string> {
  for (let again = 0; ; again++) {
    const name = again === 0 ? stem + ending : `${stem}-${again}${ending}`
    try {
      const file = await open(join(root, name), 'wx')
      await file.close()
      return name
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  }
}

/** Clears up after a failure, which is what should be told: a second one here is not. */
async function discard(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => 'told already')
}
