import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { tempFolder } from './temp-folder.ts'

/**
 * Whether these programs are here, and modules of Perl (`DBD::MariaDB`). Where one is missing the test is skipped and says
 * so; in CI it fails.
 */
export function hasPrograms(t: TestContext, ...names: readonly string[]): boolean {
  const missing = names.filter((name) =>
    name.includes('::')
      ? spawnSync('perl', [`-M${name}`, '-e', '1']).status !== 0
      : spawnSync('which', [name]).status !== 0,
  )
  if (missing.length === 0) return true
  const message = `not installed: ${missing.join(', ')}`
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}

/** A TCP port of this host on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A program that runs until the test is over. */
export function startProgram(t: TestContext, command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout?.resume()
  t.after(() => end(child))
  return child
}

/** What a program has written, when it has come to its end. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Captures what crosses a port of the loopback interface while `use` lasts. Returns the file. */
export async function capture(t: TestContext, port: number, use: () => Promise<void>): Promise<string> {
  const file = join(await tempFolder(t), 'live.pcap')
  const options = ['-i', 'lo', '-s', '0', '-B', '20000', '-U', '--immediate-mode', '-Z', 'root']
  const tcpdump = startProgram(t, 'tcpdump', [...options, '-w', file, `tcp port ${port}`])
  await heard(tcpdump, /listening on/)
  await use()
  for (let size = -1; size !== statSync(file).size; await setTimeout(300)) size = statSync(file).size
  await end(tcpdump)
  return file
}

/** Waits until a program says something. */
async function heard(child: ChildProcess, words: RegExp): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += chunk
      if (words.test(said)) resolve()
    })
    child.on('exit', () => reject(new Error(`ended without ${words}: ${said}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killer = globalThis.setTimeout(() => child.kill('SIGKILL'), 3000)
  await once(child, 'exit')
  clearTimeout(killer)
}
