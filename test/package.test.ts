import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { buildDashboard } from '../scripts/build-dashboard.ts'
import { REPOSITORY, withFiles } from '../src/testing/remora.ts'

const run = promisify(execFile)

describe('the package', () => {
  test('runs where it is installed, out of what is in it alone', async () => {
    await buildDashboard({ onlyIfStale: true })
    const agent = 'const n: number = 1; console.log("n is", n)'
    await withFiles({ 'a b#c%41/agents/a.ts': agent }, async (parent) => {
      const folder = join(parent, 'a b#c%41')
      await install(folder)
      const remora = (args: string[], home = 'home') =>
        run(process.execPath, ['node_modules/remora/bin/remora.cjs', ...args], {
          cwd: folder,
          env: { ...process.env, HOME: join(folder, home), XDG_CACHE_HOME: '' },
        })
      const sample = ['--pcap', 'node_modules/remora/samples/sample.pcap']
      for (const home of ['home', 'home', '/dev/null']) {
        const { stdout, stderr } = await remora(['run', 'node_modules/remora/examples', ...sample], home)
        assert.match(stdout, /^Ledger {2}everything adds up$/m)
        assert.doesNotMatch(stderr, /Warning|^\s+at /m)
      }
      const modern = ['--set', 'scripting.language=modern']
      assert.match((await remora(['run', 'agents', ...sample, ...modern])).stdout, /n is 1/)
      assert.match((await remora(['check', 'node_modules/remora/examples'])).stdout, /no problems/)
      await servesDashboard(join(folder, 'node_modules/remora'), folder)
      assert.equal((await remora(['--version'])).stdout, `${await version()}\n`)
    })
  })
})

async function servesDashboard(program: string, cwd: string): Promise<void> {
  const ports = ['tap.proxy.front.port=0', 'tap.metrics.port=0', 'hub.metricsPort=0']
  const args = [
    'tap',
    '--pcap',
    join(program, 'samples/sample.pcap'),
    ...ports.flatMap((each) => ['--set', each]),
  ]
  const child = spawn(process.execPath, [join(program, 'bin/remora.cjs'), ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    let said = ''
    // Not closed by that: what it prints later would end it.
    for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
      said += String(chunk)
      if (SERVES.test(said)) break
    }
    const page = await fetch(SERVES.exec(said)?.[1] ?? said, { headers: { accept: 'text/html' } })
    assert.match(await page.text(), /<div id="root">/)
  } finally {
    child.kill('SIGKILL')
  }
}

/** Puts what `npm pack` would pack where `npm install` would put it, beside what it depends on. */
async function install(folder: string): Promise<void> {
  const target = join(folder, 'node_modules/remora')
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: REPOSITORY })
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  for (const { path } of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    cpSync(join(REPOSITORY, path), join(target, path))
  }
  for (const name of readdirSync(join(REPOSITORY, 'node_modules')))
    if (!name.startsWith('.'))
      symlinkSync(join(REPOSITORY, 'node_modules', name), join(folder, 'node_modules', name))
}

async function version(): Promise<string> {
  const { stdout } = await run('npm', ['pkg', 'get', 'version'], { cwd: REPOSITORY })
  return JSON.parse(stdout) as string
}

const SERVES = /API is at (\S+),/
