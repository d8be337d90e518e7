import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './ports.ts'

export interface Mosquitto {
  readonly port: number
  /** What it has logged: every packet. */
  log(): string
}

/** A broker of its own for one test, with these lines in its configuration, which lies in a folder that exists. */
export async function mosquitto(
  t: TestContext,
  folder: string,
  settings: readonly string[],
): Promise<Mosquitto> {
  const port = await freePort()
  const path = join(folder, `mosquitto-${port}.conf`)
  // As root it would become a user that may not read the folder.
  writeFileSync(
    path,
    [`listener ${port} 127.0.0.1`, 'persistence false', 'user root', ...settings, ''].join('\n'),
  )
  const server = spawn('mosquitto', ['-v', '-c', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(server, 'close')
  t.after(async () => {
    server.kill()
    await ended
  })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  for (const end = Date.now() + PATIENCE_MS; !/ version \S+ running/.test(said); await setTimeout(20))
    if (server.exitCode !== null || Date.now() > end) throw new Error(`mosquitto does not start: ${said}`)
  return { port, log: () => said }
}

const PATIENCE_MS = 20_000
