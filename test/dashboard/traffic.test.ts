import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'

describe('the traffic', () => {
  test('shows entries, and all that there is of one', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/traffic?q=http' })
    await row(page, '/a.txt').first().click()
    const details = page.getByRole('region', { name: 'Details' })
    await details.getByRole('heading', { name: /^GET\s*\/a\.txt$/ }).waitFor()
    await details.getByRole('rowheader', { name: 'User-Agent' }).waitFor()
    await details.getByRole('tab', { name: 'Response' }).click()
    await details.getByText('GNU GENERAL PUBLIC LICENSE').first().waitFor()
    await details.getByText('Hex', { exact: true }).click()
    await details.getByText('00000010').waitFor()
    await details.getByRole('tab', { name: 'Timing and ends' }).click()
    await details.getByRole('rowheader', { name: 'resolutionMechanism' }).first().waitFor()
    await details.getByRole('tab', { name: 'JSON' }).click()
    await details.getByText('stream:').waitFor()
    await expectAccessible(page)
  })

  test('makes a filter of any value by a click, and goes back', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/traffic?q=http' })
    await row(page, '/a.txt').first().click()
    const before = await shown(page)
    const line = page.getByRole('region', { name: 'Details' }).getByRole('row', { name: /^method/ })
    await line.hover()
    await line.getByRole('button', { name: 'Without this method' }).click()
    await filterIs(page, 'http && method != "GET"')
    await until(async () => (await shown(page)) < before)
    assert.equal(await row(page, '/a.txt').filter({ hasText: 'GET' }).count(), 0)
    await page.goBack()
    await filterIs(page, 'http')
    await page.goForward()
    await filterIs(page, 'http && method != "GET"')
  })

  test('completes a filter while it is written, says what is wrong with it, and remembers it', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t)
    await page.keyboard.press('/')
    const box = page.getByRole('combobox', { name: 'Filter' })
    await page.keyboard.type('status')
    await page.getByRole('option', { name: /^status_code/ }).waitFor()
    await page.keyboard.press('ArrowDown')
    assert.ok(await box.getAttribute('aria-activedescendant'))
    await page.keyboard.press('Enter')
    assert.equal(await box.inputValue(), 'status_code')
    await page.keyboard.type(' >= 4oo')
    await page.getByRole('img', { name: 'The filter cannot be read' }).waitFor()
    assert.equal(await box.getAttribute('aria-invalid'), 'true')
    await page.keyboard.press('Enter')
    assert.equal(new URL(page.url()).searchParams.get('q'), null, 'what cannot be read is not applied')
    for (let at = 0; at < 3; at++) await page.keyboard.press('Backspace')
    await page.keyboard.type('400')
    await page.getByRole('img', { name: 'The filter can be read' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=status_code/)
    await row(page, '/nope').first().waitFor()
    assert.equal(await row(page, '/a.txt').filter({ hasText: '200' }).count(), 0)
    await page.getByRole('button', { name: 'Clear the filter' }).click()
    await box.press('ArrowUp')
    await page.getByRole('option', { name: 'status_code >= 400' }).click()
    assert.equal(await box.inputValue(), 'status_code >= 400')
  })

  test('takes examples from the sheet', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t)
    await page.getByRole('button', { name: 'How filters are written' }).click()
    await page.getByRole('dialog').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'status_code >= 500' }).click()
    assert.equal(await page.getByRole('combobox', { name: 'Filter' }).inputValue(), 'status_code >= 500')
  })

  test('opens at its address: filter, time and entry', async (t) => {
    if (!canBrowse(t)) return
    const { page, url, client } = await openDashboard(t)
    const text = await eventually(async () => (await client.entries({ filter: 'http', limit: 1 })).entries[0])
    const { id, timestamp } = JSON.parse(text)
    const search = new URLSearchParams({
      q: 'dns',
      entry: id,
      from: String(timestamp - 1),
      to: String(timestamp),
    })
    await page.goto(`${url}/traffic?${search}`)
    await filterIs(page, 'dns')
    await page.getByRole('region', { name: 'Details' }).getByRole('tab', { name: 'Request' }).waitFor()
    assert.equal(
      await page.getByRole('button', { name: /^Pause/ }).count(),
      0,
      'nothing comes that could be paused',
    )
    await page.goto(`${url}/traffic?entry=gone/1.pcap-0`)
    await page.getByText('there is no entry gone/1.pcap-0').waitFor()
  })

  test('goes by keys alone: to an entry, through it, and back', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/traffic?q=http' })
    await row(page, '/a.txt').first().waitFor()
    await page.keyboard.press('k')
    await page.keyboard.press('k')
    const chosen = () => page.getByRole('option', { selected: true })
    const first = await chosen().getAttribute('data-id')
    await page.getByRole('listbox', { name: 'Entries' }).focus()
    await page.keyboard.press('ArrowUp')
    assert.notEqual(await chosen().getAttribute('data-id'), first)
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'Details' }).getByRole('tab').first().waitFor()
    const entry = () => new URL(page.url()).searchParams.get('entry')
    const opened = entry()
    await page.keyboard.press('ArrowUp')
    await until(() => entry() !== opened)
    await page.keyboard.press('Escape')
    await page.getByRole('region', { name: 'Details' }).waitFor({ state: 'detached' })
    assert.equal(entry(), null)
    await page.keyboard.press('Home')
    const list = page.getByRole('listbox', { name: 'Entries' })
    await until(async () => (await list.evaluate(({ scrollTop }) => scrollTop)) === 0)
    await page.keyboard.press('Space')
    await page.getByText('Paused', { exact: true }).waitFor()
  })

  test('looks back in time, and says so when nothing is kept of it', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t)
    const text = await eventually(async () => (await client.entries({ filter: 'http', limit: 1 })).entries[0])
    const { timestamp } = JSON.parse(text)
    await page.getByRole('button', { name: 'Time', exact: true }).click()
    await page.getByLabel('Jump to a time').fill('nonsense')
    await page.keyboard.press('Enter')
    await page.getByText(/This is no time/).waitFor()
    await page.getByLabel('Jump to a time').fill(String(timestamp))
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`from=${timestamp - 60_000}&to=${timestamp + 60_000}`))
    await page.getByRole('option').first().waitFor()
    await page.goto(`${new URL(page.url()).origin}/traffic?from=1000&to=2000`)
    await page.getByRole('heading', { name: 'Nothing is kept of this time' }).waitFor()
    await page.getByRole('button', { name: 'Show what comes now' }).click()
    await page.getByRole('option').first().waitFor()
  })

  test('exports what is shown', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/traffic?q=http' })
    await row(page, '/a.txt').first().waitFor()
    const take = async (name: string) => {
      await page.getByRole('button', { name: 'Export what is shown' }).click()
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name }).click(),
      ])
      return readFile(await file.path(), 'utf8')
    }
    const csv = (await take('Rows as CSV')).split('\r\n')
    assert.match(csv[0] ?? '', /^time,protocol,method,status/)
    assert.equal(csv.length - 1, await shown(page))
    const entries: { protocol: { name: string } }[] = JSON.parse(await take('Whole entries as JSON'))
    assert.equal(entries.length, csv.length - 1)
    assert.ok(entries.every(({ protocol }) => protocol.name === 'http'))
  })
})

const row = (page: Page, text: string) => page.getByRole('option').filter({ hasText: text })

const shown = async (page: Page) =>
  Number(await page.locator('[data-count=shown]').getAttribute('data-value'))

async function filterIs(page: Page, filter: string): Promise<void> {
  const box = page.getByRole('combobox', { name: 'Filter' })
  await until(async () => (await box.inputValue()) === filter, `the filter ${filter}`)
}

/** The capture is read while the page opens. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined
  await until(async () => {
    found = await ask()
    return found !== undefined
  })
  return found as T
}
