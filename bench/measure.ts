import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const REMORA = fileURLToPath(new URL('../bin/remora.cjs', import.meta.url))
export const AGENTS = fileURLToPath(new URL('agents/', import.meta.url))

export interface Measured {
  readonly wallMs: number
  readonly stdout: string
  /** Highest sum of the resident memory of the process and all its descendants, sampled, in MiB. */
  readonly peakMb: number
}

/** Runs a whole process to its end. Throws when it fails. */
export async function measure(command: string, args: readonly string[], sample = false): Promise<Measured> {
  const began = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let peakMb = 0
  child.stdout.on('data', (chunk: Buffer) => {
    if (stdout.length < 1 << 20) stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const timer = sample
    ? setInterval(() => {
        peakMb = Math.max(peakMb, treeMb(child.pid as number))
      }, 20)
    : undefined
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(timer)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr.slice(-500)}`)
  return { wallMs: performance.now() - began, stdout, peakMb }
}

/** Medians of `times` rounds in which every contender runs once, in turn. */
export async function compare(
  contenders: Readonly<Record<string, () => Promise<Measured>>>,
  times = 3,
): Promise<Record<string, number>> {
  const samples: Record<string, number[]> = {}
  for (let round = 0; round < times; round++)
    for (const [name, run] of Object.entries(contenders)) {
      const { wallMs } = await run()
      samples[name] = [...(samples[name] ?? []), wallMs]
    }
  return Object.fromEntries(Object.entries(samples).map(([name, walls]) => [name, median(walls)]))
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

/** A folder with `times` copies of a bench agent; `use` gets its path. */
export async function withAgents<T>(
  name: string,
  times: number,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
  mkdirSync(folder, { recursive: true })
  for (let at = 0; at < times; at++)
    copyFileSync(join(AGENTS, `${name}.js`), join(folder, `${name}-${String(at).padStart(3, '0')}.js`))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Resident memory of a process and its descendants; pages that they share count for each. */
function treeMb(root: number): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended just now.
    }
  }
  let sum = 0
  for (const pid of parents.keys()) if (descends(pid, root, parents)) sum += residentMb(pid)
  return sum
}

function descends(pid: number, root: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
    if (at === root) return true
  return false
}

function residentMb(pid: number): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096) / (1 << 20)
  } catch {
    return 0
  }
}

/** `20.1x` */
export function ratio(number: number): string {
  return `${number.toFixed(1)}x`
}

export function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
}
