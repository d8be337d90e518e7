import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { run } from '../../src/testing/programs.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'

/** What is captured meanwhile has nothing of HTTP. */
const OTHER = ['--pcap', join(REPOSITORY, 'samples/beanstalk.pcap')]

describe('captures in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`are dropped on the page, and their packets looked at and downloaded, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page, folder } = await openDashboard(t, { args: OTHER, colorScheme })
      await drop(page, 'shop traffic.pcap', readFileSync(SAMPLE))
      await page.waitForURL(/source=capture/, { timeout: 60_000 })
      await page.getByRole('button', { name: 'Source: shop traffic.pcap' }).click()
      await page.getByText(/packets, [\d,]+ entries/).waitFor()
      // It lies above a part of the list, whose handles are cut by it.
      const { violations } = await new AxeBuilder({ page }).include('[aria-label="Sources"]').analyze()
      assert.deepEqual(violations, [])
      await page.keyboard.press('Escape')

      const address = new URL(page.url())
      address.searchParams.set('q', 'request.path == "/json"')
      await page.goto(address.href)
      await page.getByRole('option').first().click()
      await page.getByRole('tab', { name: 'Packets' }).click()
      await page.getByText(/packets of the connection/).waitFor()
      await page.getByRole('button', { name: 'Packet 2', exact: true }).click()
      await page.getByRole('region', { name: 'Bytes of packet 2' }).waitFor()
      await expectAccessible(page)

      const file = join(folder, 'downloaded.pcap')
      const saved = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Download pcap' }).click()
      await (await saved).saveAs(file)
      const packets = await run('tshark', ['-r', file, '-Y', 'http.request'])
      assert.equal(packets.code, 0, packets.stderr)
      assert.match(packets.stdout, /GET \/json\?n=/)

      await page.getByRole('button', { name: 'Download or copy the entry' }).click()
      await page.getByRole('menuitem', { name: 'Copy as curl' }).waitFor()
      const archive = page.waitForEvent('download')
      await page.getByRole('menuitem', { name: 'HTTP archive (HAR)' }).click()
      const har = JSON.parse(readFileSync(await (await archive).path(), 'utf8'))
      assert.match(har.log.entries[0].request.url, /^http:\/\/[^/]+\/json\?n=/)
    })

  test('that are none are told of, and captures are deleted', async (t) => {
    if (!canBrowse(t)) return
    const { page, problems } = await openDashboard(t, { args: OTHER })
    await drop(page, 'notes.pcap', Buffer.from('these are notes, and no packets at all'.repeat(5)))
    await page.getByText(/notes.pcap looks like text, not like a capture/).waitFor()
    // The browser tells of the refusal, too.
    problems.splice(0)
    await page.getByRole('button', { name: 'Close notes.pcap' }).click()
    await drop(page, 'a.pcap', readFileSync(join(REPOSITORY, 'samples/beanstalk.pcap')))
    await page.waitForURL(/source=capture/, { timeout: 60_000 })
    await page.getByRole('button', { name: 'Source: a.pcap' }).click()
    await page.getByRole('button', { name: 'Delete a.pcap' }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.waitForURL((url) => !url.search.includes('source'))
    await page.getByRole('button', { name: 'Source: Live traffic' }).click()
    await page.getByText('None was opened yet.', { exact: false }).waitFor()
  })
})

/** Drops a file in the middle of the page, as a browser does. */
async function drop(page: Page, name: string, content: Buffer): Promise<void> {
  const [fileName, base64] = [name, content.toString('base64')].map((text) => JSON.stringify(text))
  const data = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer()
    const bytes = Uint8Array.from(atob(${base64}), (letter) => letter.charCodeAt(0))
    transfer.items.add(new File([bytes], ${fileName}))
    return transfer
  })()`)
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data })
  await page.getByText('Drop captures to open them').waitFor()
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
}
