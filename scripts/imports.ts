import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A source file with what it imports. */
export interface SourceFile {
  /** Relative to the root of the repository. */
  readonly path: string
  readonly text: string
  readonly imports: readonly {
    readonly target: string
    readonly names: readonly string[]
    /** Of types alone: nothing of it is there at run time. */
    readonly isType: boolean
  }[]
}

/** Every TypeScript file below these folders. `verbatimModuleSyntax` makes reading imports by pattern safe. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => read(join(ROOT, folder, name))),
  )
}

function read(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const late = [...text.matchAll(LATE_IMPORT)].map(([all, specifier, name]) => [
    all,
    `{ ${name} }`,
    specifier,
  ])
  const imports = [...text.matchAll(IMPORT), ...text.matchAll(DYNAMIC_IMPORT), ...late].map(
    ([all = '', names, specifier]) => ({
      isType: /^(import|export)\s+type\b/.test(all),
      target: (specifier as string).startsWith('.')
        ? relative(ROOT, join(dirname(file), specifier as string))
        : (specifier as string),
      names: namesIn(names ?? ''),
    }),
  )
  return { path: relative(ROOT, file), text, imports }
}

/** `{ type A, b as c }` → A, b. `* as x` and whole modules give `*`. */
function namesIn(clause: string): string[] {
  const braces = /\{([\s\S]*)\}/.exec(clause)?.[1]
  if (braces === undefined) return ['*']
  return braces
    .split(',')
    .map(
      (each) =>
        each
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0] as string,
    )
    .filter((each) => each !== '')
}

const DYNAMIC_IMPORT = /(\{[^{}]*\})\s*=\s*await import\('([^']+)'\)/g
const LATE_IMPORT = /\(await import\('([^']+)'\)\)\.(\w+)/g
const IMPORT = /^(?:import|export)\s+(?:type\s+)?([\s\S]*?)\s*from\s+'([^']+)'/gm
