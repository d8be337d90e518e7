/**
 * Takes docs/screenshots/*.png of every screen, with the sample's traffic and the examples: `npm run screenshots`. Run it when a
 * screen looks different.
 */
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openPage } from '../src/testing/browser.ts'
import { SAMPLE } from '../src/testing/dashboard.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { until } from '../src/testing/until.ts'
import { buildDashboard } from './build-dashboard.ts'
import { startCluster } from './sample-cluster.ts'

const OUT = join(REPOSITORY, 'docs/screenshots')

interface Shot {
  readonly name: string
  readonly path: string
  readonly colorScheme?: 'light'
  /** Absent: with the sample. */
  readonly where?: 'cluster'
  /** What is done on the screen before the picture is taken. */
  readonly before?: (page: Page) => Promise<void>
}

const SHOTS: readonly Shot[] = [
  { name: 'traffic', path: '/traffic' },
  { name: 'entry', path: '/traffic?q=http', colorScheme: 'light', before: openEntry },
  { name: 'agents', path: '/agents' },
  {
    name: 'templates',
    path: '/agents',
    before: (page) => page.getByRole('button', { name: 'New from template' }).first().click(),
  },
  { name: 'editor', path: '/agents/HTTP errors by path', before: openTrial },
  { name: 'console', path: '/console' },
  { name: 'alerts', path: '/alerts?all=1', before: openFirst },
  { name: 'effects', path: '/effects', colorScheme: 'light' },
  { name: 'waiting', path: '/effects?view=waiting', before: openFirst },
  {
    name: 'report',
    path: '/reports',
    before: (page) => page.getByRole('link', { name: 'week.html' }).click(),
  },
  { name: 'jobs', path: '/jobs', colorScheme: 'light' },
  { name: 'map', path: '/map' },
  { name: 'recordings', path: '/recordings' },
  { name: 'capture', path: '/capture', where: 'cluster', before: tryRule },
  { name: 'policies', path: '/policies', where: 'cluster', colorScheme: 'light', before: openFirst },
  { name: 'health', path: '/health', colorScheme: 'light' },
]

async function openEntry(page: Page): Promise<void> {
  await page.getByRole('option').filter({ hasText: '/json' }).first().click()
  await page.getByRole('tab', { name: 'Response' }).click()
}

async function openFirst(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /^Details of/ })
    .first()
    .click()
}

async function tryRule(page: Page): Promise<void> {
  await page.getByRole('combobox', { name: 'Excluded namespaces' }).fill('kube-system')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.getByText('Would be captured:').waitFor()
}

async function openTrial(page: Page): Promise<void> {
  await page.locator('.monaco-editor .view-line').first().waitFor()
  await page.getByRole('tab', { name: 'Try' }).click()
  await page.getByRole('button', { name: /^Run/ }).first().click()
  await page.getByRole('tab', { name: /Effects/ }).waitFor()
}

const ends: (() => unknown)[] = []
const whole = { after: (end: () => unknown) => void ends.unshift(end) } as { after(end: () => unknown): void }

async function takeAll(): Promise<void> {
  await buildDashboard({ onlyIfStale: true })
  mkdirSync(OUT, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'remora-shots-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  // Where the repository lies is of no interest in pictures.
  const agents = join(tmpdir(), 'agents')
  cpSync(join(REPOSITORY, 'examples'), agents, { recursive: true, errorOnExist: true, force: false })
  ends.push(() => rmSync(agents, { recursive: true, force: true }))
  writeFileSync(join(agents, 'tell-the-shop.js'), tellingAgent(await startShop()))
  writeFileSync(join(agents, 'weekly.js'), WEEKLY)
  const tap = new Running(whole, folder, [
    'tap',
    agents,
    '--pcap',
    SAMPLE,
    '--replay',
    '--node-name',
    'node-1',
  ])
  const client = await tap.client(whole)
  await until(async () => (await client.console({ last: 100 })).length > 20)
  await fetch(`${tap.apiUrl}/api/v1/recordings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'failures', filter: 'http and response.status >= 400' }),
  })
  const cluster = await startCluster(whole, join(folder, 'cluster'))
  for (const shot of SHOTS)
    await take(shot, shot.where === 'cluster' ? cluster.apiUrl : tap.apiUrl, await pathOf(shot.path))

  async function pathOf(path: string): Promise<string> {
    const title = /^\/agents\/(.+)$/.exec(path)?.[1]
    return title === undefined ? path : `/agents/${(await client.agent(title)).id}`
  }
}

/** A shop that takes half of what it is told. */
async function startShop(): Promise<number> {
  const server = createServer(({ url }, reply) => {
    const status = url?.startsWith('/orders') ? 503 : url?.startsWith('/old') ? 410 : 204
    reply.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Says of failures what they are, and where one may not. */
function tellingAgent(port: number): string {
  return `// Tell the shop
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.request || !data.response || data.response.status < 400) return
  vendor.webhook('POST', 'http://localhost:${port}/calls', { path: data.request.path })
  vendor.webhook.queue('POST', 'http://127.0.0.1:${port}/orders', { status: data.response.status, path: data.request.path })
  vendor.webhook.queue('POST', 'http://localhost:${port}/old', { status: data.response.status })
  try {
    vendor.webhook('POST', 'http://169.254.169.254/latest', {})
  } catch (error) {} // The audit has it.
}
`
}

const WEEKLY = `// Weekly report
if (utils.nodeName() !== 'hub') report.write('week.html', '<style>body { font: 15px sans-serif; margin: 24px } table { border-collapse: collapse } ' +
  'td, th { border-bottom: 1px solid #ccc; padding: 6px 18px 6px 0; text-align: left }</style><h1>The week</h1>' +
  '<p>Who failed most, of all that was asked.</p><table><tr><th>Service</th><th>Calls</th><th>Failed</th></tr>' +
  '<tr><td>ember.test</td><td>12,041</td><td>310</td></tr><tr><td>users.test</td><td>9,310</td><td>12</td></tr></table>')
`

async function take(
  { name, colorScheme = 'dark', before }: Omit<Shot, 'colorScheme'> & { colorScheme?: 'dark' | 'light' },
  url: string,
  path: string,
): Promise<void> {
  const { page } = await openPage(whole, url, { colorScheme })
  await page.goto(`${url}${path}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForTimeout(SETTLE_MS)
  await before?.(page)
  await page.waitForTimeout(SETTLE_MS)
  await page.screenshot({ path: join(OUT, `${name}.png`) })
  await page.close()
}

const SETTLE_MS = 2500

try {
  await takeAll()
} finally {
  for (const end of ends) await end()
}
