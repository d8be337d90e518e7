/**
 * From `npm start` to entries and agents at work on the screen of a Chromium that waits for the address: in a fresh clone, where
 * the page is built first, and once more. Bar: 10 s after `npm ci`. The ports of `npm start` must be free.
 *
 *     node bench/start.ts
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright-core'
import { REPOSITORY } from '../src/testing/remora.ts'
import { print } from './measure.ts'
import { machine } from './real-hub.ts'

const folder = mkdtempSync(join(tmpdir(), 'remora-start-'))
const clone = join(folder, 'clone')
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
try {
  must('git', ['clone', '--quiet', REPOSITORY, clone], folder)
  must('npm', ['ci', '--silent'], clone)
  console.log(machine())
  const rows = [['start', 'page, s', 'first entry, s', 'all agents running, s']]
  for (const name of ['first', 'second']) rows.push([name, ...(await start(clone, browser))])
  print(rows)
} finally {
  await browser.close()
  rmSync(folder, { recursive: true, force: true })
}

/** When the page is there, and what one wants to see on it. */
async function start(cwd: string, browser: Browser): Promise<string[]> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } })
  const began = performance.now()
  const times: string[] = []
  const note = () => times.push(((performance.now() - began) / 1000).toFixed(1))
  const program = spawn('npm', ['start'], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(program, 'close')
  let said = ''
  for (const stream of [program.stdout, program.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  try {
    let url: string | undefined
    while (url === undefined) {
      if (program.exitCode !== null) throw new Error(`npm start has ended: ${said}`)
      url = /the dashboard is at (\S+)/.exec(said)?.[1]
      await setTimeout(10)
    }
    note()
    await page.goto(url)
    await page.getByRole('option').first().waitFor()
    note()
    await page.goto(`${url}/agents`)
    await page.getByText('8 agents, 8 active').waitFor()
    await page.getByText('Running', { exact: true }).nth(7).waitFor()
    note()
    return times
  } finally {
    await page.close()
    process.kill(-(program.pid ?? 0), 'SIGINT')
    await ended
  }
}

function must(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
