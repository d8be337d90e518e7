import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'

const FAILURES = `// Failures
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.response || data.response.status < 500) return
  alert.raise({
    title: 'The shop fails',
    severity: 'critical',
    text: 'Calls end with a status of 500 or more.',
    labels: { team: 'shop' },
    entry: data
  })
}
if (utils.nodeName() === 'hub') alert.raise({ title: '<img src=x onerror=alert(1)>', severity: 'info' })
`

describe('alerts in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`are listed, the worst first, and show what they are about, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page } = await openDashboard(t, {
        agents: { 'failures.js': FAILURES },
        path: '/alerts',
        colorScheme,
      })
      await page.getByText('The shop fails').waitFor()
      await page.getByText('<img src=x onerror=alert(1)>').waitFor()
      const rows = page.getByRole('region', { name: 'Alerts' }).getByRole('row')
      assert.match((await rows.nth(1).textContent()) ?? '', /^critical/)
      await page.getByText('2 open (1 critical, 1 info), 0 closed.').waitFor()
      await page.getByRole('button', { name: 'Details of The shop fails' }).click()
      await page.getByText('Calls end with a status of 500 or more.').waitFor()
      const entry = page.getByRole('table', { name: 'Entries of The shop fails' }).getByRole('link').first()
      assert.match((await entry.textContent()) ?? '', /^(GET|POST) \//)
      await expectAccessible(page)
      await entry.click()
      await page.waitForURL('**/traffic?entry=*')
      await page.getByRole('tab', { name: 'Response' }).waitFor()
    })

  test('are searched, closed, and give their packets', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { agents: { 'failures.js': FAILURES }, path: '/alerts' })
    await page.getByText('<img src=x onerror=alert(1)>').waitFor()
    await page.getByLabel('Search in alerts').fill('team: shop')
    await until(async () => (await page.getByText('<img').count()) === 0)
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download the packets of The shop fails (pcap)' }).click()
    const file = await readFile(await (await downloading).path())
    const [alert] = (await client.alerts()).filter(({ severity }) => severity === 'critical')
    assert.equal(file.length, alert?.pcapBytes)

    await page.getByRole('button', { name: 'Close The shop fails' }).click()
    await page.getByText('The shop fails was closed.').waitFor()
    await page.getByText('No alert has these words').waitFor()
    await page.getByRole('button', { name: 'Show all alerts' }).click()
    await page.getByText('1 open (1 info), 1 closed.').waitFor()
    await page.getByRole('button', { name: 'Details of The shop fails' }).click()
    await page.getByText(/, by /).waitFor()
    assert.equal((await client.alerts()).find(({ id }) => id === alert?.id)?.state, 'closed')
    await expectAccessible(page)
  })
})
