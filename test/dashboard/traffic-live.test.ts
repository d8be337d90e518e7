import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { buildDashboard } from '../../scripts/build-dashboard.ts'
import { startTestApi } from '../../src/testing/api.ts'
import { canBrowse, openPage } from '../../src/testing/browser.ts'
import { expectAccessible } from '../../src/testing/dashboard.ts'
import type { FakeHub } from '../../src/testing/fake-hub.ts'
import { nodeStatusOf } from '../../src/testing/node-status.ts'
import { until } from '../../src/testing/until.ts'

describe('the traffic as it comes', () => {
  test('shows the newest, and stands still below the pointer', async (t) => {
    if (!canBrowse(t)) return
    const { page, send, shows } = await openLive(t)
    send(0, 200)
    await shows('/199')
    await page.getByRole('option').filter({ hasText: '/190' }).hover()
    const before = await rows(page)
    send(200, 1434)
    await page.getByRole('button', { name: '1,234 new' }).waitFor()
    assert.deepEqual(await rows(page), before)
    await page.mouse.move(5, 5)
    await shows('/1433')
    await page.getByRole('button', { name: /new$/ }).waitFor({ state: 'detached' })
  })

  test('stands still where somebody has scrolled to, until they want the newest', async (t) => {
    if (!canBrowse(t)) return
    const { page, send, shows } = await openLive(t)
    send(0, 25_000)
    await shows('/24999')
    await page.getByRole('listbox', { name: 'Entries' }).evaluate((list) => list.scrollTo(0, 100_000))
    await page.getByText('Held', { exact: true }).waitFor()
    const before = await rows(page)
    // More than the list keeps: the rows that are looked at would be gone.
    send(25_000, 50_000)
    await page.getByRole('button', { name: '25,000 new' }).waitFor()
    assert.deepEqual(await rows(page), before)
    await page.getByRole('button', { name: '25,000 new' }).click()
    await shows('/49999')
    assert.deepEqual(await counts(page), { shown: 20_000, seen: 50_000, 'let go': 30_000 })
  })

  test('pauses, and goes on with what came meanwhile', async (t) => {
    if (!canBrowse(t)) return
    const { page, send, shows } = await openLive(t)
    send(0, 3)
    await shows('/2')
    await page.getByRole('button', { name: 'Pause (Space)' }).click()
    send(3, 6)
    await until(async () => (await counts(page)).seen === 6)
    assert.equal(await page.getByRole('option').count(), 3)
    await page.getByRole('button', { name: 'Go on (Space)' }).click()
    await shows('/5')
  })

  test('says how many entries did not get here', async (t) => {
    if (!canBrowse(t)) return
    const { page, hub, shows } = await openLive(t)
    hub.pass({ node: 'n1', entries: [entry(0)], dropped: 0 })
    hub.pass({ node: 'n1', entries: [entry(1)], dropped: 41 })
    await shows('/1')
    await page.getByText('41 left out').waitFor()
  })

  test('shows what agents said of entries, not by colour alone', async (t) => {
    if (!canBrowse(t)) return
    const { page, hub, shows } = await openLive(t)
    hub.see(entry(0, { passed: true }), entry(1, { failed: true, tags: ['slow', 'team:a'] }))
    await shows('/1')
    await page.getByRole('option').filter({ hasText: '/0' }).getByRole('img', { name: 'passed' }).waitFor()
    const failed = page.getByRole('option').filter({ hasText: '/1' })
    await failed.getByRole('img', { name: 'failed' }).waitFor()
    await failed.getByText('team:a').waitFor()
    await expectAccessible(page)
  })

  test('loads what was kept before, page by page, without moving what is seen', async (t) => {
    if (!canBrowse(t)) return
    const { page, hub } = await openLive(t, (fake) =>
      fake.see(...Array.from({ length: 1300 }, (_, at) => entry(at))),
    )
    await page.getByRole('option').filter({ hasText: '/1299' }).waitFor()
    assert.equal(hub.kept.length, 1300)
    await page.getByRole('listbox', { name: 'Entries' }).focus()
    for (let tries = 0; tries < 6; tries++) {
      await page.keyboard.press('Home')
      await page.waitForTimeout(300)
    }
    await page.getByRole('option').filter({ hasText: '/0' }).first().waitFor()
    assert.deepEqual((await rows(page)).slice(0, 3), ['/0', '/1', '/2'])
  })

  test('says why there is nothing to see', async (t) => {
    if (!canBrowse(t)) return
    const { page, hub } = await openLive(t)
    const title = (name: string) => page.getByRole('heading', { name }).waitFor()
    await title('No worker is connected')
    const worker = (counters: Record<string, number>) => {
      hub.nodeViews.splice(0, 9, { ...nodeStatusOf({ node: 'n1', counters }), skewMs: 0, silentMs: 0 })
      hub.tellNodes()
    }
    worker({ packets: 0 })
    await title('Workers are running, and no packet has come')
    worker({ packets: 12 })
    await title('12 packets, and no entry in them yet')
    worker({ packets: 12, items: 3 })
    await title('3 entries came, and none is shown')
    await page.getByRole('combobox', { name: 'Filter' }).fill('redis')
    await page.keyboard.press('Enter')
    await title('The filter matches nothing')
    worker({ packets: 20, items: 8 })
    await page.getByText('5 entries came since you began to look, and did not match.').waitFor()
    await page.getByRole('button', { name: 'Clear the filter' }).last().click()
    await page.waitForURL(/traffic$/)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Pause (Space)' }).click()
    await title('Paused')
  })
})

/** A page that shows what a hub in memory passes on. */
async function openLive(t: TestContext, first: (hub: FakeHub) => void = () => {}) {
  await buildDashboard({ onlyIfStale: true })
  const { hub, url } = await startTestApi(t)
  first(hub)
  const { page, problems } = await openPage(t, url)
  t.after(() => assert.deepEqual(problems, [], 'the page did what it should not'))
  await page.goto(`${url}/traffic`)
  await until(() => hub.watchers > 0)
  const send = (from: number, to: number) => {
    for (let at = from; at < to; at += PART) {
      const entries = Array.from({ length: Math.min(PART, to - at) }, (_, more) => entry(at + more))
      hub.pass({ node: 'n1', entries, dropped: 0 })
    }
  }
  const shows = (path: string) => page.getByRole('option').filter({ hasText: path }).last().waitFor()
  return { page, hub, url, send, shows }
}

function entry(at: number, change: object = {}): string {
  return JSON.stringify({
    id: `n1/${String(at >> 2).padStart(12, '0')}.pcap-${at & 3}`,
    index: at & 3,
    stream: `${String(at >> 2).padStart(12, '0')}.pcap`,
    protocol: { name: 'http', abbr: 'HTTP', backgroundColor: '#326de6', foregroundColor: '#ffffff' },
    src: { ip: '10.0.0.1', port: '5000', name: '' },
    dst: { ip: '10.0.0.2', port: '80', name: 'cart' },
    timestamp: 1_795_737_600_000 + at,
    request: { method: 'GET', path: `/${at}` },
    response: { status: 200 },
    base: { method: 'GET', summary: `/${at}`, status: 200, statusQuery: 'response.status == 200' },
    size: 100,
    elapsedTime: 10,
    ...change,
  })
}

/** Summaries that are on the screen, from the top. */
async function rows(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const list = document.querySelector('[role=listbox]').getBoundingClientRect()
    return [...document.querySelectorAll('[role=option]')]
      .map((row) => [row.getBoundingClientRect().top - list.top, row.querySelector('[data-column=summary]').textContent])
      .filter(([top]) => top >= 0 && top < list.height - 28)
      .sort(([left], [right]) => left - right)
      .map(([, text]) => text)
  })()`)
}

async function counts(page: Page): Promise<Record<string, number>> {
  return page.evaluate(`Object.fromEntries([...document.querySelectorAll('[data-count]')]
    .map(({ dataset }) => [dataset.count, Number(dataset.value)])
    .filter(([name]) => !name.startsWith('made')))`)
}

const PART = 500
