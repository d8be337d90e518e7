import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { tsharkFields } from '../../src/testing/tshark.ts'
import { until } from '../../src/testing/until.ts'
import { entriesQuery } from '../../src/wire/entries.ts'

describe('the recordings', () => {
  test('are made of what the traffic shows, seen as traffic, and downloaded as a pcap that tshark reads', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, folder } = await openDashboard(t, { path: '/recordings' })
    await page.getByRole('heading', { name: 'Nothing is recorded yet' }).waitFor()
    const query = entriesQuery.parse({ filter: 'http' })
    await until(async () => (await client.entries(query)).entries.length > 0)
    await page.goto(`${new URL(page.url()).origin}/recordings?new=1&filter=http`)
    const dialog = page.getByRole('dialog', { name: 'New recording' })
    assert.equal(await dialog.getByRole('combobox', { name: 'Filter of the recording' }).inputValue(), 'http')
    await dialog.getByText('The last minutes').click()
    await dialog.getByLabel('Name').fill('just-now')
    await dialog.getByText('Takes what workers still have of the last 5 min; kept for 2 d.').waitFor()
    await expectAccessible(page)
    await dialog.getByRole('button', { name: 'Take what is there' }).click()
    const row = page.getByRole('row').filter({ hasText: 'just-now' })
    await row.getByText('done').waitFor()
    assert.ok(!page.url().includes('new'), 'the dialog is out of the address')

    await row.getByRole('button', { name: 'Details of just-now' }).click()
    const nodes = page.getByRole('table', { name: 'just-now on each node' })
    await nodes.getByText('n1').waitFor()
    await expectAccessible(page)
    const [, packets = ''] = /^([\d,]+)\t[\d.]+ [KM]?i?B/m.exec(await cells(page)) ?? []
    const downloading = page.waitForEvent('download')
    await row.getByRole('button', { name: 'Download the packets of just-now (pcap)' }).click()
    const download = await downloading
    assert.equal(download.suggestedFilename(), 'just-now.pcap')
    const file = join(folder, 'just-now.pcap')
    await download.saveAs(file)
    const read = await tsharkFields(t, file, ['frame.number'])
    if (read === undefined) return
    assert.equal(read.length, Number(packets.replaceAll(',', '')), await cells(page))

    await row.getByRole('link', { name: 'just-now' }).click()
    await page.waitForURL('**/traffic?source=recording*just-now*')
    await page.getByRole('option').first().click()
    await page.getByRole('tab', { name: 'Packets' }).click()
    await page.getByText(/packets of the connection/).waitFor()
    await page.getByRole('button', { name: 'Packet 1', exact: true }).click()
    await page.getByRole('region', { name: 'Bytes of packet 1' }).waitFor()
  })

  test('are scheduled, refused with the reason, searched, stopped and deleted', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/recordings' })
    await page.keyboard.press('n')
    const dialog = page.getByRole('dialog', { name: 'New recording' })
    const name = dialog.getByLabel('Name')
    await name.fill('Not good')
    await dialog.getByText('Lower-case letters, digits and dashes, no dash first.').waitFor()
    assert.ok(await dialog.getByRole('button', { name: 'Start recording' }).isDisabled())
    await name.fill('nightly')
    await dialog.getByText('At a time of day').click()
    await dialog.getByLabel('Start (UTC)').fill('02:30')
    await dialog.getByLabel('Days in a row').fill('0')
    await dialog.getByText(/^Records every day at 02:30 UTC, for 4 h, first in /).waitFor()
    await dialog.getByRole('button', { name: 'Schedule' }).click()
    const nightly = page.getByRole('row').filter({ hasText: 'nightly' })
    await nightly.getByText('scheduled').waitFor()
    await nightly.getByText(/^starts in /).waitFor()

    await page.getByRole('button', { name: 'New recording' }).click()
    await name.fill('live')
    await dialog.getByRole('combobox', { name: 'Filter of the recording' }).fill('http and')
    await dialog.getByRole('button', { name: 'Start recording' }).click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByRole('combobox', { name: 'Filter of the recording' }).fill('dns')
    await dialog.getByRole('button', { name: 'Start recording' }).click()
    const live = page.getByRole('row').filter({ hasText: 'dns' })
    await live.getByText('recording', { exact: true }).waitFor()
    await live.getByText(/left$/).waitFor()

    await page.getByLabel('Search in recordings').fill('DNS')
    await nightly.waitFor({ state: 'detached' })
    await page.waitForURL('**/recordings?q=DNS')
    await live.getByRole('button', { name: 'Stop live' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await live.getByText('done').waitFor()
    await page.getByLabel('Search in recordings').fill('')
    await page.getByLabel('Select all').check()
    await page.getByRole('button', { name: 'Delete 2' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Nothing is recorded yet' }).waitFor()
  })

  test('are only looked at by those who may no more', async (t) => {
    if (!canBrowse(t)) return
    const tokens = ['viewer', 'operator'].flatMap((role, at) =>
      [`name=${role}`, `role=${role}`, `token=${TOKEN}${role}`].flatMap((each) => [
        ...['--set-string', `hub.tokens[${at}].${each}`],
      ]),
    )
    const { page, url } = await openDashboard(t, { args: tokens, isAnonymous: true })
    const made = await fetch(`${url}/api/v1/recordings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}operator`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'theirs' }),
    })
    assert.equal(made.status, 201)
    await page.getByLabel('Token').fill(`${TOKEN}viewer`)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Recordings' }).click()
    await page.getByRole('link', { name: 'theirs' }).waitFor()
    assert.deepEqual(await page.getByRole('button', { name: /New recording|Download|Stop|Delete/ }).all(), [])
    assert.equal(await page.getByLabel('Select all').count(), 0)
  })

  for (const colorScheme of ['dark', 'light'] as const)
    test(`have nothing on their screen that axe finds serious, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page, url } = await openDashboard(t, { colorScheme, path: '/recordings?new=1' })
      await page.getByRole('dialog').getByText('At a time of day').click()
      await expectAccessible(page)
      for (const draft of [
        { name: 'going-on', filter: 'http and response.status >= 500' },
        { name: 'past', lastMinutes: 5 },
        { name: 'later', start: '02:30', iterations: 0, duration: 60 },
      ])
        await page.evaluate(`fetch('${url}/api/v1/recordings', {
          method: 'POST', headers: { 'content-type': 'application/json' }, body: '${JSON.stringify(draft)}' })`)
      await page.goto(`${url}/recordings`)
      await page.getByLabel('Details of past').click()
      await page.getByRole('table', { name: 'past on each node' }).waitFor()
      await expectAccessible(page)
    })
})

/** The text of the table with all nodes, a cell behind the other. */
async function cells(page: Page): Promise<string> {
  const row = page.getByRole('row').filter({ hasText: 'just-now' })
  return (await row.getByRole('cell').allInnerTexts()).slice(-4, -2).join('\t')
}

const TOKEN = 'x'.repeat(24)
