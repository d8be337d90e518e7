import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Mistake } from '../mistake/mistake.ts'

/** A folder that holds all that a sandbox process needs, and nothing else. */
export interface Jail {
  readonly root: string
  /** The program inside, as seen from inside. */
  readonly program: string
}

/**
 * Prepares the root folder of sandbox processes: the Node binary, setpriv, the shared libraries of both, and the
 * sandbox program with its types stripped. Kept in the cache under a name that is made of everything that goes in,
 * so that it is made once; concurrent starts are harmless.
 */
export function prepareJail(): Jail {
  const app = collectProgram()
  const node = realpathSync(process.execPath)
  const setpriv = findProgram('setpriv')
  const hash = createHash('sha256')
  hash.update(`${node} ${statSync(node).size} ${statSync(node).mtimeMs} ${setpriv ?? ''}`)
  for (const [path, text] of app) hash.update(path).update(text)
  const name = `jail-${hash.digest('hex').slice(0, 16)}`
  const root = join(cacheFolderFor(name), name)
  const program = `/app/${MAIN}`.replace(/\.ts$/, '.mjs')
  if (existsSync(root)) {
    touch(root)
    return { root, program }
  }

  const building = `${root}.${process.pid}`
  try {
    rmSync(building, { recursive: true, force: true })
    furnish(building, { node, ...(setpriv === undefined ? {} : { setpriv }) }, app)
    renameSync(building, root)
  } catch (cause) {
    rmSync(building, { recursive: true, force: true })
    if (!existsSync(root))
      throw new Mistake(
        'E_SANDBOX',
        `the files of the sandbox cannot be put in ${dirname(root)}: ${(cause as Error).message}`,
        {
          hint: 'Make room there (300 MB), or set XDG_CACHE_HOME to another folder.',
          cause,
        },
      )
  }
  removeOldJails(root)
  return { root, program }
}

/** Puts everything in its place: the programs with their libraries, and what runs in them. */
function furnish(
  root: string,
  programs: Readonly<Record<string, string>>,
  app: ReadonlyMap<string, string>,
): void {
  mkdirSync(join(root, 'app'), { recursive: true })
  chmodSync(root, 0o755)
  for (const [name, program] of Object.entries(programs)) placeProgram(program, join(root, name))
  for (const library of librariesOf(Object.values(programs)))
    placeProgram(realpathSync(library), join(root, library))
  for (const [path, text] of app) {
    const target = join(root, 'app', path.replace(/\.ts$/, '.mjs'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, stripped(text))
  }
  for (const name of PACKAGES)
    cpSync(packageFolder(name), join(root, 'app', 'node_modules', name), { recursive: true })
}

/** The sandbox program and everything that it imports, as it is; paths relative to `src/`. */
function collectProgram(): Map<string, string> {
  const files = new Map<string, string>()
  const waiting = [join(SOURCE, MAIN)]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const name = relative(SOURCE, path)
    if (files.has(name)) continue
    const text = readFileSync(path, 'utf8')
    files.set(name, text)
    for (const [, specifier] of text.matchAll(RELATIVE_IMPORT))
      waiting.push(resolve(dirname(path), specifier as string))
  }
  return files
}

/** As the sandbox runs it: permission to strip types is one that it does not get. */
function stripped(text: string): string {
  return stripTypeScriptTypes(text).replace(RELATIVE_IMPORT, (whole, specifier: string) =>
    whole.replace(specifier, specifier.replace(/\.ts$/, '.mjs')),
  )
}

/** A hard link where that is possible, since the Node binary has 200 MB; else a copy. */
function placeProgram(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true })
  try {
    linkSync(source, target)
  } catch {
    copyFileSync(source, target, constants.COPYFILE_FICLONE)
    chmodSync(target, 0o755)
  }
}

/** Paths of the shared libraries that the loader would use. */
function librariesOf(programs: readonly string[]): Set<string> {
  const libraries = new Set<string>()
  const ldd = findProgram('ldd')
  // Without it there is no level that needs them.
  if (ldd === undefined) return libraries
  for (const program of programs) {
    const listing = execFileSync(ldd, [program], { encoding: 'utf8' })
    for (const [, path] of listing.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) libraries.add(path as string)
  }
  return libraries
}

export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':').filter(Boolean), ...SYSTEM_FOLDERS]
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  return found === undefined ? undefined : realpathSync(found)
}

function packageFolder(name: string): string {
  const entry = fileURLToPath(import.meta.resolve(name))
  const mark = `${sep}node_modules${sep}${name.replace('/', sep)}`
  return entry.slice(0, entry.lastIndexOf(mark) + mark.length)
}

/** Where the jail of this name is, or can be made. */
function cacheFolderFor(name: string): string {
  const cache = userCache()
  if (cache !== undefined && (existsSync(join(cache, name)) || isWritable(cache))) return cache
  const temporary = ownTemporaryFolder()
  if (isWritable(temporary) && isMine(temporary)) return temporary
  const tried = cache === undefined ? temporary : `${cache} and ${temporary}`
  throw new Mistake('E_SANDBOX', `the sandbox needs a folder for its files, and cannot write to ${tried}`, {
    hint: 'Set XDG_CACHE_HOME to a folder of yours, with 300 MB of room.',
  })
}

function userCache(): string | undefined {
  if (process.env.XDG_CACHE_HOME) return resolve(process.env.XDG_CACHE_HOME, 'remora')
  const home = homeFolder()
  return home === undefined ? undefined : join(home, '.cache', 'remora')
}

/** For users without a home to write to. */
function ownTemporaryFolder(): string {
  return join(tmpdir(), `remora-${process.getuid?.() ?? 'cache'}`)
}

/** Whether it is there, or can be made, and takes files. */
function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Whoever else could write there would run programs as this user. */
function isMine(folder: string): boolean {
  const { uid, mode } = lstatSync(folder)
  return uid === process.getuid?.() && (mode & 0o022) === 0
}

/** Undefined for a user that the system does not know, without HOME. */
export function homeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

function touch(path: string): void {
  const now = new Date()
  try {
    utimesSync(path, now, now)
  } catch {
    // Somebody else's cache: it is only kept for less long.
  }
}

/** Jails of earlier versions, unused for a week. */
function removeOldJails(current: string): void {
  const folder = dirname(current)
  const before = Date.now() - 7 * 24 * 3600_000
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (name.startsWith('jail-') && path !== current && statSync(path).mtimeMs < before)
      rmSync(path, { recursive: true, force: true })
  }
}

const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
const SOURCE = fileURLToPath(new URL('..', import.meta.url))
const MAIN = 'agent/host/main.ts'
/** Packages that the sandbox program imports. */
const PACKAGES = ['croner', '@marcbachmann/cel-js']
/** `import type` goes away with the types. */
const RELATIVE_IMPORT = /^(?!import type )[^\n]*(?:from|import)\s*'(\.[^']+\.ts)'/gm
