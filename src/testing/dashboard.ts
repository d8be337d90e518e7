import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { buildDashboard } from '../../scripts/build-dashboard.ts'
import type { HubClient } from '../client/hub-client.ts'
import { type OpenOptions, openPage, type PageProblem } from './browser.ts'
import { REPOSITORY } from './remora.ts'
import { Running } from './running.ts'
import { tempFolder } from './temp-folder.ts'

export const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

export interface DashboardOptions extends OpenOptions {
  /** File name → code of agents that run from the start. */
  readonly agents?: Readonly<Record<string, string>>
  /** More arguments of `remora tap`: what is captured, settings. The sample, once, when absent. */
  readonly args?: readonly string[]
  /** Where it begins; `/traffic`. */
  readonly path?: string
  /** The hub asks for a token first. */
  readonly isAnonymous?: boolean
}

export interface OpenedDashboard {
  readonly page: Page
  /** Where the hub is, without a slash at the end. */
  readonly url: string
  readonly client: HubClient
  readonly tap: Running
  /** Folder in which the program runs. */
  readonly folder: string
  /** What the page did that it should not; the test fails at its end when there is something left in it. */
  readonly problems: PageProblem[]
}

/** The real dashboard in a real browser, served by a real `remora tap`. Everything ends with the test. */
export async function openDashboard(
  t: TestContext,
  options: DashboardOptions = {},
): Promise<OpenedDashboard> {
  const { agents = {}, args = ['--pcap', SAMPLE], path = '/traffic', isAnonymous = false } = options
  await buildDashboard({ onlyIfStale: true })
  const ends = backwards(t)
  const folder = await tempFolder(ends)
  for (const [name, code] of Object.entries(agents)) await writeInto(join(folder, 'agents', name), code)
  const sources = Object.keys(agents).length > 0 ? ['agents'] : []
  const tap = new Running(ends, folder, ['tap', ...sources, ...args, '--node-name', 'n1'])
  const client = await tap.client(ends)
  const url = tap.apiUrl
  const { page, problems } = await openPage(ends, url, options)
  ends.after(() => assert.deepEqual(problems, [], 'the page did what it should not'))
  await page.goto(`${url}${path}`)
  await (isAnonymous ? page.getByLabel('Token') : page.getByRole('navigation', { name: 'Screens' })).waitFor()
  return { page, url, client, tap, folder, problems }
}

/** Ends what began last first: a program before its folder goes. All of it, also when something is not as it should be. */
function backwards(t: TestContext): Pick<TestContext, 'after'> {
  let rest: () => Promise<void> = async () => {}
  t.after(() => rest())
  return {
    after: (end) => {
      const before = rest
      rest = () => Promise.try(() => end?.(t, () => {})).finally(before)
    },
  }
}

/** Asserts that axe finds nothing serious or critical (WCAG 2.2 A and AA), on the page or in a part of it. */
export async function expectAccessible(page: Page, part = 'html'): Promise<void> {
  // Colours halfway between two schemes are nobody's choice.
  await page.evaluate(
    'Promise.allSettled(document.getAnimations().filter((each) => each instanceof CSSTransition).map(({ finished }) => finished))',
  )
  const { violations } = await new AxeBuilder({ page })
    .include(part)
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  assert.deepEqual(
    serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`),
    [],
  )
}

async function writeInto(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
