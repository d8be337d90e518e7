import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { shopCalls, writeServicesCapture } from '../../src/testing/services-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

describe('the service map', () => {
  test('shows a few services, with numbers, and leads to just their traffic', async (t) => {
    if (!canBrowse(t)) return
    const now = Date.now()
    const call = { from: '10.1.0.1', to: '10.1.0.2', host: 'carts', atMs: now - 5000, tookMs: 20 }
    const pcap = join(await tempFolder(t), 'calls.pcap')
    await writeServicesCapture(pcap, [
      { ...call, status: 200 },
      { ...call, status: 500 },
      { ...call, from: '10.1.0.2', to: '10.1.0.3', host: 'prices', status: 200 },
    ])
    const { page, url, client } = await openDashboard(t, { path: '/map', args: ['--pcap', pcap] })
    const carts = service(page, 'carts')
    await carts.waitFor()
    assert.equal(await page.locator('.react-flow__node-service').count(), 3)
    await carts.click()
    const details = page.getByRole('complementary', { name: 'Details' })
    await details.getByText('Asked by (1)').waitFor()
    await details.getByText('Asks (1)').waitFor()
    await details.getByText('50 %').waitFor()
    await details.getByRole('button', { name: '10.1.0.1' }).click()
    await details.getByText('10.1.0.1 → carts').waitFor()
    await expectAccessible(page)
    const href = await details.getByRole('link', { name: 'HTTP' }).getAttribute('href')
    const filter = new URL(href ?? '', url).searchParams.get('q') ?? ''
    const { entries } = await client.entries({ filter, limit: 10 })
    assert.equal(entries.length, 2, filter)

    await page.getByText('Table', { exact: true }).click()
    const rows = page.getByRole('region', { name: 'Who talks to whom' }).getByRole('row')
    await rows.filter({ hasText: 'prices' }).waitFor()
    await page.getByRole('button', { name: 'Errors', exact: true }).click()
    await page.locator('th[aria-sort=descending]').filter({ hasText: 'Errors' }).waitFor()
    await expectAccessible(page)

    await page.goto(`${url}/map?q=${encodeURIComponent('status_code == 404')}`)
    await page.getByRole('heading', { name: 'Nothing matches in the last 5 min' }).waitFor()
    await page.getByText('Clear the filter', { exact: true }).click()
    await carts.waitFor()
    await page.getByRole('button', { name: /^HTTP/, pressed: true }).click()
    await page.getByRole('heading', { name: 'All protocols are left out' }).waitFor()
    assert.equal(new URL(page.url()).searchParams.get('hide'), 'HTTP')
  })

  test('can be read with 200 services: none hides another, and any is found', async (t) => {
    if (!canBrowse(t)) return
    const pcap = join(await tempFolder(t), 'shop.pcap')
    await writeServicesCapture(pcap, shopCalls(200, Date.now() - 1000))
    const { page } = await openDashboard(t, { path: '/map', args: ['--pcap', pcap] })
    await page.getByText('201 services').waitFor()
    const shot = process.env.SHOTS
    if (shot !== undefined) await page.screenshot({ path: join(shot, 'map-200.png') })
    await page.getByRole('combobox', { name: 'Find a service' }).fill('-150')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', { name: 'Details' }).getByText('Asked by').waitFor()
    const places = async () => {
      const all = await page
        .locator('.react-flow__node-service')
        .evaluateAll((nodes) =>
          nodes.map((node) => [node.getAttribute('data-id'), node.getAttribute('style')] as const),
        )
      return new Map(
        all.map(([id, style]) => [
          id,
          /translate\(([-\d.]+)px, ?([-\d.]+)px\)/
            .exec(style ?? '')
            ?.slice(1)
            .map(Number) ?? [],
        ]),
      )
    }
    const before = await places()
    for (const [id, [x = 0, y = 0]] of before)
      for (const [other, [left = 0, top = 0]] of before)
        assert.ok(
          id === other || Math.abs(x - left) >= 184 || Math.abs(y - top) >= 46,
          `${id} hides ${other}`,
        )
    if (shot !== undefined) await page.screenshot({ path: join(shot, 'map-found.png') })
    await page.waitForTimeout(2500)
    for (const [id, place] of await places())
      if (before.has(id)) assert.deepEqual(place, before.get(id), `${id}`)
    await page.getByRole('button', { name: 'Only this and its neighbours' }).click()
    await page.getByText(/\b[2-9] services/).waitFor()
    if (shot !== undefined) await page.screenshot({ path: join(shot, 'map-focus.png') })
  })
})

function service(page: Page, name: string) {
  return page.locator('.react-flow__node-service').filter({ hasText: name })
}
