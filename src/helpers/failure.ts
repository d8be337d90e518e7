import { relative } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'
import type { HelperHost } from './helper.ts'

/** Why a helper failed, as its script may read it. What nobody but us can mend is given back as it is. */
export function asMistake(error: unknown, path: string, host: HelperHost): unknown {
  if (error instanceof Mistake) return error
  if (host.signal.aborted)
    return new Mistake('E_HELPER_FAILED', `${path}: the time for this call is up`, { cause: error })
  if (isErrno(error))
    return new Mistake('E_HELPER_FAILED', `${path}: ${placeOf(error, host)}${reasonOf(error)}`, {
      cause: error,
    })
  return error
}

/** An error of the operating system. */
export function isErrno(error: unknown): error is NodeJS.ErrnoException & { dest?: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** `dfir/a.txt: `, seen from the data folder. Paths elsewhere are nobody's business. */
function placeOf(error: NodeJS.ErrnoException & { dest?: string }, host: HelperHost): string {
  const places = [error.path, error.dest].flatMap((path) => {
    const inside = path === undefined ? '..' : relative(host.files.root, path)
    return inside.startsWith('..') ? [] : [inside || '.']
  })
  return places.length === 0 ? '' : `${places.map(brief).join(' → ')}: `
}

/** Text from a script, cut so that it does not fill the console. */
export function brief(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
}

const LONGEST_TEXT = 200

function reasonOf(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? `failed (${error.code})`
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'in use',
  EDQUOT: 'no space left',
  EEXIST: 'exists already',
  EFBIG: 'the file would be too large',
  EINVAL: 'not possible with this path',
  EIO: 'the disk failed',
  EISDIR: 'is a folder',
  ELOOP: 'symbolic links in a circle',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'is not a folder',
  ENOTEMPTY: 'the folder is not empty',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
}
