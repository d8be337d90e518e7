import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { buildDashboard } from '../../scripts/build-dashboard.ts'
import { loadConfig, settingsInForce } from '../../src/config/index.ts'
import { canBrowse, openPage } from '../../src/testing/browser.ts'
import { freePort } from '../../src/testing/ports.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { until } from '../../src/testing/until.ts'

describe('npm start', () => {
  test('shows entries and agents at work within ten seconds, says where, and ends with Ctrl-C', async (t) => {
    if (!canBrowse(t)) return
    await buildDashboard({ onlyIfStale: true })
    const patience = TEN_SECONDS * slowness()
    const home = await tempFolder(t)
    const folder = await tempFolder(t)
    const began = performance.now()
    const start = npmStart(t, home, [
      ...['tap.proxy.front.port=0', `hub.folder=${folder}/agents`, `hub.state=${folder}/state`],
      ...[`entries.folder=${folder}/entries`, `scripting.data=${folder}/data`],
    ])
    await until(
      () => start.said.includes('the dashboard is at '),
      () => start.said,
    )
    const [, url = ''] = /the dashboard is at (\S+)/.exec(start.said) ?? []
    assert.match(
      start.said,
      /remora: the dashboard is at \S+ \(Ctrl-C ends all\)\n$/,
      'it is the last that is said',
    )
    const { page, problems } = await openPage(t, url)
    await page.goto(url)
    await page.getByRole('option').first().waitFor()
    const shown = performance.now() - began
    assert.ok(shown < patience, `entries were there after ${Math.round(shown)} of ${Math.round(patience)} ms`)

    await page.goto(`${url}/agents`)
    for (const title of ['Top talkers', 'HTTP errors by path', 'DNS anomalies'])
      await page.getByText(title).first().waitFor()
    await page.goto(`${url}/health`)
    await page.getByRole('button', { name: 'All traffic shown' }).waitFor()
    await page.getByText('adds up').first().waitFor()
    assert.deepEqual(problems, [])

    start.interrupt()
    await start.ended
    await assert.rejects(fetch(url), 'nothing listens there any more')
    const left = (await readdir(home)).filter((name) => name !== '.cache' && name !== '.npm')
    assert.deepEqual(left, [], 'nothing is left in the home folder but caches')
  })

  test('says who has its port, and how to take another', async (t) => {
    await buildDashboard({ onlyIfStale: true })
    const home = await tempFolder(t)
    const folder = await tempFolder(t)
    const port = await freePort()
    const first = npmStart(t, home, [`tap.proxy.front.port=${port}`, `hub.state=${folder}/state`])
    await until(
      () => first.said.includes('the API is at '),
      () => first.said,
    )
    const second = npmStart(t, home, [`tap.proxy.front.port=${port}`, `hub.state=${folder}/other`])
    await second.ended
    assert.match(second.said, new RegExp(`port ${port}: .* listens there already`))
    assert.match(second.said, new RegExp(`--set tap\\.proxy\\.front\\.port=${port + 1}`))
  })

  test('keeps all that it keeps in one folder of its own, on ports that nobody else wants', () => {
    const configPath = join(REPOSITORY, 'samples/start.yaml')
    const loaded = loadConfig({ cwd: REPOSITORY, home: undefined, env: {}, configPath })
    const folders = settingsInForce(loaded).filter(({ value }) => String(value).startsWith('.remora'))
    assert.deepEqual(
      folders.map(({ key, value }) => [key, value]),
      [
        ['scripting.data', '.remora/start/data'],
        ['hub.folder', '.remora/start/agents'],
        ['hub.state', '.remora/start/state'],
        ['entries.folder', '.remora/start/entries'],
        ['recordings.folder', '.remora/start/recordings'],
        ['reports.folder', '.remora/start/reports'],
      ],
    )
    assert.equal(loaded.config.tap.metrics.port, 0)
    assert.equal(loaded.config.hub.metricsPort, 0)
  })
})

/** As a person would, in a terminal of theirs: what they press goes to all that it started. */
function npmStart(t: TestContext, home: string, settings: readonly string[]) {
  const sets = settings.flatMap((setting) => ['--set', setting])
  const child = spawn('npm', ['start', '--', ...sets], {
    ...{ cwd: REPOSITORY, detached: true, stdio: ['ignore', 'pipe', 'pipe'] as const },
    env: { ...process.env, HOME: home, npm_config_update_notifier: 'false' },
  })
  const ended = once(child, 'close')
  const interrupt = (signal: NodeJS.Signals = 'SIGINT') => {
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (child.pid !== undefined && !isOver) process.kill(-child.pid, signal)
  }
  const start = { said: '', ended, interrupt }
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => {
      start.said += chunk.toString()
    })
  t.after(async () => {
    interrupt('SIGKILL')
    await ended
  })
  return start
}

/** How many times longer things take here and now than on a machine with nothing else to do. */
function slowness(): number {
  const began = performance.now()
  execFileSync(process.execPath, [join(REPOSITORY, 'bin/remora.cjs'), '--version'])
  return Math.max(1, (performance.now() - began) / VERSION_MS)
}

const TEN_SECONDS = 10_000
/** What `remora --version` takes on one core of 2024 that is idle. */
const VERSION_MS = 400
