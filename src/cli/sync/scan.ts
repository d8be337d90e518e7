import { createHash } from 'node:crypto'
import { type BigIntStats, globSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, matchesGlob, relative, resolve, sep } from 'node:path'
import { isAgentFile, readScript } from '../../agent/agents.ts'
import { AgentSyntaxMistake, type Language, parseAgent } from '../../agent/source/gate.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { MOST_CODE_BYTES } from '../../wire/agents.ts'
import type { Content, Problem, SeenFile } from './model.ts'
import { fileTitle } from './title.ts'

export interface ScanOptions {
  readonly cwd: string
  readonly recursive: boolean
  readonly language: Language
}

export interface Scan {
  readonly files: readonly SeenFile[]
  /** Folders in which something may change. */
  readonly folders: ReadonlySet<string>
  /** Whether a file that is not there is missing, and not only out of sight. */
  readonly covers: (path: string) => boolean
  readonly problems: readonly Problem[]
  /** Another one after each change of what is in the files, or of how far they are written. */
  readonly state: string
}

/** Finds the files that paths name, and reads those that have changed since the scan before. */
export class Scanner {
  readonly #paths: readonly string[]
  readonly #options: ScanOptions
  /** What the paths were when they were last there. */
  readonly #wasFolder = new Set<string>()
  readonly #wasFile = new Set<string>()
  readonly #known = new Map<string, Known>()
  #isFirst = true

  constructor(paths: readonly string[], options: ScanOptions) {
    this.#paths = [...new Set(paths.map((path) => resolve(options.cwd, path)))]
    this.#options = options
  }

  scan(now: number): Scan {
    const found = new Found()
    for (const path of this.#paths) this.#find(path, found)
    const files = [...found.files].sort().flatMap((path) => this.#see(path, now))
    for (const path of this.#known.keys()) if (!found.files.has(path)) this.#known.delete(path)
    this.#isFirst = false
    return {
      files,
      folders: found.folders,
      covers: (path) => found.covers(path),
      problems: found.problems,
      state: stateOf(files, found),
    }
  }

  #find(path: string, found: Found): void {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isDirectory() === true) {
      this.#wasFolder.add(path)
      this.#findIn(path, found)
      const { recursive } = this.#options
      found.scopes.push(recursive ? (file) => isBelow(file, path) : (file) => dirname(file) === path)
    } else if (stats === undefined && this.#wasFolder.has(path)) {
      found.hide(path, `there is no ${this.#shown(path)} any more: its agents were left as they are`)
    } else if (stats === undefined && /[*?[{]/.test(path)) {
      for (const file of globSync(path))
        if (isAgentFile(nameOf(file), this.#options.language)) found.add(file)
      found.scopes.push((file) => matchesGlob(file, path))
    } else {
      this.#findNamed(path, stats !== undefined, found)
    }
  }

  #findNamed(path: string, isThere: boolean, found: Found): void {
    found.folders.add(dirname(path))
    found.scopes.push((file) => file === path)
    if (isThere) {
      this.#wasFile.add(path)
      found.add(path)
    } else if (!this.#wasFile.has(path)) found.lacks(path, `there is no ${this.#shown(path)}`)
  }

  #findIn(folder: string, found: Found): void {
    found.folders.add(folder)
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (isAgentFile(entry.name, this.#options.language) && !isFolder(path)) found.add(path)
        else if (this.#options.recursive && isSubFolder(entry.name) && entry.isDirectory())
          this.#findIn(path, found)
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      found.hide(folder, `${this.#shown(folder)} cannot be read: ${error.message}`)
    }
  }

  #see(path: string, now: number): SeenFile[] {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
    if (stats === undefined) return []
    const stamp = `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino}`
    const before = this.#known.get(path)
    const known =
      before?.stamp === stamp ? before : { stamp, since: this.#since(stats, now), content: undefined }
    this.#known.set(path, known)
    if (known.content === undefined && now - known.since >= SETTLED_MS) known.content = this.#read(path)
    return [{ path, inode: inodeOf(stats), content: known.content ?? { kind: 'unsettled' } }]
  }

  /** What was there before we came, and has not been touched for a while, is whole. */
  #since({ mtimeNs }: BigIntStats, now: number): number {
    const mtime = Number(mtimeNs / 1_000_000n)
    return this.#isFirst && mtime < now - SETTLED_MS ? mtime : now
  }

  #read(path: string): Content {
    const file = this.#shown(path)
    try {
      const text = readScript(path)
      const code = path.endsWith('.ts') ? parseAgent(text, { language: 'modern', file }).source : text
      refuseBroken(code, file)
      refuseSize(code, file)
      return {
        kind: 'script',
        title: fileTitle(text, path),
        code,
        hash: hashOf(code),
        isText: code === text,
      }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      return { kind: 'broken', mistake: { message: error.message, hint: error.hint } }
    }
  }

  #shown(path: string): string {
    return shownPath(path, this.#options.cwd)
  }
}

interface Known {
  readonly stamp: string
  readonly since: number
  content: Content | undefined
}

/** What one scan has found. */
class Found {
  readonly files = new Set<string>()
  readonly folders = new Set<string>()
  readonly scopes: ((path: string) => boolean)[] = []
  readonly problems: Problem[] = []
  readonly #hidden: string[] = []

  add(path: string): void {
    this.files.add(path)
    this.folders.add(dirname(path))
  }

  covers(path: string): boolean {
    return this.scopes.some((scope) => scope(path)) && !this.#hidden.some((folder) => isBelow(path, folder))
  }

  hide(folder: string, message: string): void {
    this.#hidden.push(folder)
    this.lacks(folder, message)
  }

  lacks(path: string, message: string): void {
    this.problems.push({ key: `unreadable ${path} ${message}`, path, kind: 'unreadable', message })
  }
}

/** What neither language takes. Which one is spoken is for the hub to say. */
function refuseBroken(code: string, file: string): void {
  const modern = problemOf(code, 'modern', file)
  const es5 = modern === undefined ? undefined : problemOf(code, 'es5', file)
  if (modern !== undefined && es5 !== undefined) throw isFurther(es5, modern) ? es5 : modern
}

/** What keeps a text from being a script of the language. */
export function problemOf(code: string, language: Language, file: string): AgentSyntaxMistake | undefined {
  try {
    parseAgent(code, { language, file })
    return undefined
  } catch (error) {
    if (error instanceof AgentSyntaxMistake) return error
    throw error
  }
}

/** Who came further understood more. */
function isFurther(one: AgentSyntaxMistake, other: AgentSyntaxMistake): boolean {
  return one.line > other.line || (one.line === other.line && one.column >= other.column)
}

function refuseSize(code: string, file: string): void {
  const size = Buffer.byteLength(code)
  if (size > MOST_CODE_BYTES)
    throw new Mistake(
      'E_TOO_LARGE',
      `${file} has ${size} bytes, more than the ${MOST_CODE_BYTES} of an agent`,
      {
        hint: 'make several agents of it, or leave out what it does not need',
      },
    )
}

function stateOf(files: readonly SeenFile[], { problems }: Found): string {
  const states = files.map(({ path, inode, content }) => {
    const what = content.kind === 'script' ? content.hash : content.kind
    return `${path} ${inode} ${what} ${content.kind === 'broken' ? content.mistake.message : ''}`
  })
  return [...states, ...problems.map(({ key }) => key)].join('\n')
}

/** A number that is given again to another file comes with another time of birth. */
function inodeOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`
}

export function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}

/** As people type it: from the folder that they are in, when it is below. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path)
  return short === '' || short.startsWith('..') ? path : short
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function isSubFolder(name: string): boolean {
  return !name.startsWith('.') && name !== 'node_modules'
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(sep) + 1)
}

/** Editors write a file in several steps. */
export const SETTLED_MS = 250
