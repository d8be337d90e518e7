import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'

/**
 * Captures what goes over the loopback interface and fits `filter` while `use` runs, into a file in `folder`; returns its
 * path. Undefined, and the test skipped, where nobody may capture; in CI that fails.
 */
export async function captureLoopback(
  t: TestContext,
  folder: string,
  filter: string,
  use: () => Promise<void>,
): Promise<string | undefined> {
  if (!hasTools(t, 'tcpdump')) return undefined
  const path = join(folder, 'traffic.pcap')
  // As root it would give up its rights and then not be allowed to write the file.
  const child = spawn('tcpdump', [
    '-i',
    'lo',
    '-Z',
    'root',
    '-U',
    '--immediate-mode',
    // KiB of buffer, for machines that are busy.
    '-B',
    '65536',
    '-s',
    '0',
    '-w',
    path,
    filter,
  ])
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = once(child, 'close')
  try {
    while (!said.includes('listening on') && child.exitCode === null) await setTimeout(20)
    if (child.exitCode !== null) throw new Error(`tcpdump: ${said}`)
    await use()
    // The last packets are on their way.
    await setTimeout(300)
  } finally {
    child.kill('SIGINT')
    await ended
  }
  return path
}

/** Whether programs that a test needs are there: where they are not it is skipped and says so, in CI it fails. */
export function hasTools(t: TestContext, ...tools: readonly string[]): boolean {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
  if (missing.length === 0) return true
  const message = `not installed: ${missing.join(', ')}`
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}
