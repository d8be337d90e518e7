import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real program in a folder of its own, to its end; `meanwhile` gets the process id. */
export async function remora(args: readonly string[], options: RunInside = {}): Promise<Finished> {
  const child = spawn(process.execPath, [join(REPOSITORY, 'bin/remora.cjs'), ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, ...options.env },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.stdin)
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  try {
    await options.meanwhile?.(child.pid as number, () => stdout + stderr)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { code: await closed, stdout, stderr }
}

export interface RunInside {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array
  meanwhile?(pid: number, output: () => string): Promise<void>
}

/** A folder with these files, for as long as `use` takes. */
export async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-test-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
