import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'

const REPORT = `// Report
jobs.schedule('tick', '* * * * * *', function () { console.log('ticked') })
jobs.schedule('broken', '*/2 * * * * *', function () {
  throw new Error('the report cannot be written')
})
jobs.schedule('nightly', '0 30 3 * * *', function () { console.log('cleaned') })
`
const SUMMARY = `// Summary
jobs.schedule('yearly', '@yearly', function () { console.log('summed up') }, { scope: 'cluster' })
`
const AGENTS = { 'report.js': REPORT, 'summary.js': SUMMARY }

describe('jobs in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`stand under their agents, with schedules in words and what went wrong, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page, client } = await openDashboard(t, { agents: AGENTS, path: '/jobs', colorScheme })
      await page.getByRole('rowheader', { name: 'Report' }).waitFor()
      await page.getByText('every day at 03:30 UTC').first().waitFor()
      await page.getByText('every 2 seconds').first().waitFor()
      await page.getByText('every 1st of January at 00:00 UTC').waitFor()
      assert.equal(await page.getByText('@yearly').count(), 1, 'a job of the cluster is one')
      await page.getByText('cluster', { exact: true }).waitFor()
      const error = page.getByText('Error: the report cannot be written').first()
      await error.waitFor()
      await expectAccessible(page)
      await page.getByRole('link', { name: 'Report:4:9' }).first().click()
      await page.waitForURL(`**/agents/${(await client.agent('Report')).id}?line=4`)
    })

  test('are run, paused, resumed and deleted', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { agents: AGENTS, path: '/jobs' })
    await page.getByRole('button', { name: 'Run nightly on hub now' }).click()
    await page.getByText('Asked 1 job to run').waitFor()
    await until(
      async () => (await client.console({ node: 'hub', text: 'cleaned' })).length === 1,
      () => 'nightly has not run on the hub',
    )
    await page.getByRole('button', { name: 'Run yearly of the cluster now' }).click()
    // At the end of the capture its worker runs all jobs once, by itself: lines of runs for the cluster have other identities.
    const runs = async () =>
      (await client.console({ text: 'summed up' })).filter(({ id }) => id.startsWith('job/'))
    await until(
      async () => (await runs()).length > 0,
      () => 'yearly has not run',
    )

    await page.getByRole('button', { name: 'Pause tick on hub' }).click()
    await page.getByRole('button', { name: 'Resume tick on hub' }).waitFor()
    const statuses = async () => {
      const answers = await client.jobs({ order: 'list', selector: { tag: 'tick', node: 'hub' } })
      return answers.flatMap(({ jobs }) => jobs.map(({ status }) => status)).join()
    }
    assert.equal(await statuses(), 'paused')
    await page.getByRole('button', { name: 'Resume tick on hub' }).click()
    await until(async () => (await statuses()) !== 'paused', statuses)

    await page.getByRole('button', { name: 'Delete tick on all nodes' }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await until(
      async () => (await page.getByText('tick', { exact: true }).count()) === 0,
      () => 'tick is still there',
    )
    assert.equal((await runs()).length, 1, 'once, on one node')
    await page.getByRole('button', { name: 'Delete all' }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByText('No agent has a job').waitFor()
    await expectAccessible(page)
  })

  test('are not started on nodes whose scheduler is stopped', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { agents: AGENTS, path: '/jobs' })
    const running = async () => {
      const answers = await client.jobs({ order: 'list', selector: {} })
      return Object.fromEntries(answers.map(({ node, running }) => [node, running]))
    }
    await page.getByRole('button', { name: 'Stop on hub' }).click()
    await page.getByText('hub: stopped').waitFor()
    assert.deepEqual(await running(), { hub: false, n1: true })
    await page.getByRole('button', { name: 'Start on hub' }).click()
    await page.getByText('hub: started').waitFor()
    await page.getByRole('button', { name: 'Stop all' }).click()
    await page.getByText('n1: stopped').waitFor()
    assert.deepEqual(await running(), { hub: false, n1: false })
    await page.getByRole('button', { name: 'Start all' }).click()
    await page.getByText('n1: started').waitFor()
    assert.deepEqual(await running(), { hub: true, n1: true })
  })

  test('are found by typing, and viewers may only look at them', async (t) => {
    if (!canBrowse(t)) return
    const token = 'v'.repeat(24)
    const args = ['name=ann', 'role=viewer', `token=${token}`].flatMap((each) => [
      '--set-string',
      `hub.tokens[0].${each}`,
    ])
    const { page } = await openDashboard(t, { agents: AGENTS, args, isAnonymous: true, path: '/jobs' })
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByText('nightly').first().waitFor()
    assert.equal(await page.getByRole('button', { name: /Run|Delete|Stop|Pause/ }).count(), 0)
    await page.getByLabel('Search in jobs').pressSequentially('summary')
    await until(
      async () => (await page.getByText('nightly').count()) === 0,
      () => 'others are shown',
    )
    await page.getByText('yearly', { exact: true }).waitFor()
    await page.waitForURL('**/jobs?q=summary')
    await page.getByLabel('Search in jobs').fill('no such job')
    await page.getByRole('button', { name: 'Show all jobs' }).click()
    await page.getByText('nightly').first().waitFor()
  })
})
