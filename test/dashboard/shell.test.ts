import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'

/** With the key that leads there, after `g`. */
const KEYS = {
  ...{
    traffic: 't',
    agents: 'a',
    console: 'c',
    alerts: 'l',
    effects: 'e',
    reports: 'p',
    jobs: 'j',
    map: 'm',
  },
  ...{ recordings: 'r', capture: 'u', health: 'h' },
}
const SCREENS = Object.keys(KEYS)

describe('the dashboard', () => {
  test('has no screen on which axe finds something serious, dark or light', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t)
    for (const screen of SCREENS) {
      await page.goto(`${url}/${screen}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.locator(`[data-mantine-color-scheme=${colorScheme}]`).waitFor()
        await expectAccessible(page)
      }
    }
  })

  test('goes to every screen by keys alone, and finds commands by typing', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t)
    for (const [screen, key] of Object.entries(KEYS)) {
      await page.keyboard.press('g')
      await page.keyboard.press(key)
      await page.waitForURL(`**/${screen}*`)
      await page
        .getByRole('link', { name: new RegExp(screen, 'i') })
        .and(page.locator('[aria-current=page]'))
        .waitFor()
    }
    await page.keyboard.press('Control+k')
    await page.getByLabel('Search commands').fill('go to jobs')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/jobs')
  })

  test('shows all keys, and finds agents by name', async (t) => {
    if (!canBrowse(t)) return
    const agents = { 'alerts.js': '// Alerts\nconsole.log(1)' }
    const { page, client } = await openDashboard(t, { agents, path: '/console' })
    const { id } = await client.agent('Alerts')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.keyboard.press('?')
    const keys = page.getByRole('dialog', { name: 'Keys' })
    await keys.getByText('Pause the console').waitFor()
    await keys.getByText('Go to jobs').waitFor()
    await expectAccessible(page)
    await page.keyboard.press('Escape')
    await keys.waitFor({ state: 'hidden' })
    await page.keyboard.press('Control+k')
    await page.getByLabel('Search commands').fill('console of al')
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/console?agent=${id}`)
    await page.keyboard.press('Control+k')
    await page.getByLabel('Search commands').fill('deactivate al')
    await page.keyboard.press('Enter')
    await page.getByText('Deactivated Alerts').waitFor()
    assert.equal((await client.agent('Alerts')).active, false)
  })

  test('says that there is no such screen', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/nowhere' })
    await page.getByRole('heading', { name: 'There is no such screen' }).waitFor()
  })

  test('asks for a token where the hub wants one, and refuses one that is not known', async (t) => {
    if (!canBrowse(t)) return
    const token = 'x'.repeat(24)
    const tokens = ['name=ann', 'role=viewer', `token=${token}`].flatMap((each) => [
      '--set-string',
      `hub.tokens[0].${each}`,
    ])
    const { page } = await openDashboard(t, { args: tokens, isAnonymous: true })
    await page.getByLabel('Token').fill('wrong')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('the token is not known').waitFor()
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByText('ann · viewer').waitFor()
    assert.equal(new URL(page.url()).pathname, '/traffic')
    assert.ok(!page.url().includes(token), 'the token is not in the address')
  })

  test('is usable on a tablet: nothing is wider than the page', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t, { width: 768, height: 1024 })
    for (const screen of SCREENS) {
      await page.goto(`${url}/${screen}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), screen)
    }
  })

  test('has all of its header on a phone', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/agents', width: 390, height: 720 })
    await page.getByText('All traffic shown').waitFor()
    for (const name of ['Commands', 'Light colours']) {
      const box = await page.getByRole('button', { name, exact: true }).boundingBox()
      assert.ok(box !== null && box.x + box.width <= 390, `${name}: ${JSON.stringify(box)}`)
    }
  })
})
