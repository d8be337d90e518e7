import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'
import { findProgram, type Jail } from './jail.ts'

/**
 * How far a sandbox process is shut in:
 * - `full` (root on Linux): an empty root folder, a user of its own, no network, no capabilities, limits on memory;
 * - `userns`: the same by way of a user namespace, with the user's own id underneath;
 * - `permission`: Node's permission model and limits alone.
 */
export type SandboxLevel = 'full' | 'userns' | 'permission'

export const LEVELS: readonly SandboxLevel[] = ['full', 'userns', 'permission']

export interface LaunchedSandbox {
  readonly process: ChildProcess
  /** Our end of the progress file. */
  readonly progressFd: number
  readonly ended: Promise<Ending>
}

/** How a sandbox process came to its end. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started; undefined when it could. */
  readonly failure: string | undefined
  /** The end of what it wrote there. */
  readonly stderr: string
}

/** The strictest level that this machine allows, and why not a stricter one. */
export interface BestLevel {
  readonly level: SandboxLevel
  readonly because: string
}

export function bestLevel(): BestLevel {
  if (process.platform !== 'linux')
    return { level: 'permission', because: `${process.platform} has no namespaces` }
  const missing = ['unshare', 'prlimit', 'chroot', 'setpriv', 'ldd'].filter(
    (name) => findProgram(name) === undefined,
  )
  if (missing.length > 0)
    return { level: 'permission', because: `${missing.join(', ')} not found (package util-linux)` }
  const isRoot = process.getuid?.() === 0
  const level = isRoot ? 'full' : 'userns'
  const [namespaces, restricted] = shuttingIn(level, '/', tool('setpriv'), FIRST_UID)
  if (!succeeds([...namespaces, tool('true')]))
    return {
      level: 'permission',
      because: isRoot
        ? 'the kernel refuses new namespaces to this root (a container without CAP_SYS_ADMIN?)'
        : 'not root, and the kernel refuses user namespaces',
    }
  // Some containers allow namespaces, and nothing that comes after them.
  return succeeds([...namespaces, ...restricted, tool('true')])
    ? { level, because: isRoot ? '' : 'not root' }
    : {
        level: 'permission',
        because:
          'namespaces may be made here, but chroot or setpriv is refused in them (seccomp, or missing capabilities?)',
      }
}

/** Throws E_SANDBOX when this machine cannot do `required`. */
export function requireLevel(required: SandboxLevel, best: BestLevel): void {
  if (LEVELS.indexOf(best.level) <= LEVELS.indexOf(required)) return
  throw new Mistake(
    'E_SANDBOX',
    `the sandbox can be no stricter than "${best.level}" here: ${best.because}`,
    {
      hint: 'run as root on Linux with util-linux installed, or ask for less with --require-sandbox',
    },
  )
}

export function launchSandbox(level: SandboxLevel, jail: Jail | undefined, ordinal: number): LaunchedSandbox {
  const progressFd = openProgress()
  const [program, ...args] = commandLine(level, jail, ordinal)
  const child = spawn(program as string, args, {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', progressFd],
    detached: true,
  })
  return { process: child, progressFd, ended: endOf(child) }
}

function endOf(child: ChildProcess): Promise<Ending> {
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-LONGEST_STDERR)
  })
  child.stdout?.resume()
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null, failure?: string) =>
      resolve({ code, signal, failure, stderr: stderr.trim() })
    child.once('error', ({ message }) => end(null, null, message))
    child.once('close', (code, signal) => end(code, signal))
  })
}

/** A file in memory, where there is such a folder, that has no name any more. */
function openProgress(): number {
  const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const path = join(folder, `remora-progress-${randomUUID()}`)
  const fd = openSync(path, 'wx+', 0o600)
  rmSync(path)
  return fd
}

export function closeProgress(fd: number): void {
  closeSync(fd)
}

function commandLine(level: SandboxLevel, jail: Jail | undefined, ordinal: number): string[] {
  const limits = [
    tool('prlimit'),
    '--core=0',
    `--data=${(RESERVED_MB + 3 * HEAP_MB) * 2 ** 20}`,
    '--fsize=4096',
    '--nofile=64',
  ]
  const node = [
    '--permission',
    '--no-warnings',
    '--no-experimental-sqlite',
    '--disable-sigusr1',
    '--disallow-code-generation-from-strings',
    '--enable-experimental-regexp-engine-on-excessive-backtracks',
    // While a function is being compiled elsewhere V8 does not look for interrupts in its loops (TieringManager sets their
    // budget to INT_MAX / 2). Compiled here, it always does.
    '--no-concurrent-recompilation',
    `--max-old-space-size=${HEAP_MB}`,
    '--max-semi-space-size=8',
    '--allow-fs-read=*',
  ]
  if (level === 'permission' || jail === undefined) {
    const launcher = findProgram('prlimit') === undefined ? [] : limits
    const program = jail === undefined ? [] : [join(jail.root, jail.program)]
    const read = jail === undefined ? [] : [`--allow-fs-read=${join(jail.root, 'app')}`]
    const death =
      findProgram('setpriv') === undefined ? [] : [tool('setpriv'), '--no-new-privs', '--pdeathsig', 'KILL']
    return [...launcher, ...death, process.execPath, ...node.slice(0, -1), ...read, ...program]
  }
  const user = FIRST_UID + ((process.pid * 16 + ordinal) % UIDS)
  const [namespaces, restricted] = shuttingIn(level, jail.root, '/setpriv', user)
  return [...namespaces, ...limits, ...restricted, '--pdeathsig', 'KILL', '/node', ...node, jail.program]
}

/** What comes before the limits on memory, and what after them; a program and its arguments follow. */
function shuttingIn(
  level: 'full' | 'userns',
  root: string,
  setpriv: string,
  user: number,
): readonly [readonly string[], readonly string[]] {
  const mapped = level === 'userns' ? ['-U', '-r'] : []
  const asUser = level === 'full' ? ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'] : []
  const drop = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']
  return [
    [tool('unshare'), ...mapped, '-n', '-i', '-u'],
    [tool('chroot'), root, setpriv, ...asUser, ...drop],
  ]
}

function tool(name: string): string {
  return findProgram(name) ?? name
}

function succeeds([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 5000 })
    return true
  } catch {
    return false
  }
}

/** V8's heap, where it dies. */
const HEAP_MB = 512
/** V8 reserves this much of the data limit before it starts. */
const RESERVED_MB = 600
/** A user for each sandbox, far from those that people and services have: an escaped one could signal its like. */
const FIRST_UID = 0x70000000
const UIDS = 1 << 20
const LONGEST_STDERR = 16 << 10
