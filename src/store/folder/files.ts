import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { hashOf } from '../records.ts'

/** Writes a file and has it on the disk by the end. Another one in tests, to fail where it hurts. */
export type WriteFile = (path: string, content: string) => Promise<void>

export const writeDurably: WriteFile = async (path, content) => {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** What is to be different in a folder; paths are below it. */
export type Step =
  | { readonly kind: 'write'; readonly path: string; readonly content: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'move'; readonly path: string; readonly to: string }

const journal = z.array(
  z.union([
    z.object({ move: z.string(), to: z.string() }).strict(),
    z.object({ remove: z.string() }).strict(),
  ]),
)
type Journal = z.infer<typeof journal>

/**
 * Takes several steps as one, whatever happens meanwhile: contents are written beside, then a journal says what goes where,
 * and from then on the change is made, by whoever comes next if need be. Only for who holds the lock.
 */
export class FolderFiles {
  readonly #folder: string
  readonly #write: WriteFile

  constructor(folder: string, write: WriteFile) {
    this.#folder = folder
    this.#write = write
  }

  async commit(steps: readonly Step[]): Promise<void> {
    const drafts: string[] = []
    try {
      const entries: Journal = []
      for (const step of steps)
        entries.push(
          step.kind === 'write' ? await this.#draft(step.path, step.content, drafts) : entryOf(step),
        )
      const { move: plan } = await this.#draft(JOURNAL, JSON.stringify(entries), drafts)
      await rename(this.#at(plan), this.#at(JOURNAL))
    } catch (error) {
      await Promise.all(drafts.map((path) => rm(this.#at(path), { force: true })))
      throw error
    }
    // From here on it is made, whatever happens.
    await syncFolder(this.#at(OWN))
    await this.finish()
  }

  /** Does what a journal says that somebody left, and clears away what nobody will need. */
  async finish(): Promise<void> {
    const text = await readText(this.#at(JOURNAL))
    if (text !== undefined) {
      const entries = parseJournal(text)
      if (entries === undefined) {
        await this.keepDamaged(JOURNAL, text)
        await rm(this.#at(JOURNAL), { force: true })
      } else {
        for (const entry of entries) await this.#apply(entry)
        await rm(this.#at(JOURNAL), { force: true })
      }
    }
    for (const name of await readdir(this.#at(OWN)))
      if (name.startsWith(DRAFT) || (await isLeft(this.#at(join(OWN, name)))))
        await rm(this.#at(join(OWN, name)), { force: true })
  }

  /** Keeps a copy of what nobody can read, before its place is taken. */
  async keepDamaged(path: string, content: string): Promise<void> {
    const kept = join(OWN, `${DAMAGED}${path.replaceAll('/', '-')}-${hashOf(content).slice(0, 8)}`)
    if ((await readText(this.#at(kept))) === undefined) await this.#write(this.#at(kept), content)
  }

  async #draft(path: string, content: string, drafts: string[]): Promise<{ move: string; to: string }> {
    const draft = `${DRAFTS}${randomUUID()}`
    drafts.push(draft)
    await this.#write(this.#at(draft), content)
    return { move: draft, to: path }
  }

  async #apply(entry: Journal[number]): Promise<void> {
    if ('remove' in entry) return rm(this.#at(entry.remove), { recursive: true, force: true })
    const from = this.#at(entry.move)
    // Gone when somebody did so before, and did not come to the end.
    if ((await statOf(from)) === undefined) return
    const to = this.#at(entry.to)
    await makeFolder(dirname(to))
    await rename(from, to)
    await syncFolder(dirname(to))
  }

  #at(path: string): string {
    return join(this.#folder, path)
  }
}

/** What a program wrote to take the lock with, and died. */
async function isLeft(path: string): Promise<boolean> {
  if (!LOCK_DRAFT.test(path)) return false
  return Date.now() - ((await statOf(path))?.mtimeMs ?? 0) > LEFT_MS
}

function entryOf(step: Exclude<Step, { kind: 'write' }>): Journal[number] {
  return step.kind === 'remove' ? { remove: step.path } : { move: step.path, to: step.to }
}

function parseJournal(text: string): Journal | undefined {
  try {
    const entries = journal.parse(JSON.parse(text))
    const paths = entries.flatMap((entry) => ('remove' in entry ? [entry.remove] : [entry.move, entry.to]))
    return paths.every(isBelow) ? entries : undefined
  } catch {
    return undefined
  }
}

/** A journal that somebody else wrote does not reach out of the folder. */
function isBelow(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').some((part) => part === '..' || part === '')
}

/** Undefined when there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export async function statOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What the system says is in the way becomes a Mistake that names the folder. */
export function storeMistake(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof Mistake) return error
  const code = String(error.code)
  return new Mistake('E_STORE', `the agents in ${folder} cannot be read or written: ${error.message}`, {
    hint: HINTS[code] ?? 'Nothing was changed.',
    cause: error,
  })
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Nothing was changed: make room, and do it again.',
  EDQUOT: 'The quota is used up. Nothing was changed: make room, and do it again.',
  EACCES: 'Give the user of Remora the right to read and write there.',
  EROFS: 'Name a folder that can be written with hub.folder.',
}

/** Our own files are in a folder of this name. */
export const OWN = '.remora'
const DRAFT = 'draft-'
const DRAFTS = `${OWN}/${DRAFT}`
/** As `locked` names them: somebody may wait with it for a while. */
const LOCK_DRAFT = /lock\.[0-9a-f-]{36}$/
const LEFT_MS = 600_000
const JOURNAL = `${OWN}/journal.json`
/** What nobody can read is kept under names that begin so. */
const DAMAGED = 'damaged-'
