/**
 * Builds the dashboard into dist/dashboard, with compressed copies beside the files. `--if-stale`: only when what it is made
 * of is not what it was made of the last time.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { ROOT } from './imports.ts'

const OUT = join(ROOT, 'dist/dashboard')
const STAMP = join(ROOT, 'dist/dashboard.sha256')
/** What a change of can change the result; whole folders, and single files. */
const INPUTS = ['dashboard', 'src/wire', 'src/entry', 'src/filter', 'remora.d.ts', 'package-lock.json']

/** Whether something was built. */
export async function buildDashboard({ onlyIfStale = false } = {}): Promise<boolean> {
  const stamp = hashOfInputs()
  if (onlyIfStale && existsSync(OUT) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp)
    return false
  process.stderr.write('Building the dashboard; that takes some seconds, and is done once.\n')
  // What is there is out of date: whoever waits for the dashboard is not to get it.
  rmSync(OUT, { recursive: true, force: true })
  // Takes a second to load, and is not needed each time.
  const { build } = await import('vite')
  await build({ configFile: join(ROOT, 'dashboard/vite.config.ts'), logLevel: 'warn' })
  await Promise.all(filesBelow(OUT).filter(isWorthIt).map(compress))
  writeFileSync(STAMP, stamp)
  return true
}

function hashOfInputs(): string {
  const hash = createHash('sha256')
  for (const input of INPUTS)
    for (const file of filesBelow(join(ROOT, input)))
      hash.update(file.slice(ROOT.length)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

/** Sorted; a file is itself. */
function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort()
}

function isWorthIt(file: string): boolean {
  return /\.(js|css|html|svg|ttf|json)$/.test(file) && statSync(file).size > SMALL
}

async function compress(file: string): Promise<void> {
  const bytes = await readFile(file)
  await Promise.all([
    gzipped(bytes, { level: 6 }).then((packed) => writeFile(`${file}.gz`, packed)),
    brotlied(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }).then((packed) =>
      writeFile(`${file}.br`, packed),
    ),
  ])
}

const gzipped = promisify<Buffer, object, Buffer>(gzip)
const brotlied = promisify<Buffer, object, Buffer>(brotliCompress)
const SMALL = 1024
/** More takes several times as long, and saves a few percent. */
const QUALITY = 5

if (import.meta.main) await buildDashboard({ onlyIfStale: process.argv.includes('--if-stale') })
