import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'

const REPLAY = ['--pcap', SAMPLE, '--replay']
const GOOD = `// Counter
var calls = 0
function onItemCaptured(data) {
  calls++
}
`
const BROKEN = GOOD.replace('calls++', 'data.nothing.at.all()')

describe('agents', () => {
  test('are made of a template, run, and can be found in the list', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { path: '/agents', args: REPLAY })
    await page.getByRole('heading', { name: 'No agents yet' }).waitFor()
    await page.getByRole('button', { name: 'New from template' }).first().click()
    await page.getByLabel('Search templates').fill('packets kb')
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Use this template' }).click()
    await page.waitForURL('**/agents/new?template=packets-and-kb')
    await code(page).waitFor()
    assert.equal(
      await page.getByLabel('Title').inputValue(),
      'Log total captured packets and KB every minute',
    )
    await page.getByRole('button', { name: 'Save and activate' }).click()
    await page.waitForURL(/\/agents\/[0-9a-f-]{36}$/)
    await page.getByText('Running', { exact: true }).waitFor()
    await expectAccessible(page)
    const [agent] = await client.agents()
    assert.deepEqual([agent?.title, agent?.active], ['Log total captured packets and KB every minute', true])

    await page.getByRole('link', { name: 'All agents' }).click()
    await page.getByRole('link', { name: 'Log total captured packets' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('no such words')
    await page.getByRole('heading', { name: 'No agent has all of these words' }).waitFor()
    await page.getByLabel('Search agents').fill('packets')
    await page.getByRole('link', { name: 'Log total captured packets' }).waitFor()
    await expectAccessible(page)
    assert.ok(page.url().endsWith('/agents?q=packets'))
  })

  test('are written with the types of hooks and helpers, and checked while that is done', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { path: '/agents/new' })
    await write(page, '// Typed\nfunction onItemCaptured(data) {\n  ')
    await page.keyboard.type('data.elap')
    await page
      .locator('.suggest-widget')
      .getByLabel(/^elapsedTime, /)
      .waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('Unexpected token').waitFor()
    await page.keyboard.insertText('\n  vendor.webhok("GET", "http://x")\n}\n')
    await page.getByText('there is no helper vendor.webhok; did you mean vendor.webhook?').click()
    await page.locator('.monaco-editor .squiggly-error').waitFor()
    await page.keyboard.press('Control+s')
    await page.waitForURL(/\/agents\/[0-9a-f-]{36}$/)
    const [agent] = await client.agents()
    assert.deepEqual([agent?.title, agent?.active], ['Typed', false])
    assert.match(agent?.code ?? '', /^ {2}data\.elapsedTime$/m)
  })

  test('show errors of the running version at their lines, until a version without them runs', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, url } = await openDashboard(t, { args: REPLAY })
    const { id } = await client.createAgent({ code: GOOD, active: true })
    await page.goto(`${url}/agents/${id}`)
    await write(page, BROKEN)
    await page.keyboard.press('Control+s')
    await page.getByText('v2', { exact: true }).waitFor()
    const fault = page.getByRole('button', { name: /Run time.*onItemCaptured: TypeError.*\d+ × on n1.*4:/ })
    await fault.waitFor()
    await page.locator('.remora-fault-glyph').waitFor()
    await fault.click()
    await page.getByRole('tab', { name: 'Versions' }).click()
    await page.getByRole('button', { name: 'Version 1' }).click()
    await page.getByRole('button', { name: 'Roll back to version 1' }).click()
    await page.getByText('v3', { exact: true }).waitFor()
    await page.locator('.remora-fault-glyph').waitFor({ state: 'detached' })
    await page.getByRole('tab', { name: 'Problems' }).click()
    await page.getByText('No problems').waitFor()
    assert.equal((await client.agents())[0]?.code, GOOD)
  })

  test('whose new version does not load anywhere go back, and what was written stays', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, url } = await openDashboard(t)
    const { id } = await client.createAgent({ code: GOOD, active: true })
    await page.goto(`${url}/agents/${id}`)
    await write(page, `${GOOD}throw new Error('not here')\n`)
    await page.keyboard.press('Control+s')
    await page
      .getByText(/Version 2 did not load on \S+ and was taken back on all nodes: Error: not here/)
      .waitFor()
    await page.getByRole('button', { name: 'Go to line 6' }).click()
    await page.getByRole('button', { name: /Error.*not here.*version 2 did not load/ }).waitFor()
    await page.getByText('● Unsaved').waitFor()
    assert.equal((await client.agents())[0]?.code, GOOD)
  })

  test('that two people change are decided side by side', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, url } = await openDashboard(t)
    const { id } = await client.createAgent({ code: GOOD })
    await page.goto(`${url}/agents/${id}`)
    await write(page, `${GOOD}// mine\n`)
    await client.updateAgent(id, { code: `${GOOD}// theirs\n` })
    await page.getByText('has stored version 2 while you were writing').waitFor()
    await page.keyboard.press('Control+s')
    const dialog = page.getByRole('dialog', { name: 'Somebody else has changed this agent' })
    await dialog.getByText('// theirs').waitFor()
    await dialog.getByText('// mine').waitFor()
    assert.equal((await client.agents())[0]?.version, 2)
    await dialog.getByRole('button', { name: 'Save the right side over theirs' }).click()
    await page.getByText('v3', { exact: true }).waitFor()
    assert.match((await client.agents())[0]?.code ?? '', /^\s*\/\/ mine$/m)
    assert.doesNotMatch((await client.agents())[0]?.code ?? '', /theirs/)
  })

  test('are not left unsaved without a question, and a draft is kept', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, url } = await openDashboard(t)
    const { id } = await client.createAgent({ code: GOOD })
    await page.goto(`${url}/agents/${id}`)
    await write(page, `${GOOD}// draft\n`)
    await page.getByRole('link', { name: 'Traffic' }).click()
    const question = page.getByRole('dialog', { name: 'Leave without saving?' })
    await question.getByRole('button', { name: 'Stay' }).click()
    assert.ok(page.url().endsWith(id))
    await page.getByRole('link', { name: 'Traffic' }).click()
    await question.getByRole('button', { name: 'Leave', exact: true }).click()
    await page.waitForURL('**/traffic*')
    await page.goto(`${url}/agents/${id}`)
    await page.getByText('which was not saved').waitFor()
    await page.locator('.view-line').getByText('// draft').waitFor()
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.locator('.view-line').getByText('// draft').waitFor({ state: 'detached' })
    await page.reload()
    await code(page).waitFor()
    assert.equal(await page.getByText('which was not saved').count(), 0)
  })

  test('can be read by viewers, and changed by nobody who may not', async (t) => {
    if (!canBrowse(t)) return
    const token = 'x'.repeat(24)
    const args = ['name=vic', 'role=viewer', `token=${token}`].flatMap((each) => [
      '--set-string',
      `hub.tokens[0].${each}`,
    ])
    const { page, url } = await openDashboard(t, {
      agents: { 'counter.js': GOOD },
      args: ['--pcap', SAMPLE, ...args],
      isAnonymous: true,
      path: '/agents',
    })
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Counter' }).click()
    await code(page).waitFor()
    for (const name of ['Save', 'Save and activate', 'Activate', 'Deactivate', 'Examples'])
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name)
    await code(page).click()
    await page.keyboard.type('x')
    assert.equal(await page.getByText('● Unsaved').count(), 0)
    assert.ok(page.url().startsWith(`${url}/agents/`))
  })
})

function code(page: Page) {
  return page.locator('.monaco-editor .view-lines').first()
}

/** Instead of what is in the editor. */
async function write(page: Page, text: string): Promise<void> {
  await code(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
  await until(async () => (await page.getByText('● Unsaved').count()) > 0)
}
