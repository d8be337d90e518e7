import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { TRIAL_LIMITS, type TrialOutcome } from '../../wire/trials.ts'

/** Files below a folder by name, with how they begin, as far as that is text. */
export function storedFiles(root: string): TrialOutcome['stored']['files'] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .slice(0, TRIAL_LIMITS.files)
    .map((path) => ({ path: relative(root, path), bytes: statSync(path).size, head: headOf(path) }))
}

function headOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(HEAD_BYTES)
    const head = bytes.subarray(0, readSync(file, bytes, 0, HEAD_BYTES, 0))
    return head.includes(0) ? '' : head.toString()
  } finally {
    closeSync(file)
  }
}

const HEAD_BYTES = 1000
