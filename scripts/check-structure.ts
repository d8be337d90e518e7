/**
 * Walls between folders, and code that nothing uses. Run by `npm run check`; says what is wrong and why it matters.
 */
import { type SourceFile, sourceFiles } from './imports.ts'

/** Promises that wait, with timers and signals; for all but the core, and imports nothing. */
const WAITING = 'waiting'
/** Bytes in, values out; each imports only what stands before it. */
const CORE = [
  'mistake',
  'bytes',
  'packet',
  'entry',
  'reassembly',
  'dissect',
  'dissectors',
  'filter',
  'wire',
  'shared-state',
  'service-map',
  'cluster',
  'policy',
]
/** They touch the world, and do not know each other; agents use helpers. */
const EDGES = [
  'capture',
  'helpers',
  'config',
  'bus',
  'kubernetes',
  'nftables',
  'store',
  'outbox',
  'agent',
  'metrics',
  'client',
  'log',
  'node',
]
const EDGES_ACROSS: Readonly<Record<string, readonly string[]>> = {
  agent: ['helpers', 'config', 'bus', 'outbox'],
  outbox: ['bus'],
  // What a grant may look like is said once.
  config: ['helpers'],
  store: ['bus', 'kubernetes'],
  node: ['agent', 'bus', 'metrics', 'store'],
}
/** Wiring. */
const PROGRAMS = ['worker', 'hub', 'cli']
/** What core files may import from outside, folder by folder. */
const PURE_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  dissectors: ['node:zlib', 'node:crypto', 'node:module', 'graphql/language'],
  filter: ['@marcbachmann/cel-js'],
  wire: ['zod'],
  policy: ['zod'],
  'shared-state': ['@datadog/sketches-js'],
}
/** Types only: an entry is made of what a dissector found, and says so. */
const TYPES_ACROSS = new Set(['entry → dissect', 'dissect → entry'])

const isTest = ({ path }: SourceFile) =>
  path.endsWith('.test.ts') || path.startsWith('src/testing/') || path.includes('/test-')

function walls(files: readonly SourceFile[]): string[] {
  const problems: string[] = []
  for (const file of files.filter((each) => each.path.startsWith('src/') && !isTest(each))) {
    const folder = file.path.split('/')[1] as string
    for (const { target } of file.imports) {
      const problem = target.startsWith('src/')
        ? inward(folder, target.split('/')[1] as string)
        : outward(folder, target)
      if (problem !== undefined) problems.push(`${file.path} imports ${target}: ${problem}`)
    }
  }
  return problems
}

function inward(from: string, to: string): string | undefined {
  if (from === to || TYPES_ACROSS.has(`${from} → ${to}`)) return undefined
  if (to === 'testing') return 'src/testing is for tests.'
  if (from === WAITING) return 'it serves everybody, and needs nobody.'
  if (CORE.includes(from)) {
    if (!CORE.includes(to))
      return 'core folders are pure: clocks, files and sockets belong to edges; pass them in.'
    if (CORE.indexOf(to) > CORE.indexOf(from)) return `core folders look down: ${to} stands after ${from}.`
  } else if (EDGES.includes(from)) {
    if (PROGRAMS.includes(to)) return 'programs wire edges together, not the other way round.'
    if (EDGES.includes(to) && EDGES_ACROSS[from]?.includes(to) !== true)
      return 'edges do not know each other.'
  } else if (from !== 'cli' && PROGRAMS.includes(to))
    return 'worker and hub know each other by messages alone.'
  return undefined
}

function outward(folder: string, target: string): string | undefined {
  if (folder !== WAITING && !CORE.includes(folder)) return undefined
  if (PURE_LIBRARIES[folder]?.includes(target) === true) return undefined
  return 'this folder is pure: no library but those listed for them in scripts/check-structure.ts.'
}

/** The dashboard: screens do not know each other, and what runs in a browser is small and has nothing of Node. */
function dashboardWalls(files: readonly SourceFile[]): string[] {
  const own = files.filter(({ path }) => path.startsWith('dashboard/') && !path.endsWith('.test.ts'))
  return own.flatMap((file) =>
    file.imports.flatMap(({ target, isType }) => {
      const problem = dashboardProblem(file.path, target, isType)
      return problem === undefined ? [] : [`${file.path} imports ${target}: ${problem}`]
    }),
  )
}

function dashboardProblem(from: string, target: string, isType: boolean): string | undefined {
  const screen = /^dashboard\/features\/([^/]+)/.exec(from)?.[1]
  const other = /^dashboard\/features\/([^/]+)/.exec(target)?.[1]
  if (screen !== undefined && other !== undefined && screen !== other)
    return 'screens do not know each other; dashboard/routes.tsx puts one into another.'
  if (
    /^dashboard\/(lib|components)\//.test(from) &&
    (other !== undefined || target.startsWith('dashboard/shell/'))
  )
    return 'lib and components serve the screens, and do not know them.'
  if (target.startsWith('src/') && !isType && !IN_BROWSERS.has(target))
    return 'only types; what else may run in a browser is listed in scripts/check-structure.ts.'
  if (target.startsWith('node:') && from !== 'dashboard/vite.config.ts')
    return 'there is no Node in a browser.'
  return undefined
}

/** Pure, small, and without zod: these may be part of the page. */
const IN_BROWSERS = new Set([
  'src/wire/severity.ts',
  'src/wire/entry-lines.ts',
  'src/wire/recent-ids.ts',
  'src/wire/recording-name.ts',
  'src/wire/recording-schedule.ts',
  'src/filter/language.ts',
])

/** Doors in the walls that nobody goes through. */
function needless(files: readonly SourceFile[]): string[] {
  return Object.entries(EDGES_ACROSS).flatMap(([from, allowed]) => {
    const own = files.filter((file) => file.path.startsWith(`src/${from}/`) && !isTest(file))
    const targets = own.flatMap(({ imports }) => imports.map(({ target }) => target))
    return allowed
      .filter((to) => !targets.some((target) => target.startsWith(`src/${to}/`)))
      .map((to) => `scripts/check-structure.ts: ${from} needs nothing of ${to} any more`)
  })
}

/** Exports that nobody imports. A file that is a program, or is started by its name, has none that matter. */
function unused(files: readonly SourceFile[]): string[] {
  const used = new Map<string, Set<string>>()
  for (const { imports } of files)
    for (const { target, names } of imports) for (const name of names) add(used, target, name)
  const problems: string[] = []
  for (const { path, text } of files) {
    if (!/^(src|dashboard)\//.test(path)) continue
    const names = used.get(path) ?? new Set()
    if (names.has('*')) continue
    for (const [, name] of text.matchAll(EXPORT)) {
      if (names.has(name as string) || isUsedInside(text, name as string)) continue
      problems.push(`${path}: nothing uses the export ${name}`)
    }
  }
  return problems
}

/** Exported types that describe what an exported function takes or gives are used by being there. */
function isUsedInside(text: string, name: string): boolean {
  return (text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0) > 1
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set()
  map.set(key, values.add(value))
}

const EXPORT = /^export (?:async )?(?:function\*?|const|class|interface|type) ([A-Za-z0-9_]+)/gm

const files = sourceFiles('src', 'dashboard', 'scripts', 'bench', 'test')
const problems = [...walls(files), ...dashboardWalls(files), ...needless(files), ...unused(files)]
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
