import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Folder of packages that stand for clouds, with a lock of its own: `npm ci --prefix test/emulators`. */
const PACKAGES = join(import.meta.dirname, '../../test/emulators/node_modules')

/** Why a test that needs one of them is left out; false: it is there, or this is CI, where it must be. */
export function withoutEmulator(name: string): string | false {
  if (existsSync(join(PACKAGES, name)) || process.env.CI !== undefined) return false
  return `${name} is not installed: npm ci --prefix test/emulators`
}

/** A file of one of them. */
export function emulatorFile(...path: readonly string[]): string {
  return join(PACKAGES, ...path)
}
