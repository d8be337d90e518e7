import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { tsharkFields } from '../../src/testing/tshark.ts'
import { until } from '../../src/testing/until.ts'

/** What a person does in the first quarter of an hour, from one screen to the next. */
describe('the whole story', () => {
  test('traffic, an agent from an example, its fault and the way back, a job, and a recording that tshark reads', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, folder } = await openDashboard(t, { args: ['--pcap', SAMPLE, '--replay'] })

    // See traffic, filter it, open an entry.
    await rows(page).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('http and response.status >= 500')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=http/)
    await rows(page).filter({ hasText: '500' }).first().click()
    await page.getByRole('region', { name: 'Details' }).getByRole('tab', { name: 'Response' }).waitFor()

    // An agent of an example, tried before it is saved.
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Agents' }).click()
    await page.getByRole('button', { name: 'Blank script' }).first().click()
    await page.getByRole('button', { name: 'Examples' }).click()
    await page.getByRole('menuitem', { name: /Monitoring: Pass HTTP traffic/i }).click()
    await page.locator('.view-line').getByText('test.pass').first().waitFor()
    await write(page, SAYS)
    await page.getByRole('button', { name: 'Save and activate' }).click()
    await page.waitForURL(/\/agents\/[0-9a-f-]{36}$/)

    // What it prints.
    await page.getByRole('tab', { name: 'Console' }).click()
    await page
      .getByText(/seen GET/)
      .first()
      .waitFor()

    // Break it, see where, go back.
    await write(page, SAYS.replace('data.request.method', 'data.request.nothing.at'))
    await page.keyboard.press('Control+s')
    await page.getByText('v2', { exact: true }).waitFor()
    await page.locator('.remora-fault-glyph').first().waitFor()
    await page.getByRole('tab', { name: 'Problems' }).click()
    await page
      .getByRole('button', { name: /Run time.*TypeError.*4:/ })
      .first()
      .waitFor()
    await page.getByRole('tab', { name: 'Versions' }).click()
    await page.getByRole('button', { name: 'Version 1' }).click()
    await page.getByRole('button', { name: 'Roll back to version 1' }).click()
    await page.getByText('v3', { exact: true }).waitFor()
    await page.locator('.remora-fault-glyph').waitFor({ state: 'detached' })
    assert.match((await client.agents())[0]?.code ?? '', /'seen', data\.request\.method\)/)

    // Its job, now instead of next year.
    await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Jobs' }).click()
    await page.getByRole('button', { name: 'Run summary on n1 now' }).click()
    await until(async () => (await client.console({ node: 'n1', text: 'summed up' })).length === 1)
    await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Console' }).click()
    await page
      .getByText(/summed up \d+ calls/)
      .first()
      .waitFor()

    // Record what is filtered.
    await page.goto(`${new URL(page.url()).origin}/traffic?q=dns`)
    await rows(page).first().waitFor()
    await page.getByRole('link', { name: 'Record', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'New recording' })
    await dialog.getByLabel('Name').fill('names')
    await dialog.getByRole('button', { name: 'Start recording' }).click()
    const row = page.getByRole('row').filter({ hasText: 'names' })
    await until(async () =>
      (await row.getByRole('cell').allTextContents()).some((cell) => /^[1-9][\d,]*$/.test(cell)),
    )
    await row.getByRole('button', { name: 'Stop names' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await row.getByText('done').waitFor()
    const downloading = page.waitForEvent('download')
    await row.getByRole('button', { name: 'Download the packets of names (pcap)' }).click()
    const file = join(folder, 'names.pcap')
    await (await downloading).saveAs(file)
    const read = await tsharkFields(t, file, ['dns.qry.name'])
    if (read === undefined) return
    assert.ok(
      read.some(([name = '']) => name.endsWith('own.test')),
      JSON.stringify(read.slice(0, 5)),
    )
  })
})

const SAYS = `// Says
var seen = 0
function onItemCaptured(data) {
  if (data.request && data.request.method) console.log('seen', data.request.method)
  seen++
}
jobs.schedule('summary', '0 0 0 1 1 *', function () { console.log('summed up', seen, 'calls') })
`

const rows = (page: Page) => page.getByRole('option')

/** Instead of what is in the editor. */
async function write(page: Page, text: string): Promise<void> {
  await page.locator('.monaco-editor .view-lines').first().click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
}
