import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { httpServer } from '../../src/testing/http-server.ts'
import { remora } from '../../src/testing/remora.ts'
import { until } from '../../src/testing/until.ts'

const CODE = `// Reports failures
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.response) return
  if (data.response.status >= 500) {
    console.error('\\x1b[31mfailed\\x1b[0m', data.request.path)
    vendor.webhook('POST', env.HOOK, { text: data.request.path + ' failed' })
    file.append('failures.txt', data.id)
    test.fail(data)
  }
  if (data.response.status === 404) nothing.at.all()
}
`

const PANEL = 'section[aria-label="Try this agent"]'

describe('trying an agent', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`shows what it would do, and does nothing of it, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const server = await httpServer(t, (_, response) => response.end())
      const args = ['--pcap', SAMPLE, '--set', `scripting.env.HOOK=${server.url}/very-secret`]
      const { page, url, client, folder } = await openDashboard(t, { colorScheme, args })
      const { id } = await client.createAgent({ code: CODE, active: false })
      await page.goto(`${url}/agents/${id}`)
      await page.getByRole('tab', { name: 'Try' }).click()
      const panel = page.locator(PANEL)
      await panel.getByRole('button', { name: 'Run' }).waitFor()
      await page.keyboard.press('Control+Enter')
      await panel.getByText('Has errors').waitFor()
      await until(() => page.evaluate('document.getAnimations().length === 0'))
      await expectAccessible(page, PANEL)

      await panel.getByRole('tab', { name: /Effects/ }).click()
      await panel.getByRole('button', { name: 'vendor.webhook' }).first().click()
      await panel.getByText(`POST ${server.url}/[env.HOOK]`).first().waitFor()
      await panel.getByText('content-type: application/json').waitFor()
      assert.doesNotMatch(await panel.innerText(), /very-secret/)
      assert.deepEqual(server.seen, [])
      await expectAccessible(page, PANEL)

      await panel.getByRole('tab', { name: /Entries/ }).click()
      const link = panel.getByRole('table', { name: 'Marked entries' }).getByRole('link').first()
      assert.match((await link.getAttribute('href')) ?? '', /^\/traffic\?entry=.+pcap-\d+$/)
      for (const [tab, text] of [
        [/Console/, 'failed /error'],
        [/Calls/, 'onItemCaptured'],
        [/Stored/, 'failures.txt'],
        [/Cost/, 'of one core'],
      ] as const) {
        await panel.getByRole('tab', { name: tab }).click()
        await panel.getByRole('tabpanel').getByText(text).first().waitFor()
        await expectAccessible(page, PANEL)
      }

      await panel.getByRole('button', { name: 'Line 10' }).first().click()
      await page.locator('.monaco-editor .active-line-number', { hasText: /^10$/ }).waitFor()

      const downloading = page.waitForEvent('download')
      await panel.getByRole('button', { name: 'Make a test' }).click()
      const download = await downloading
      assert.equal(download.suggestedFilename(), 'reports-failures.test.json')
      await download.saveAs(join(folder, 'a.test.json'))
      const tested = await remora(['test', 'a.test.json'], { cwd: folder })
      assert.deepEqual([tested.code, tested.stderr], [0, ''], tested.stdout)
    })

  test('refuses what cannot be read, and says where', async (t) => {
    if (!canBrowse(t)) return
    const { page, url, client } = await openDashboard(t)
    const { id } = await client.createAgent({ code: CODE, active: false })
    await page.goto(`${url}/agents/${id}`)
    await page.getByRole('tab', { name: 'Try' }).click()
    const panel = page.locator(PANEL)
    const fails = { status: 400, json: { code: 'E_AGENT_SYNTAX', message: 'Reports failures.js:3:7: no' } }
    await page.route('**/api/v1/trials', (route) => route.fulfill(fails))
    await panel.getByRole('button', { name: 'Run' }).click()
    await panel.getByText('Reports failures.js:3:7: no').waitFor()
    await expectAccessible(page, PANEL)
  })
})
