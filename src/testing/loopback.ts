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
  await recordLoopback(path, filter, use)
  return path
}

/** The same into a file that is named. Throws when tcpdump may not capture, or loses packets. */
export async function recordLoopback(path: string, filter: string, use: () => Promise<void>): Promise<void> {
  // As root it would give up its rights and then not be allowed to write the file. Not immediately: that takes a slot of
  // full size for each packet, which a burst soon fills; else packets are packed close, and handed on after a second.
  const child = spawn('tcpdump', ['-i', 'lo', '-Z', 'root', '-B', '65536', '-s', '0', '-w', path, filter])
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = once(child, 'close')
  try {
    while (!said.includes('listening on') && child.exitCode === null) await setTimeout(20)
    if (child.exitCode !== null) throw new Error(`tcpdump: ${said}`)
    await use()
    // The last packets are on their way, and a second is what the kernel takes to hand on what is not full.
    await setTimeout(1200)
  } finally {
    child.kill('SIGINT')
    await ended
  }
  if (!/^0 packets dropped by kernel/m.test(said)) throw new Error(`tcpdump lost packets: ${said}`)
}

/** Whether programs that a test needs are there. */
export function hasTools(t: TestContext, ...tools: readonly string[]): boolean {
  return tools.every((tool) => succeeds(t, tool, `command -v ${tool}`))
}

/** Whether this command succeeds, and with it what a test needs is there: if not it is skipped and says so, in CI it fails. */
export function succeeds(t: TestContext, what: string, command: string): boolean {
  if (spawnSync('sh', ['-c', command]).status === 0) return true
  const message = `not installed: ${what}`
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}
