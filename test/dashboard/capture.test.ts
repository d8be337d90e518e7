import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { canBrowse } from '../../src/testing/browser.ts'
import { type DashboardOptions, expectAccessible, openDashboard } from '../../src/testing/dashboard.ts'
import { until } from '../../src/testing/until.ts'
import { FakeKubernetes } from '../kube/fake-kubernetes.ts'
import { kubeconfigFile } from '../kube/kubeconfig.ts'

/** An address of the sample. */
const SEEN = '127.0.0.1'

describe('what is captured, in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`is shown pod by pod, and what other rules would take before they are saved, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page, client } = await open(t, { colorScheme })
      await page.getByText('Captured: 4 of 5 pods, in 2 namespaces, on 2 nodes.').waitFor()
      await until(async () => /seen/.test(await rowOf(page, 'front-1')))
      assert.match(await rowOf(page, 'front-1'), /^targeted.*shop.*front-1.*n1.*seen/)
      assert.match(await rowOf(page, 'proxy-1'), /^host network/)
      await page.getByRole('textbox', { name: 'Pods', exact: true }).fill('^(front|cart)')
      await page.getByText('Would be captured: 3 of 5 pods, in 2 namespaces, on 2 nodes.').waitFor()
      assert.match(await rowOf(page, 'other-1'), /^not targeted/)
      assert.equal((await client.targeting()).rules.regex, '.*', 'nothing has changed')
      await page.getByRole('combobox', { name: 'Excluded namespaces' }).fill('test')
      await page.keyboard.press('Enter')
      await page.getByText('Would be captured: 2 of 5 pods, in 1 namespace, on 2 nodes.').waitFor()
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('Captured from now on: 2 of 5 pods, in 1 namespace, on 2 nodes.').waitFor()
      const { rules, version, author } = await client.targeting()
      assert.deepEqual([rules.regex, rules.excludedNamespaces, author], ['^(front|cart)', ['test'], 'local'])
      await page.getByText(`Version ${version}, by local`).waitFor()
      await expectAccessible(page)
    })

  test('says what is wrong with a rule, and when somebody else was faster', async (t) => {
    if (!canBrowse(t)) return
    const { page, client, problems } = await open(t, {})
    await page.getByText('Captured: 4 of 5 pods').waitFor()
    const pods = page.getByRole('textbox', { name: 'Pods', exact: true })
    await pods.fill('front(')
    await page.getByRole('alert').getByText('a ( that is not closed, at character 6. It is written').waitFor()
    await page.getByText('Captured: 4 of 5 pods').waitFor()
    await pods.fill('^nobody$')
    await page.getByText('No pod matches: nothing is captured.').waitFor()
    await client.changeTargeting({ sampleRate: 50 })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('has been changed meanwhile').waitFor()
    assert.equal((await client.targeting()).rules.regex, '.*')
    await page.getByText('local has saved other rules meanwhile').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Keep mine' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Captured from now on: 0 of 5 pods').waitFor()
    assert.equal((await client.targeting()).rules.regex, '^nobody$')
    await pods.fill('^front')
    await client.changeTargeting({ regex: '.*', sampleRate: 50 })
    await page.getByText('local has saved other rules meanwhile').waitFor()
    await page.getByRole('button', { name: 'Discard' }).click()
    await until(async () => (await page.getByLabel('Sampling').inputValue()) === '50 %')
    assert.equal(await pods.inputValue(), '.*')
    await page.getByLabel('Search in pods').fill('cart n2')
    await until(async () => (await page.getByRole('region', { name: 'Pods' }).getByRole('row').count()) === 2)
    // The browser tells of answers that are refusals.
    problems.splice(0)
  })
})

async function open(t: TestContext, options: DashboardOptions) {
  const kube = await FakeKubernetes.start(t)
  const pods = [
    ['shop', 'front-1', 'n1', SEEN, {}],
    ['shop', 'cart-1', 'n2', '10.9.0.2', {}],
    ['shop', 'other-1', 'n2', '10.9.0.3', {}],
    ['test', 'front-1-test', 'n1', '10.9.0.4', {}],
    ['test', 'proxy-1', 'n1', '10.9.0.5', { hostNetwork: true }],
  ] as const
  for (const [namespace, name, nodeName, podIP, more] of pods) {
    const spec = { nodeName, containers: [{ name: 'main', image: 'example' }], ...more }
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] }
    kube.put(name, { spec, status }, 'pods', namespace)
  }
  const kubeconfig = await kubeconfigFile(t, { here: { url: kube.url } })
  const settings = ['kubernetes.enabled=on', `kubernetes.kubeconfig=${kubeconfig}`].flatMap((each) => [
    '--set',
    each,
  ])
  const sample = ['--pcap', new URL('../../samples/sample.pcap', import.meta.url).pathname]
  return openDashboard(t, { path: '/capture', ...options, args: [...sample, ...settings] })
}

async function rowOf(page: Page, pod: string): Promise<string> {
  const row = page.getByRole('region', { name: 'Pods' }).getByRole('row').filter({ hasText: pod }).first()
  return (await row.textContent()) ?? ''
}
