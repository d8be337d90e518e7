import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/index.ts'
import type { RunTrial } from '../../hub/trials.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { scratchFolder } from '../../store/scratch-folder.ts'
import { TRIAL_LIMITS, type TrialOutcome, trialOutcome } from '../../wire/trials.ts'

/**
 * Runs trials in programs of their own: `remora trial` gets the settings and the order, and prints the outcome. What they leave
 * in `folder`, when they are killed, is removed.
 */
export function trialRunner(config: Config, folder?: string): RunTrial {
  return async (order, signal) => {
    const place = scratchFolder('trial', folder)
    try {
      return await runProgram(JSON.stringify({ config, order }), place, signal)
    } finally {
      await rm(place, { recursive: true, force: true })
    }
  }
}

async function runProgram(asked: string, place: string, signal: AbortSignal): Promise<TrialOutcome> {
  const child = spawn(process.execPath, [`--max-old-space-size=${MOST_MB}`, PROGRAM, 'trial'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: place },
    // With the time of its own limit it ends by itself; this is for when it cannot.
    signal: AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMITS.ms + GRACE_MS)]),
    killSignal: 'SIGKILL',
  })
  const [out, err] = [new Output(MOST_OUTPUT), new Output(MOST_ERRORS)]
  child.stdout.on('data', (chunk: Buffer) => out.add(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.add(chunk))
  child.stdin.on('error', () => 'it says itself why it has ended')
  child.stdin.end(asked)
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
  const outcome = trialOutcome.safeParse(parsed(out.text))
  if (code === 0 && outcome.success) return outcome.data
  throw new Mistake('E_SANDBOX', `the trial has ended without an outcome: ${reasonOf(code, err.text)}`)
}

/** What a program prints, as far as anybody reads it. */
class Output {
  readonly #most: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= this.#most) this.#chunks.push(chunk)
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Its last words, when it has some: `remora: …`. */
function reasonOf(code: number | null, errors: string): string {
  const said = /^remora: (.*)$/m.exec(errors)?.[1]
  return said ?? (code === null ? 'it took too long, or too much memory' : `it failed (${code})`)
}

const PROGRAM = fileURLToPath(new URL('../../../bin/remora.cjs', import.meta.url))
/** Beside the sandbox, which has limits of its own. */
const MOST_MB = 1024
const MOST_OUTPUT = 64 << 20
const MOST_ERRORS = 64 << 10
const GRACE_MS = 15_000
