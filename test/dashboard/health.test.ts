import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

const COUNTS = '// Counts\nvar n = 0\nfunction onItemCaptured() { n++ }\n'

describe('the health screen', () => {
  test('shows nodes, what they capture, and books that add up', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/health', agents: { 'counts.js': COUNTS } })
    const nodes = page.getByRole('region', { name: 'Nodes' })
    await nodes.getByRole('row', { name: /^n1worker All is well 0\.1\.0/ }).waitFor()
    await nodes.getByRole('row', { name: /^hubhub, leads All is well/ }).waitFor()
    const capture = page.getByRole('region', { name: 'Capture' })
    await capture.getByRole('row', { name: /^n1 sample\.pcap .*1,019 none$/ }).waitFor()
    const ledger = page.getByRole('region', { name: 'Ledger' })
    await ledger.getByText('1,019 = 1,019 decoded').waitFor()
    await ledger.getByText('349 = 349 delivered').waitFor()
    assert.equal(await ledger.getByText('adds up').count(), 5)
    await page.getByText('None: all of 349 were for somebody who got them.').waitFor()
  })

  test('says what is not visible and why, and what each counter of loss means', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/health' })
    const blind = page.getByRole('region', { name: 'What is not visible, and why' })
    await blind.getByText('What is in 8 encrypted connections').waitFor()
    await blind.getByText('No dissector knows the protocol.').waitFor()
    const losses = page.getByRole('region', { name: 'What is lost, and what is not read' })
    await losses.getByRole('row', { name: /Not read Bytes of streams .* No dissector knows/ }).waitFor()
    assert.equal(await losses.getByText('The buffer of the kernel was full').count(), 0)
    await losses.getByRole('switch').click({ force: true })
    await losses.getByText('They could not be written to disk.').waitFor()
  })

  test('shows settings with where they came from, without secrets, and keeps the search in the address', async (t) => {
    if (!canBrowse(t)) return
    const args = ['--pcap', SAMPLE, '--set', 'scripting.env.API_KEY=very-hidden', '--set', 'logLevel=error']
    const { page } = await openDashboard(t, { path: '/health', args })
    await page.getByText('Settings', { exact: true }).click()
    const table = page.getByRole('region', { name: 'Settings of the hub' })
    await table.getByRole('row', { name: /logLevel "error" --set/ }).waitFor()
    await page.getByLabel('Find settings').fill('api_key')
    await table.getByRole('row', { name: /scripting\.env\.API_KEY "\*{8}" --set/ }).waitFor()
    assert.equal(await table.getByRole('row').count(), 2)
    assert.equal(new URL(page.url()).search, '?view=settings&find=api_key')
    await page.reload()
    await table.getByText('scripting.env.API_KEY').waitFor()
    assert.doesNotMatch(await page.content(), /very-hidden/)
    await page.getByLabel('Find settings').fill('no such setting')
    await page.getByText('No setting is like that').waitFor()
    await expectAccessible(page)
  })

  test('the badge says on every screen that all is shown, and where the numbers are', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/jobs' })
    const badge = page.getByRole('button', { name: 'All traffic shown' })
    await badge.click()
    await page.getByText('nothing was lost on the way').waitFor()
    await expectAccessible(page)
    await page.getByRole('link', { name: /in numbers/ }).click()
    await page.waitForURL('**/health')
  })

  test('the badge says what the capture lost, as soon as it does', async (t) => {
    if (!canBrowse(t)) return
    const path = join(await tempFolder(t), 'lossy.pcapng')
    await writeFile(path, lossyCapture())
    const { page } = await openDashboard(t, { path: '/health', args: ['--pcap', path, '--replay'] })
    await page.getByRole('button', { name: /^Capture lost [\d,]+ packets$/ }).click()
    await page
      .getByText(/n1 lost [\d,]+ packets in the last minute\. The buffer of the kernel was full/)
      .waitFor()
    const losses = page.getByRole('region', { name: 'What is lost, and what is not read' })
    await losses.getByRole('row', { name: /^Lost Packets/ }).waitFor()
  })
})

/** A packet, and statistics of its interface: the kernel dropped five. pcapng, §4.3 and §4.6. */
function lossyCapture(): Buffer {
  const section = block(0x0a0d0d0a, [u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff)])
  const ethernet = block(1, [u16(1), u16(0), u32(0)])
  const packet = block(6, [u32(0), u32(0), u32(1), u32(60), u32(60), Buffer.alloc(60)])
  const dropped = [u16(7), u16(8), u32(5), u32(0)]
  const statistics = block(5, [u32(0), u32(0), u32(1), ...dropped, u16(0), u16(0)])
  return Buffer.concat([section, ethernet, packet, statistics])
}

function block(type: number, body: readonly Buffer[]): Buffer {
  const content = Buffer.concat(body)
  const length = u32(content.length + 12)
  return Buffer.concat([u32(type), length, content, length])
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
