import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { canBrowse } from '../../src/testing/browser.ts'
import { expectAccessible, openDashboard, SAMPLE } from '../../src/testing/dashboard.ts'
import { httpServer } from '../../src/testing/http-server.ts'
import { until } from '../../src/testing/until.ts'
import type { ReportView } from '../../src/wire/reports.ts'

const REPORTER = `// Reporter
if (utils.nodeName() !== 'hub') {
  report.write('week.html', '<h1>The first week</h1>')
  report.write('week.html', '<h1>The week</h1><p>31 calls failed.</p>')
  report.write('calls.csv', 'service,calls\\nshop,1200\\n"a, b",900\\n')
  report.write('notes.md', '# Notes\\n\\n- one\\n')
  report.write('data', { services: ['shop'] })
}
`

describe('the reports in the dashboard', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`are listed and read, with older versions, ${colorScheme}`, async (t) => {
      if (!canBrowse(t)) return
      const { page } = await openDashboard(t, {
        agents: { 'reporter.js': REPORTER },
        path: '/reports',
        colorScheme,
      })
      const row = page.getByRole('row').filter({ hasText: 'week.html' })
      await row.getByText('html', { exact: true }).waitFor()
      await page.getByText(/^4 reports; /).waitFor()
      await page.getByRole('button', { name: 'Details of week.html' }).click()
      await page.getByRole('link', { name: 'week.html, version 1' }).waitFor()
      await expectAccessible(page)

      await row.getByRole('link', { name: 'week.html', exact: true }).click()
      await page.waitForURL('**/reports?report=*')
      const frame = page.frameLocator('iframe[title="Report week.html"]')
      await frame.getByRole('heading', { name: 'The week' }).waitFor()
      await page.getByText('Source', { exact: true }).click()
      await page.getByText('<h1>The week</h1><p>31 calls failed.</p>').waitFor()
      await expectAccessible(page)
      await page.goBack()
      await page.getByRole('button', { name: 'Details of week.html' }).click()
      await page.getByRole('link', { name: 'week.html, version 1' }).click()
      await frame.getByRole('heading', { name: 'The first week' }).waitFor()
      await page.getByRole('link', { name: 'All reports' }).click()

      await page.getByLabel('Search in reports').fill('csv report')
      await row.waitFor({ state: 'detached' })
      await page.getByRole('link', { name: 'calls.csv' }).click()
      await page.getByRole('columnheader', { name: 'service' }).waitFor()
      await page.getByRole('cell', { name: 'a, b', exact: true }).waitFor()
      await expectAccessible(page)
      await page.goBack()
      assert.equal(await page.getByLabel('Search in reports').inputValue(), 'csv report')
      await page.getByLabel('Search in reports').fill('')
      await page.getByRole('link', { name: 'notes.md' }).click()
      await page.getByText('# Notes').waitFor()
      await page.goBack()
      await page.getByRole('link', { name: 'data' }).click()
      await page.getByText('"services": [').waitFor()
      await page.getByRole('link', { name: 'Reporter' }).click()
      await page.waitForURL('**/agents/*')
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Reports of this agent' }).click()
      await page.waitForURL('**/reports?q=Reporter')
      await page.getByText(/^4 reports; /).waitFor()
    })

  test('that mean harm run nothing, and reach nobody', async (t) => {
    if (!canBrowse(t)) return
    const sink = await httpServer(t, (_, reply) => reply.writeHead(204).end())
    const { page, problems } = await openDashboard(t, {
      agents: {
        'hostile.js': `// Hostile\nreport.write('h.html', ${JSON.stringify(hostile(`${sink.url}/report`))})`,
      },
      path: '/reports',
    })
    await page.getByRole('link', { name: 'h.html' }).first().click()
    const frame = page.frameLocator('iframe')
    await frame.getByText('The end').waitFor()
    for (const lure of ['leave', 'leave by a drawing', 'send'])
      await frame.getByText(lure, { exact: true }).click()
    await frame.getByText('The end').waitFor()
    assert.equal(
      await frame.getByText('leave', { exact: true }).getAttribute('title'),
      `${sink.url}/report/link`,
    )
    assert.equal(page.context().pages().length, 1, 'another page was opened')
    assert.equal(await page.evaluate('window.remoraWasHit'), undefined, 'something was executed')
    assert.equal(await frame.locator('html').getAttribute('data-hit'), null, 'something was executed')
    assert.ok(await page.getByRole('navigation', { name: 'Screens' }).isVisible())
    assert.equal(sink.connections(), 0, 'somebody was reached')

    // The same without a frame is no lamb, and gives what is late the time to come.
    const free = await page.context().newPage()
    await free.setContent(hostile(`${sink.url}/free`))
    await until(() => sink.seen.some(({ path }) => path.startsWith('/free')))
    await free.close()
    assert.deepEqual(
      sink.seen.filter(({ path }) => path.startsWith('/report')),
      [],
    )
    // Browsers tell of what they have not let through; the sink says that nothing came.
    const others = problems.splice(0).filter(({ kind }) => kind === 'error' || kind === 'dialog')
    assert.deepEqual(others, [])
  })

  test('are downloaded, and deleted by operators after a question', async (t) => {
    if (!canBrowse(t)) return
    const { page, client } = await openDashboard(t, { agents: { 'reporter.js': REPORTER }, path: '/reports' })
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download data' }).click()
    const download = await downloading
    assert.equal(download.suggestedFilename(), 'data.json')
    assert.deepEqual(JSON.parse(await readFile(await download.path(), 'utf8')), { services: ['shop'] })
    await page.getByRole('button', { name: 'Delete week.html' }).click()
    await page.getByText('All 2 versions of it are deleted on n1. This cannot be undone.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('week.html was deleted.').waitFor()
    await page.getByText(/^3 reports; /).waitFor()
    assert.deepEqual((await client.reports()).reports.map(({ name }) => name).sort(), [
      'calls.csv',
      'data',
      'notes.md',
    ])
  })

  test('are only read by viewers', async (t) => {
    if (!canBrowse(t)) return
    const token = ['name=ann', 'role=viewer', `token=${TOKEN}`].flatMap((each) => [
      ...['--set-string', `hub.tokens[0].${each}`],
    ])
    const { page } = await openDashboard(t, {
      agents: { 'reporter.js': REPORTER },
      args: ['--pcap', SAMPLE, ...token],
      isAnonymous: true,
    })
    await page.getByLabel('Token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Reports' }).click()
    await page.getByRole('link', { name: 'notes.md' }).waitFor()
    assert.deepEqual(await page.getByRole('button', { name: /^Delete/ }).all(), [])
    await page.getByRole('link', { name: 'notes.md' }).click()
    await page.getByText('# Notes').waitFor()
  })

  test('say why there are none, which is gone, and what went wrong', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t, { path: '/reports' })
    await page.getByRole('heading', { name: 'No agent has written a report' }).waitFor()
    await page.goto(`${url}/reports?report=n1%2Fgone`)
    await page.getByRole('heading', { name: 'This report is not there any more' }).waitFor()
    await page.getByRole('button', { name: 'Show all reports' }).click()
    await page.getByRole('heading', { name: 'No agent has written a report' }).waitFor()
    await page.route('**/api/v1/reports', (route) =>
      route.fulfill({ status: 503, json: { code: 'E_BUS', message: 'NATS is away' } }),
    )
    await page.goto(`${url}/reports`)
    await page.getByRole('alert').getByText('NATS is away').waitFor()
  })

  test('may be ten thousand, and one of them a table with as many rows', async (t) => {
    if (!canBrowse(t)) return
    const { page, url } = await openDashboard(t, { path: '/jobs' })
    const reports = Array.from({ length: 10_000 }, (_, at) => report(at))
    const rows = Array.from({ length: 40_000 }, (_, at) => `service ${at},${at}`)
    await page.route('**/api/v1/reports', (route) => route.fulfill({ json: { reports, missing: [] } }))
    await page.route('**/api/v1/reports/*/*', (route) =>
      route.fulfill({ body: `name,calls\n${rows.join('\n')}\n` }),
    )
    for (const [path, region, last] of [
      ['/reports', 'Reports', 'report-9999.csv'],
      ['/reports?report=n1%2Fr7', 'Rows of report-7.csv', 'service 39999'],
    ] as const) {
      await page.goto(`${url}${path}`)
      const list = page.getByRole('region', { name: region })
      await list.getByRole('row').nth(5).waitFor()
      await list.evaluate((element) => {
        const { scrollHeight } = element as unknown as { scrollHeight: number }
        Object.assign(element, { scrollTop: scrollHeight })
      })
      await list.getByText(last, { exact: true }).waitFor()
      assert.ok((await list.getByRole('row').count()) < 100)
    }
  })
})

/** All ways out of a page that are known to us. */
function hostile(to: string): string {
  const hit = 'document.documentElement.dataset.hit=1;top.remoraWasHit=1'
  return `<!doctype html><html><head>
<meta http-equiv="refresh" content="0;url=${to}/refresh">
<base href="${to}/base/">
<link rel="preconnect" href="${to}"><link rel="dns-prefetch" href="${to}"><link rel="prefetch" href="${to}/prefetch">
<link rel="stylesheet" href="${to}/style.css"><link rel="icon" href="${to}/icon">
<style>@import url(${to}/import.css); body { background: url(${to}/background.png) } @font-face { font-family: x; src: url(${to}/font) } p { font-family: x }</style>
</head><body background="${to}/body.png" onload="${hit}">
<script>${hit};fetch('${to}/fetch')</script><script src="${to}/script.js"></script>
<img src="${to}/img.png" srcset="${to}/srcset.png 2x" onerror="${hit}"><img src=x onerror="${hit}">
<svg onload="${hit}"><script>${hit}</script><image href="${to}/svg.png"/><use href="${to}/use.svg#x"/>
<a href="${to}/svg-link"><text y="20">leave by a drawing</text></a></svg>
<iframe src="${to}/frame"></iframe><iframe srcdoc="<script>${hit}</script><img src=${to}/srcdoc.png>"></iframe>
<object data="${to}/object"></object><embed src="${to}/embed"><video src="${to}/video" poster="${to}/poster"></video>
<audio src="${to}/audio" autoplay></audio><input type="image" src="${to}/input.png">
<template shadowrootmode="open"><link rel="stylesheet" href="${to}/shadow.css"><img src="${to}/shadow.png"></template>
<noscript><img src="${to}/noscript.png"></noscript>
<p><a href="${to}/link" target="_top" ping="${to}/ping">leave</a></p>
<form action="${to}/form" target="_blank"><button>send</button></form>
<p>The end</p>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;link rel=preconnect href=${to}&gt;&lt;img src=${to}/hidden.png onerror=${hit}&gt;"></table></mtext></math></body></html>`
}

function report(at: number): ReportView {
  return {
    ...{ id: `r${at}`, node: 'n1', agent: 'a', title: 'A', name: `report-${at}.csv`, format: 'csv' },
    ...{ version: 1, bytes: 10, at: 1e9 - at },
  }
}

const TOKEN = 'x'.repeat(24)
