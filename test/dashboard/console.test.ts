import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'

const LOUD = `// Loud
console.log('\\x1b[31mred\\x1b[0m and \\x1b[1;38;5;214mamber\\x1b[0m')
console.log('<img src=x onerror=alert(1)> \\x1b]0;title\\x07 a\\u202eb')
for (var i = 0; i < 7; i++) console.log('the same again')
console.warn('disk is nearly full')
console.info('needle one')
console.debug('needle two')
`
const BROKEN = `// Broken
jobs.schedule('report', '@every 1s', function () {
  throw new Error('the report cannot be written')
}, 1)
`

describe('the console of the dashboard', () => {
  test('shows what agents print, with its colours and nothing that harms', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { agents: { 'loud.js': LOUD }, path: '/console' })
    const lines = linesOf(page)
    await lines.getByText('the same again').first().waitFor()
    const red = String(await page.evaluate(COLOUR))
    const [r = 0, g = 0] = numbersIn(red)
    assert.ok(r > g + 50, red)
    await lines.getByText('<img src=x onerror=alert(1)>  a‹U+202E›b').first().waitFor()
    await lines.getByText('×7').first().waitFor()
    await lines.getByText('WARN').first().waitFor()
    await expectAccessible(page)
  })

  test('leads from an error to its line, on both backgrounds readable', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, {
      agents: { 'broken.js': BROKEN, 'loud.js': LOUD },
      path: '/console',
      colorScheme: 'light',
    })
    const place = linesOf(page).getByRole('button', { name: 'Broken:3:9' })
    await place.first().waitFor()
    await expectAccessible(page)
    await place.first().click()
    const { id } = await client.agent('Broken')
    await page.waitForURL(`**/agents/${id}?line=3`)
  })

  test('is of one agent, one node and some levels, as the address says', async (t) => {
    if (!canBrowse(t)) return
    const agents = { 'loud.js': LOUD, 'other.js': "// Other\nconsole.log('from the other')" }
    const { page } = await openDashboard(t, { agents, path: '/console' })
    const lines = linesOf(page)
    await lines.getByText('from the other').first().waitFor()
    await page.getByPlaceholder('All agents').click()
    await page.getByRole('option', { name: 'Loud' }).click()
    await page.waitForURL('**/console?agent=*')
    await linesOf(page, 'Loud').getByText('disk is nearly full').first().waitFor()
    assert.equal(await page.getByText('from the other').count(), 0)
    await page.getByText('warn', { exact: true }).click()
    await page.waitForURL('**level=warn')
    await until(
      async () => (await page.getByText('the same again').count()) === 0,
      () => 'other levels',
    )
    await page.reload()
    await linesOf(page, 'Loud').getByText('disk is nearly full').first().waitFor()
    assert.equal(await page.getByText('needle').count(), 0)
    await page.getByPlaceholder('All nodes').click()
    await page.getByRole('option', { name: 'hub' }).click()
    await page.waitForURL('**node=hub**')
    await until(
      async () => (await linesOf(page, 'Loud').getByText('WARN').count()) === 1,
      () => 'the node',
    )
  })

  test('is searched with keys alone', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { agents: { 'loud.js': LOUD }, path: '/console' })
    await linesOf(page).getByText('needle two').nth(1).waitFor()
    await page.keyboard.press('Control+f')
    await page.keyboard.type('NEEDLE')
    await page.getByText('4', { exact: true }).waitFor()
    for (const place of ['4 of 4', '1 of 4', '2 of 4']) {
      await page.keyboard.press(place === '4 of 4' ? 'Shift+Enter' : 'Enter')
      await page.getByText(place).waitFor()
    }
    await page.keyboard.press('Shift+F3')
    await page.getByText('1 of 4').waitFor()
    assert.equal(await page.locator('mark[data-current=true]').textContent(), 'needle')
    await page.waitForURL('**q=NEEDLE')
    await page.keyboard.press('Escape')
    await until(async () => (await page.locator('mark').count()) === 0)
  })

  test('pauses, is saved, and is cleared for everybody', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { agents: { 'loud.js': LOUD }, path: '/console' })
    const lines = linesOf(page)
    await lines.getByText('needle two').first().waitFor()
    await page.keyboard.press('p')
    await page.getByText('Paused', { exact: true }).waitFor()
    await client.createAgent({ title: 'Late', code: "console.log('came late')", active: true })
    await page.getByText(/Paused, [12] new lines?/).waitFor()
    assert.equal(await lines.getByText('came late').count(), 0)
    await page.keyboard.press('p')
    await lines.getByText('came late').first().waitFor()

    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download as text' }).click(),
    ])
    assert.match(file.suggestedFilename(), /^console-all-.*\.txt$/)
    const text = await readFile(await file.path(), 'utf8')
    assert.match(text, /^\S+Z \[(n1|hub)-0\] red and amber$/m)
    assert.match(text, /^\S+Z \[(n1|hub)-0:WARN\] disk is nearly full$/m)
    assert.equal(text.match(/the same again/g)?.length, 14, 'seven times on two nodes')

    await page.getByRole('button', { name: 'Clear all consoles' }).click()
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    await lines.getByText('console was cleared').waitFor()
    assert.equal(await lines.getByText('needle').count(), 0)
    assert.deepEqual(
      (await client.console({})).filter(({ level }) => level !== 'clear'),
      [],
    )
  })

  test('follows the end until one scrolls up, and again when one is back', async (t) => {
    if (!canBrowse(t)) return
    const code = `// Chatty
var n = 0
for (; n < 300; n++) console.log('line ' + n)
jobs.schedule('more', '@every 1s', function () { console.log('line ' + n++) })`
    const { page } = await openDashboard(t, { agents: { 'chatty.js': code }, path: '/console?node=hub' })
    const lines = linesOf(page)
    await lines.getByText('line 301', { exact: true }).waitFor()
    assert.equal(await lines.getAttribute('data-follows'), 'true')
    await lines.hover()
    await page.mouse.wheel(0, -900)
    await page.getByRole('button', { name: 'Follow' }).waitFor()
    const [first] = await lines.getByText(/^line \d+$/).allTextContents()
    await page.getByRole('button', { name: /Follow \(\d+ new\)/ }).waitFor()
    assert.deepEqual((await lines.getByText(/^line \d+$/).allTextContents())[0], first, 'nothing moves')
    await lines.focus()
    await page.keyboard.press('End')
    await until(
      async () => (await lines.getAttribute('data-follows')) === 'true',
      () => 'it does not follow',
    )
  })

  test('loses and doubles no line when the connection breaks', async (t) => {
    if (!canBrowse(t)) return
    const code = `// Counting
var n = 0
jobs.schedule('count', '@every 1s', function () { console.log('count ' + n++) })`
    const { page } = await openDashboard(t, { agents: { 'count.js': code }, path: '/console?node=hub' })
    const lines = linesOf(page)
    await lines.getByText('count 1', { exact: true }).waitFor()
    await page.context().setOffline(true)
    await page.evaluate('window.dispatchEvent(new Event("offline"))')
    await new Promise((resolve) => setTimeout(resolve, 2500))
    await page.context().setOffline(false)
    await lines.getByText('count 6', { exact: true }).waitFor()
    const counted = await lines.getByText(/^count \d+$/).allTextContents()
    assert.deepEqual(
      counted,
      counted.map((_, at) => `count ${at}`),
    )
  })

  test('stands ten thousand lines a second, and says what it leaves out', async (t) => {
    if (!canBrowse(t)) return
    const code = `// Flood
var n = 0
jobs.schedule('flood', '@every 1s', function () { for (var i = 0; i < 5000; i++) console.log('flood ' + n++) })`
    const { page } = await openDashboard(t, { agents: { 'flood.js': code }, path: '/console' })
    await page.getByText(/older lines left out/).waitFor()
    const framesPerSecond = Number(await page.evaluate(COUNT_FRAMES))
    assert.ok(framesPerSecond > 5, `${framesPerSecond} frames a second`)
    const began = Date.now()
    await page.keyboard.press('p')
    await page.getByText(/^Paused/).waitFor()
    assert.ok(Date.now() - began < 5000, 'keys are answered')
  })

  test('tells of lines that were not seen yet, in the navigation', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { path: '/jobs' })
    const link = page.getByRole('link', { name: /Console/ })
    await link.waitFor()
    await new Promise((resolve) => setTimeout(resolve, 2000))
    await client.createAgent({ title: 'Late', code: "console.log('came late')", active: true })
    await link.getByText('unread lines').waitFor()
    await link.click()
    await linesOf(page).getByText('came late').first().waitFor()
    await until(
      async () => (await page.getByText('unread lines').count()) === 0,
      () => 'still unread',
    )
  })

  test('leaves viewers what they may do', async (t) => {
    if (!canBrowse(t)) return
    const token = 'v'.repeat(24)
    const args = ['name=ann', 'role=viewer', `token=${token}`].flatMap((each) => [
      '--set-string',
      `hub.tokens[0].${each}`,
    ])
    const { page } = await openDashboard(t, { args, isAnonymous: true, path: '/console' })
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    assert.equal(await page.getByRole('button', { name: /Clear/ }).count(), 0)
    await page.getByText('There are no agents yet').waitFor()
    await expectAccessible(page)
  })
})

function linesOf(page: Page, title?: string) {
  return page.getByLabel(title === undefined ? 'Console of all agents' : `Console of ${title}`)
}

function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number)
}

/** As text: it runs in the page. */
const COLOUR = 'getComputedStyle(document.querySelector("[data-level=log] span span[style*=color]")).color'
const COUNT_FRAMES = `new Promise((resolve) => {
  let frames = 0
  const end = performance.now() + 3000
  const next = () => { frames++; performance.now() < end ? requestAnimationFrame(next) : resolve(frames / 3) }
  requestAnimationFrame(next)
})`
