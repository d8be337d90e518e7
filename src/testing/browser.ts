import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

/** Whether pages can be tested here. In CI there must be a Chromium. */
export function canBrowse(t: Pick<TestContext, 'skip'>): boolean {
  if (existsSync(CHROMIUM)) return true
  if (process.env.CI) throw new Error(`there is no ${CHROMIUM}`)
  t.skip(`pages are not tested: there is no ${CHROMIUM}; REMORA_CHROMIUM names another one`)
  return false
}

/** What a page did that no page of ours should do. */
export interface PageProblem {
  readonly kind: 'error' | 'console' | 'foreign' | 'dialog' | 'policy'
  readonly text: string
}

export interface OpenOptions {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'dark' | 'light'
}

/** A page in a browser of its own state, closed after the test, and all that it did wrong so far. */
export async function openPage(
  t: Pick<TestContext, 'after'>,
  origin: string,
  { width = 1280, height = 720, colorScheme = 'dark' }: OpenOptions = {},
): Promise<{ readonly page: Page; readonly problems: PageProblem[] }> {
  const browser = await borrowed()
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: 'reduce',
    acceptDownloads: true,
  })
  t.after(() => giveBack(context))
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  return { page, problems: await watched(page, origin) }
}

async function watched(page: Page, origin: string): Promise<PageProblem[]> {
  const problems: PageProblem[] = []
  const note = (kind: PageProblem['kind'], text: string) => problems.push({ kind, text: text.slice(0, 500) })
  page.on('pageerror', (error) => note('error', error.stack ?? error.message))
  page.on('console', (message) => {
    // Answers with 4xx are for the page to show; that the browser tells of them as well is no fault.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      note('console', message.text())
  })
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin)
      note('foreign', request.url())
  })
  page.on('dialog', (dialog) => {
    if (dialog.type() !== 'beforeunload') note('dialog', dialog.message())
    void dialog.accept()
  })
  await page.exposeFunction('remoraPolicyViolated', (text: string) => note('policy', text))
  await page.addInitScript(POLICY_WATCH)
  return problems
}

/** As text: it runs in the page. */
const POLICY_WATCH = `addEventListener('securitypolicyviolation', (event) =>
  window.remoraPolicyViolated(event.violatedDirective + ' ' + event.blockedURI))`

/** One browser for all tests that run at the time: starting it takes longer than most of them. */
let running: Promise<Browser> | undefined
let borrowers = 0
let closing: NodeJS.Timeout | undefined

function borrowed(): Promise<Browser> {
  clearTimeout(closing)
  borrowers++
  running ??= chromium.launch({
    executablePath: CHROMIUM,
    args: FLAGS,
    env: { ...process.env, HOME: tmpdir() },
  })
  return running
}

async function giveBack(context: BrowserContext): Promise<void> {
  await context.close()
  if (--borrowers > 0) return
  closing = setTimeout(() => {
    const browser = running
    running = undefined
    void browser?.then((each) => each.close())
  }, IDLE_MS)
}

const CHROMIUM = process.env.REMORA_CHROMIUM ?? '/usr/bin/chromium'
const FLAGS = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
]
const IDLE_MS = 500
/** The machines of CI are small and busy. */
const PATIENCE_MS = 30_000
