import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { httpServer } from '../../src/testing/http-server.ts'
import { until } from '../../src/testing/until.ts'
import type { EffectRecord } from '../../src/wire/effects.ts'
import type { DeadCall } from '../../src/wire/outbox.ts'

describe('the effects in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`are a line each, with the way to their agent and entry and back, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { url } = await shop(t)
      const { page, client } = await openDashboard(t, {
        agents: { 'shop.js': script(url), 'other.js': `// Other\nvendor.webhook('POST', '${url}/other')` },
        path: '/effects',
        colorScheme,
      })
      const log = page.getByRole('region', { name: 'Effects' })
      await log.getByText('refused').first().waitFor()
      await log.getByText('dead letter').first().waitFor()
      await expectAccessible(page)
      await choose(page, 'Outcome', 'refused')
      await page.getByText(/^[1-9]\d* effects?\. /).waitFor()
      await until(async () => (await log.getByText('refused').count()) === (await rowCount(page)))
      await page
        .getByRole('button', { name: /^Details of vendor\.webhook/ })
        .first()
        .click()
      await page.getByText('vendor.webhook (network)').waitFor()
      await page.getByText(/Held while you look/).waitFor()
      await expectAccessible(page)

      const shown = log.getByRole('definition').getByRole('link')
      const id = (await shown.textContent()) ?? ''
      await shown.click()
      await page.waitForURL(`**/traffic?entry=${encodeURIComponent(id)}`)
      await page.getByRole('button', { name: 'Download or copy the entry' }).click()
      await page.getByRole('menuitem', { name: 'What agents did with it' }).click()
      await page.waitForURL(`**/effects?entry=${encodeURIComponent(id)}`)
      const ofEntry = (await client.effects({ limit: 1000, entry: id })).effects.length
      assert.ok(ofEntry > 0)
      await until(async () => (await rowCount(page)) === ofEntry)
      await page.getByRole('button', { name: 'Of one entry' }).click()
      await page.waitForURL('**/effects')

      await choose(page, 'Agent', 'Other')
      await until(async () => (await log.getByText('Tell the shop').count()) === 0)
      await log.getByRole('link', { name: 'Other' }).first().click()
      await page.waitForURL('**/agents/*')
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Effects of this agent' }).click()
      await page.waitForURL('**/effects?agent=*')
      assert.equal(await page.getByRole('combobox', { name: 'Agent' }).inputValue(), 'Other')
      await choose(page, 'Outcome', 'refused')
      await page.getByRole('heading', { name: 'Nothing is like that' }).waitFor()
      await page.getByRole('button', { name: 'Show all' }).click()
      await log.getByText('Tell the shop').first().waitFor()
    })

  test('come as they are made, and hold still while one of them is looked at', async (t) => {
    if (!canBrowse(t)) return
    const { url } = await shop(t)
    const agents = {
      'ticks.js': `// Ticks\njobs.schedule('tick', '* * * * * *', function () { vendor.webhook('POST', '${url}') })`,
    }
    const { page, client } = await openDashboard(t, { agents, path: '/effects' })
    await page.getByText(/^\d+ effects?\. New ones come at the top\.$/).waitFor()
    const first = await total(page)
    await until(async () => (await total(page)) > first + 1)
    await page
      .getByRole('button', { name: /^Details of/ })
      .first()
      .click()
    await page.getByText(/Held while you look/).waitFor()
    const held = await total(page)
    const made = async () => (await client.effects({ limit: 1000 })).effects.length
    const before = await made()
    await until(async () => (await made()) > before + 3)
    assert.equal(await total(page), held)
    await page.getByRole('button', { name: /^Details of/, expanded: true }).click()
    await until(async () => (await total(page)) > held + 3)
  })

  test('that are queued are seen waiting, and sent again or discarded when they were given up', async (t) => {
    if (!canBrowse(t)) return
    const server = await shop(t)
    const { page, client } = await openDashboard(t, {
      agents: { 'shop.js': script(server.url) },
      path: '/effects?view=waiting',
    })
    const waiting = page.getByRole('row').filter({ hasText: 'Tell the shop' })
    await waiting.getByText('answered 503').waitFor()
    await waiting.getByRole('cell', { name: '2', exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'Details of vendor.webhook of Tell the shop on n1' }).click()
    await page
      .getByRole('table', { name: /^Destinations of/ })
      .getByText('answered 503')
      .waitFor()
    await expectAccessible(page)

    await page.getByRole('button', { name: '3 dead letters of Tell the shop by vendor.webhook' }).click()
    await page.waitForURL('**/effects?view=dead&agent=*&helper=vendor.webhook')
    await page.getByText('3 dead letters.').waitFor()
    await page
      .getByRole('button', { name: /^Details of call/ })
      .first()
      .click()
    await page.getByRole('definition').getByText('/never/').waitFor()
    await expectAccessible(page)

    server.answer(200)
    await page
      .getByRole('button', { name: /^Send call .* again$/ })
      .last()
      .click()
    await page.getByText('1 call waits again.').waitFor()
    await page.getByText('2 dead letters.').waitFor()
    await page
      .getByRole('button', { name: /^Discard call/ })
      .first()
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByText('2 dead letters.').waitFor()
    await page
      .getByRole('button', { name: /^Discard call/ })
      .first()
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await page.getByText('1 call was discarded.').waitFor()
    await page.getByText('1 dead letter.').waitFor()
    await page.getByRole('button', { name: 'Send all again' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click()
    await page.getByRole('heading', { name: 'Nothing is like that' }).waitFor()
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.getByRole('heading', { name: 'No call was given up' }).waitFor()
    const figures = async () => (await client.nodes()).flatMap(({ outbox = [] }) => outbox)
    await until(async () => (await figures()).every(({ waiting }) => waiting === 0))
    await page.getByText('Waiting', { exact: true }).first().click()
    await page.getByText('nothing waits', { exact: true }).waitFor()
    await page.getByText('Nothing waits.').waitFor()
  })

  test('that wait are discarded only after a question', async (t) => {
    if (!canBrowse(t)) return
    const { url } = await shop(t)
    const { page, client } = await openDashboard(t, {
      agents: { 'shop.js': script(url) },
      path: '/effects?view=waiting',
    })
    await page.getByText('answered 503').waitFor()
    await page
      .getByRole('button', { name: 'Discard what waits of Tell the shop by vendor.webhook on n1' })
      .click()
    await page.getByRole('dialog').getByText('This cannot be undone.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await page.getByText(/^\d calls? (was|were) discarded\.$/).waitFor()
    await until(async () =>
      (await client.nodes()).some(({ outbox = [] }) => outbox.some(({ dropped }) => dropped > 0)),
    )
  })

  test('are for operators; viewers see what waits and what was given up', async (t) => {
    if (!canBrowse(t)) return
    const { url } = await shop(t)
    const args = ['name=ann', 'role=viewer', `token=${TOKEN}`].flatMap((each) => [
      '--set-string',
      `hub.tokens[0].${each}`,
    ])
    const { page } = await openDashboard(t, {
      agents: { 'shop.js': script(url) },
      args: ['--pcap', SAMPLE, ...args],
      isAnonymous: true,
    })
    await page.getByLabel('Token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Effects' }).click()
    await page.getByText('answered 503').waitFor()
    assert.deepEqual(await page.getByRole('radio', { name: 'Log' }).all(), [])
    await page.getByText(/^Dead letters \d/).click()
    await page.getByText('3 dead letters.').waitFor()
    assert.deepEqual(await page.getByRole('button', { name: /Discard|Send/ }).all(), [])
  })

  test('that are given up while one is elsewhere are marked in the navigation', async (t) => {
    if (!canBrowse(t)) return
    const { url } = await shop(t)
    const { page, client } = await openDashboard(t, { path: '/jobs' })
    await page.getByRole('heading', { name: 'No agent has a job' }).waitFor()
    await until(async () => (await page.getByText(/All traffic shown/).count()) > 0)
    await client.createAgent({
      title: 'Late',
      code: `vendor.webhook.queue('POST', '${url}/never')`,
      active: true,
    })
    const link = page.getByRole('link', { name: 'Effects' })
    await link.getByText('new dead letters').waitFor()
    await link.click()
    await link.getByText('new dead letters').waitFor({ state: 'detached' })
  })

  test('say why there are none, and what went wrong', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t, { path: '/effects' })
    await page
      .getByRole('heading', { name: 'No agent has done anything outside of its sandbox yet' })
      .waitFor()
    await page.goto(`${url}/effects?view=waiting`)
    await page.getByRole('heading', { name: 'No agent has queued a call' }).waitFor()
    await page.route('**/api/v1/effects*', (route) =>
      route.fulfill({ status: 503, json: { code: 'E_BUS', message: 'NATS is away' } }),
    )
    await page.goto(`${url}/effects`)
    await page.getByRole('alert').getByText('NATS is away').waitFor()
    await page.unroute('**/api/v1/effects*')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page
      .getByRole('heading', { name: 'No agent has done anything outside of its sandbox yet' })
      .waitFor()
  })

  test('may be ten thousand: only those on the screen exist, and the page goes on', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t, { path: '/jobs' })
    const dead = Array.from({ length: 10_000 }, (_, at) => deadCall(at))
    await page.route('**/api/v1/outbox/dead', (route) =>
      route.fulfill({ json: [{ node: 'n1', component: 'worker', lanes: [], dead, count: 0 }] }),
    )
    await page.route('**/api/v1/effects*', (route) =>
      route.fulfill({ json: { effects: Array.from({ length: 1000 }, (_, at) => effect(at)), missing: [] } }),
    )
    for (const [path, text, region, last] of [
      ['/effects?view=dead', /^10,000 dead letters/, 'Dead letters', 'reason 9999'],
      ['/effects', /^1,000 effects/, 'Effects', 'POST shop-999'],
    ] as const) {
      await page.goto(`${url}${path}`)
      await page.getByText(text).waitFor()
      await page.evaluate(WATCH_TASKS)
      const list = page.getByRole('region', { name: region })
      await list.evaluate((element) => {
        const { scrollHeight } = element as unknown as { scrollHeight: number }
        Object.assign(element, { scrollTop: scrollHeight })
      })
      await list.getByText(last, { exact: true }).waitFor()
      assert.ok((await rowCount(page)) < 100, `${await rowCount(page)} rows exist`)
      const longest = Number(await page.evaluate('window.remoraLongestTask'))
      assert.ok(longest < 1000, `the page stood still for ${longest} ms`)
    }
  })
})

/** A server that refuses what is sent to `/never`, and has to be told to take what is sent to `/down`. */
async function shop(t: TestContext) {
  let status = 503
  const { url } = await httpServer(t, ({ path }, response) => {
    const isLate = path.startsWith('/down') || path.startsWith('/never')
    const refused = path.startsWith('/never') ? 400 : 503
    response.writeHead(isLate && status !== 200 ? refused : 200).end()
  })
  const answer = (next: number) => {
    status = next
  }
  return { url, answer }
}

/** Two calls that wait, three that are given up, one that is refused, one that arrives. */
function script(url: string): string {
  const other = url.replace('127.0.0.1', 'localhost')
  return `// Tell the shop
var isDone = false
function onItemCaptured(data) {
  if (isDone) return
  isDone = true
  for (var n = 0; n < 2; n++) vendor.webhook.queue('POST', '${url}/down/' + n, { n: n })
  for (var m = 0; m < 3; m++) vendor.webhook.queue('POST', '${other}/never/' + m, { m: m })
  try { vendor.webhook('GET', 'http://169.254.169.254/latest') } catch (error) { console.log(error.message) }
  console.log(vendor.webhook('POST', '${url}/fine').status)
}
`
}

async function choose(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click()
  await page.getByRole('option', { name: option, exact: true }).click()
}

/** As the foot says. */
async function total(page: Page): Promise<number> {
  return Number.parseInt((await page.getByText(/^\d+ effects?/).textContent()) ?? '', 10)
}

/** Without the head, and what is shown below one that is open. */
function rowCount(page: Page): Promise<number> {
  return page.locator('main [aria-rowindex]').count()
}

function deadCall(at: number): DeadCall {
  return {
    ...{ id: String(at), agent: 'a', title: 'A', helper: 'vendor.webhook', key: 'http://shop' },
    ...{ at: 0, queuedAt: 0, diedAt: 1e9 - at, attempts: 1, reason: `reason ${at}`, args: '[]' },
  }
}

function effect(at: number): EffectRecord {
  return {
    ...{ at: 1e9 - at, agent: 'a', title: 'A', node: 'n1', component: 'worker', helper: 'vendor.webhook' },
    ...{ kind: 'network', target: `POST shop-${at}`, outcome: 'ok', ms: 1, bytes: 2 },
  }
}

/** As text: it runs in the page. */
const WATCH_TASKS = `window.remoraLongestTask = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.remoraLongestTask = Math.max(window.remoraLongestTask, duration)
}).observe({ type: 'longtask' })`

const TOKEN = 'x'.repeat(24)
