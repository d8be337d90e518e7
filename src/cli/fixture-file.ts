import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'
import { type Fixture, fixture } from '../wire/trials.ts'

/** The files that paths name: fixtures as they are, of folders all `*.test.json` below them, in order of name. */
export function findFixtures(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path))
      throw new Mistake('E_FIXTURE', `there is no ${path}`, {
        hint: 'name fixtures, or folders that hold them',
      })
    return statSync(path).isDirectory() ? below(path) : [path]
  })
  if (files.length === 0)
    throw new Mistake('E_FIXTURE', `no fixtures in ${paths.join(', ')}`, {
      hint: `fixtures end in ${ENDING}; the dashboard makes one of a trial`,
    })
  return files
}

/** Throws `E_FIXTURE` for what is none. */
export function readFixture(path: string): Fixture {
  const read = fixture.safeParse(jsonIn(path))
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new Mistake('E_FIXTURE', `${path} is no fixture: ${issue?.path.join('.')}: ${issue?.message}`, {
    cause: read.error,
  })
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Mistake('E_FIXTURE', `${path} is no fixture: ${(cause as Error).message}`, { cause })
  }
}

function below(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ENDING) && !name.includes('node_modules'))
    .sort()
    .map((name) => join(folder, name))
}

const ENDING = '.test.json'
