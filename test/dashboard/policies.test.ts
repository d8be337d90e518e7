import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'
import type { PolicyList } from '../../src/wire/policies.ts'

const NOW = Date.parse('2026-11-28T12:00:00Z')

/** As a hub tells it; putting something in force is tested where that can be done. */
const POLICIES: PolicyList = {
  enabled: true,
  place: 'hosts',
  policies: [
    {
      ...{
        name: 'remora-4d32f83f8612',
        kind: 'host',
        namespace: '',
        changed: false,
        agentIndex: 1,
        agent: 'a1',
      },
      summary: 'block from 203.0.113.7 to anywhere at tcp/8080',
      rule: { block: { from: '203.0.113.7', ports: 8080 } },
      ...{ agentTitle: 'Block a scanner', node: 'n1', reason: '40 paths that are not there in a minute' },
      ...{
        appliedAt: NOW,
        expiresAt: NOW + 600_000,
        remainingMs: 540_000,
        cut: { packets: 1234, bytes: 74_040 },
      },
      workers: [
        { node: 'n1', state: 'in force', packets: 1234, bytes: 74_040 },
        { node: 'n2', state: 'failed', packets: 0, bytes: 0, error: 'the capability NET_ADMIN is missing' },
      ],
    },
    {
      ...{
        name: 'remora-99aa0b1c2d3e',
        kind: 'pod',
        namespace: 'shop',
        changed: true,
        agentIndex: 1,
        agent: 'a1',
      },
      summary: 'block pod shop/<img src=x onerror=alert(1)>',
      rule: { block: { pod: 'cart-1', namespace: 'shop' } },
      ...{ agentTitle: 'Quarantine', node: 'hub', reason: '' },
      ...{ appliedAt: NOW, expiresAt: NOW + 3_600_000, remainingMs: 3_540_000, cut: null },
      workers: [],
    },
  ],
}

describe('policies in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`are listed with who has applied them, why, until when and what they have cut, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page } = await openDashboard(t, { path: '/health', colorScheme })
      await page.route('**/api/v1/policies', (route) => route.fulfill({ json: POLICIES }))
      await page.getByRole('link', { name: 'Policies' }).click()
      await page.getByText('block from 203.0.113.7').waitFor()
      const rows = page.getByRole('region', { name: 'Policies' }).getByRole('row')
      const first = (await rows.nth(1).textContent()) ?? ''
      assert.match(first, /on 1 of 2.*Block a scanner.*40 paths.*1,234 packets/)
      assert.match((await rows.nth(2).textContent()) ?? '', /<img src=x.*changed.*not counted/)
      await page.getByText('2 policies in force, by nftables on the workers.').waitFor()
      await page.getByRole('button', { name: /^Details of block from/ }).click()
      await page.getByText('"ports": 8080').waitFor()
      await page.getByText('failed: the capability NET_ADMIN is missing').waitFor()
      await expectAccessible(page)
      if (process.env.SCREENSHOTS !== undefined)
        await page.screenshot({ path: `${process.env.SCREENSHOTS}/policies-${colorScheme}.png` })
    })

  test('are searched, and lifted', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/health' })
    const removed: string[] = []
    await page.route('**/api/v1/policies', (route) => {
      const policies = POLICIES.policies.filter(({ name }) => !removed.includes(name))
      return route.fulfill({ json: { ...POLICIES, policies } })
    })
    await page.route('**/api/v1/policies/*', (route) => {
      removed.push(new URL(route.request().url()).pathname.split('/').at(-1) ?? '')
      return route.fulfill({ json: { removed: true, text: '' } })
    })
    await page.getByRole('link', { name: 'Policies' }).click()
    await page.getByLabel('Search in policies').fill('scanner')
    await page.getByRole('button', { name: /^Lift block from/ }).click()
    await page.getByRole('button', { name: 'Lift', exact: true }).click()
    await page.getByText(/at tcp\/8080 was lifted/).waitFor()
    assert.deepEqual(removed, ['remora-4d32f83f8612'])
    await page.getByText('No policy is like that').waitFor()
    await page.getByRole('button', { name: 'Show all policies' }).click()
    await page.getByText('1 policy in force').waitFor()
  })

  test('stay on the screen while the hub does not answer', async (t) => {
    if (!canBrowse(t)) return
    const { page, problems } = await openDashboard(t, { path: '/health' })
    let asked = 0
    await page.route('**/api/v1/policies', (route) =>
      asked++ === 0 ? route.fulfill({ json: POLICIES }) : route.abort(),
    )
    await page.getByRole('link', { name: 'Policies' }).click()
    await page.getByText('block from 203.0.113.7').waitFor()
    await until(() => asked > 6)
    await page.getByText('block from 203.0.113.7').waitFor()
    await page.getByText('2 policies in force').waitFor()
    assert.equal(await page.getByText('cannot be shown').count(), 0)
    // The browser tells of requests that failed.
    problems.splice(0)
  })

  test('say that they are switched off where they are', async (t) => {
    if (!canBrowse(t)) return
    const { page } = await openDashboard(t, { path: '/policies' })
    await page.getByText('Agents may not put policies in force').waitFor()
    await expectAccessible(page)
  })
})
