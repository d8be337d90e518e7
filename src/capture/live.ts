import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Mistake } from '../mistake/mistake.ts'
import type { PacketBatch } from '../packet/batch.ts'
import {
  type CaptureRequest,
  type CaptureTool,
  cannotName,
  complaintIn,
  dumpcap,
  mistakeOf,
  permit,
  tcpdump,
} from './capture-tool.ts'
import { CaptureParser } from './parser.ts'
import type { Losses, PacketSource, Progress, Skipped } from './source.ts'

export interface LiveOptions {
  /** Names as the system has them. `any` is all interfaces at once (Linux only). */
  readonly interface: readonly string[] | 'any'
  /** A libpcap filter (BPF): `tcp port 80`. "" or absent = all packets. */
  readonly filter?: string
  /** `auto`, the default: dumpcap, or tcpdump where that is missing. */
  readonly tool?: 'dumpcap' | 'tcpdump' | 'auto'
  /** The kernel's buffer for each interface. */
  readonly bufferMiB?: number
  /** Called once, when packets sent from now on will be seen. */
  readonly onStart?: () => void
  /** Where to look for the tools, and what they see; our own by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

const DEFAULT_BUFFER_MIB = 64
/** How long a tool that was told to stop may take to hand over what it holds. */
const PATIENCE_MS = 2000
/** What a tool prints beyond this is not kept. */
const LONGEST_PRINT = 64 * 1024
/** Often not on the path of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/**
 * Captures on network interfaces through dumpcap or tcpdump. The capture begins when its packets are asked for. The
 * kernel hands packets over in blocks: those of the last quarter second before an abort (with tcpdump, of the last
 * second) are in a block that nobody gets.
 */
export function openLive(options: LiveOptions): PacketSource {
  const environment = options.environment ?? ownEnvironment()
  const found = findTool(options.tool ?? 'auto', environment)
  return new LiveSource(
    found,
    requestOf(options),
    { ...environment, LC_ALL: 'C' },
    options.onStart ?? (() => {}),
  )
}

/**
 * The program that would capture here, and whether it may: it is asked to open an interface. Throws a Mistake when there
 * is none, or when it is refused.
 */
export async function captureProgram(environment: Environment = ownEnvironment()): Promise<string> {
  const found = findTool('auto', environment)
  const [first = 'lo'] = await interfacesSeenBy(found, environment)
  const name = process.platform === 'linux' ? 'any' : first
  try {
    await promisify(execFile)(found.path, ['-L', '-i', name], {
      env: { ...environment, LC_ALL: 'C' },
      timeout: PATIENCE_MS,
    })
    return found.path
  } catch (error) {
    const printed = String((error as { stderr?: string }).stderr ?? '')
    const request = { interfaces: [name], filter: '', bufferMiB: DEFAULT_BUFFER_MIB }
    throw mistakeOf(found.tool, request, printed, [])
  }
}

/**
 * Why nothing could be captured with these options: a Mistake about the filter, in the words of the capture program, or about
 * what else is in the way. Nothing is captured for that.
 */
export async function complaintAbout(options: LiveOptions): Promise<Mistake | undefined> {
  const environment = options.environment ?? ownEnvironment()
  const found = findTool(options.tool ?? 'auto', environment)
  const request = requestOf(options)
  // Both programs print the compiled filter, or what is wrong with it; dumpcap ends with 0 then, too.
  const printed = await promisify(execFile)(found.path, found.tool.checkArguments(request), {
    env: { ...environment, LC_ALL: 'C' },
    timeout: PATIENCE_MS,
  }).then(
    ({ stderr }) => (found.tool.filterComplaint(stderr, request) === undefined ? undefined : stderr),
    (error: unknown) => String((error as { stderr?: string }).stderr ?? error),
  )
  return printed === undefined ? undefined : mistakeOf(found.tool, request, printed, [])
}

function requestOf(options: LiveOptions): CaptureRequest {
  const interfaces: CaptureRequest['interfaces'] =
    options.interface === 'any' ? 'any' : [...new Set(options.interface)]
  if (interfaces !== 'any' && (interfaces.length === 0 || interfaces.includes('')))
    throw new Mistake('E_USAGE', 'no interface to capture on', { hint: 'Name one, or say any.' })
  return {
    interfaces,
    filter: options.filter ?? '',
    bufferMiB: options.bufferMiB ?? DEFAULT_BUFFER_MIB,
  }
}

interface FoundTool {
  readonly tool: CaptureTool
  readonly path: string
}

type Environment = Readonly<Record<string, string | undefined>>
type Child = ChildProcessByStdio<null, Readable, Readable>

class LiveSource implements PacketSource {
  readonly description: string
  readonly live = true
  readonly #found: FoundTool
  readonly #request: CaptureRequest
  #arguments: string[]
  readonly #environment: Environment
  readonly #onStart: () => void
  readonly #parser: CaptureParser
  /** The tool did not know how to say which interface a packet was on, and is asked again without. */
  #begunAnonymously = false
  #printed = ''
  #bytesRead = 0
  #begun = false

  constructor(found: FoundTool, request: CaptureRequest, environment: Environment, onStart: () => void) {
    const where = request.interfaces === 'any' ? 'any' : request.interfaces.join(', ')
    this.description = `interface ${where} (${found.tool.name})`
    this.#found = found
    this.#request = request
    this.#arguments = found.tool.arguments(request)
    this.#environment = environment
    this.#onStart = onStart
    this.#parser = new CaptureParser(this.description, { interfaceName: where })
  }

  get progress(): Progress {
    return { bytesRead: this.#bytesRead, totalBytes: 0 }
  }

  get skipped(): Skipped {
    return this.#parser.notes.skipped
  }

  get problems(): readonly string[] {
    return this.#parser.notes.problems
  }

  /** The tool's last words; until then, or if it had none, those of the interface statistics in its output. */
  losses(): Losses {
    return this.#found.tool.losses(this.#printed) ?? this.#parser.notes.losses
  }

  packets(signal: AbortSignal): AsyncIterable<PacketBatch> {
    if (this.#begun) throw new Error(`${this.description} is read already`)
    this.#begun = true
    return this.#capture(signal)
  }

  async *#capture(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    yield* this.#once(signal)
    if (!this.#begunAnonymously) return
    this.#printed = ''
    this.#arguments = this.#found.tool.arguments({ ...this.#request, anonymous: true })
    yield* this.#once(signal)
  }

  async *#once(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    if (signal.aborted) return
    const child = await this.#spawn()
    const leash = new Leash(child)
    const stop = () => leash.stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      // What is left in the pipe after the abort was captured before it, and is still handed over.
      for await (const bytes of child.stdout as AsyncIterable<Uint8Array>) {
        if (this.#bytesRead === 0) this.#onStart()
        this.#bytesRead += bytes.length
        yield* this.#parser.push(bytes)
        if (this.#parser.stopped) return
      }
      await leash.ended
      const isRefused = this.#bytesRead === 0 && !signal.aborted
      if (isRefused && !this.#begunAnonymously && cannotName(this.#printed)) {
        this.#begunAnonymously = true
        return
      }
      if (isRefused) throw await this.#whyNot()
      if (this.#bytesRead > 0) this.#conclude(leash, signal)
    } finally {
      signal.removeEventListener('abort', stop)
      leash.stop()
      // A tool that still writes must not wait for us to read.
      child.stdout.destroy()
      await leash.ended
    }
  }

  async #spawn(): Promise<Child> {
    const [program, ...args] = tied([this.#found.path, ...this.#arguments])
    const child = spawn(program as string, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#environment },
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-LONGEST_PRINT)
    })
    try {
      await once(child, 'spawn')
    } catch (cause) {
      const { name } = this.#found.tool
      throw new Mistake('E_CAPTURE_REFUSED', `${name} cannot be started`, { hint: permit({ name }), cause })
    }
    return child
  }

  async #whyNot(): Promise<Mistake> {
    const existing = await interfacesSeenBy(this.#found, this.#environment)
    return mistakeOf(this.#found.tool, this.#request, this.#printed, existing)
  }

  #conclude(leash: Leash, signal: AbortSignal): void {
    // Killed with its buffers full it may leave half a packet: that is told below, and is not the packet's fault.
    if (!leash.killed) this.#parser.end()
    const { problems } = this.#parser.notes
    const { name } = this.#found.tool
    if (leash.killed)
      problems.push(`${name} did not stop when told to and was killed: its last packets are lost`)
    else if (!signal.aborted) {
      const how = leash.failure === undefined ? '' : ` (${leash.failure})`
      const why = complaintIn(this.#printed).replace(`${name}: `, '')
      problems.push(`${name} ended by itself${how}: ${why || 'it did not say why'}`)
    }
  }
}

/**
 * A command that ends when we are killed and cannot end it ourselves, where there is setpriv: on a silent interface it would
 * go on for as long as nothing comes.
 */
function tied(command: readonly string[]): readonly string[] {
  const setpriv = SETPRIVS.find(isProgram)
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', ...command]
}

/** Part of util-linux, which Linux always has. */
const SETPRIVS = ['/usr/bin/setpriv', '/bin/setpriv']

/** Holds a child process: tells it to stop, makes it stop, and lets it not outlive us. */
class Leash {
  /** Resolves when the child has ended and all it printed is here. */
  readonly ended: Promise<void>
  /** It had to be killed. */
  killed = false
  /** `exit code 1`, `SIGSEGV`: what it ended with, unless that was as it should be. */
  failure: string | undefined

  readonly #child: Child
  readonly #kill = () => this.#child.kill('SIGKILL')
  #patience: NodeJS.Timeout | undefined
  #over = false

  constructor(child: Child) {
    this.#child = child
    process.once('exit', this.#kill)
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => this.#exited(code, signal))
      child.once('close', () => resolve())
    })
  }

  /** Asks the child to hand over what it has and end. Asking again does nothing. */
  stop(): void {
    if (this.#over || this.#patience !== undefined) return
    this.#child.kill('SIGINT')
    this.#patience = setTimeout(() => {
      this.killed = true
      this.#kill()
    }, PATIENCE_MS)
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#over = true
    clearTimeout(this.#patience)
    process.off('exit', this.#kill)
    if (signal !== null) this.failure = signal
    else if (code !== 0) this.failure = `exit code ${code}`
  }
}

function ownEnvironment(): Environment {
  return { ...process.env, PATH: [process.env.PATH, ...SYSTEM_FOLDERS].join(delimiter) }
}

/** The tool that was asked for, or the first that is there. */
function findTool(wanted: 'dumpcap' | 'tcpdump' | 'auto', environment: Environment): FoundTool {
  const tools = wanted === 'auto' ? [dumpcap, tcpdump] : wanted === 'dumpcap' ? [dumpcap] : [tcpdump]
  const folders = (environment.PATH ?? '').split(delimiter).filter(Boolean)
  const paths = tools.flatMap((tool) => folders.map((folder) => ({ tool, path: join(folder, tool.name) })))
  const usable = paths.find(({ path }) => isProgram(path) && mayRun(path))
  if (usable) return usable

  const forbidden = paths.find(({ path }) => isProgram(path))
  if (forbidden)
    throw new Mistake('E_CAPTURE_REFUSED', `${forbidden.path} may not be run by this user`, {
      hint: 'Run with sudo, or join its group: sudo usermod -a -G wireshark $USER',
    })
  throw new Mistake('E_CAPTURE_TOOL', `${tools.map(({ name }) => name).join(' or ')} is not installed`, {
    hint: tools.map(({ install }) => install).join(' or '),
  })
}

/** A folder on the path that may not be looked into has none. */
function isProgram(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Out of `-D`, which prints `3. lo (Loopback)` or `3.lo [Up, Running]`. */
async function interfacesSeenBy({ path }: FoundTool, environment: Environment): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)(path, ['-D'], {
      env: { ...environment },
      timeout: PATIENCE_MS,
    })
    return [...stdout.matchAll(/^\d+\.\s*(\S+)/gm)].flatMap(([, name]) => name ?? [])
  } catch {
    return []
  }
}
