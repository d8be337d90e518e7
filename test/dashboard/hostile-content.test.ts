import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { buildDashboard } from '../../scripts/build-dashboard.ts'
import { startTestApi } from '../../src/testing/api.ts'
import { canBrowse, openPage } from '../../src/testing/browser.ts'
import { openDashboard } from '../../src/testing/dashboard.ts'
import { httpCapture } from '../../src/testing/http-capture.ts'
import type { Sent } from '../../src/testing/tcp-packets.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

const RUN = 'window.remoraWasHit=1'
const SCRIPTS = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"><script>${RUN}</script></svg>`,
  `"><iframe srcdoc="<script>parent.remoraWasHit=1</script>"></iframe>`,
  `<img src="http://192.0.2.66/pixel.png"><link rel=stylesheet href="//192.0.2.66/x.css">`,
  `javascript:${RUN}`,
  '{{constructor.constructor("window.remoraWasHit=1")()}}',
  '<style>*{display:none!important}</style>',
]
const ESCAPES = '\u001b[2J\u001b]0;owned\u0007\u001b[31mred'
const BIDI = 'invoice\u202egpj.exe\u2066\u200b\ufeff'
const BROKEN = Buffer.from([0x68, 0x69, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0x21])

/** Each is shown in every place where text of a message can be. */
const texts = [SCRIPTS.join(' '), `${ESCAPES} ${BIDI}`]

describe('hostile content', () => {
  test('of a capture is shown as the text that it is, and does nothing', async (t) => {
    if (!canBrowse(t)) return
    const folder = await tempFolder(t)
    const file = join(folder, 'hostile.pcap')
    await writeFile(file, httpCapture(conversations()))
    const { page, url } = await openDashboard(t, { args: ['--pcap', file], path: '/traffic?q=http' })
    await page.getByRole('option').nth(texts.length).waitFor()
    const ids = await page
      .getByRole('option')
      .evaluateAll((rows) => rows.map((row) => (row as unknown as { dataset: { id: string } }).dataset.id))
    assert.ok(ids.length > texts.length)
    for (const id of ids) {
      await lookAtAll(page, id ?? '')
    }
    await expectUnharmed(page)
    const all = await page.getByRole('listbox', { name: 'Entries' }).innerText()
    for (const steering of ['\u001b', '\u0007', '\u202e', '\u2066']) assert.ok(!all.includes(steering))
    await page.goto(
      `${url}/traffic?q=${encodeURIComponent(SCRIPTS[0] ?? '')}&entry=${encodeURIComponent(SCRIPTS[1] ?? '')}`,
    )
    await page.getByRole('heading', { name: SCRIPTS[1] ?? '' }).waitFor()
    await expectUnharmed(page)
  })

  test('from an agent, with keys and kinds that nobody expects, breaks nothing', async (t) => {
    if (!canBrowse(t)) return
    const { page, see } = await openWithEntries(t)
    const [script = ''] = SCRIPTS
    await see([
      { protocol: { abbr: script, name: script, backgroundColor: 'url(//192.0.2.66/x)' } },
      { protocol: null, src: 5, dst: [], base: 'text', request: script, response: 7 },
      { request: { [script]: { [BIDI]: script } }, tags: { [script]: script }, error: { msg: script } },
      {
        request: JSON.parse(
          '{"__proto__": {"toString": 1}, "constructor": {"prototype": 1}, "hasOwnProperty": 1}',
        ),
      },
      {
        base: { method: { toString: 1 }, summary: ['a'], status: '5', statusQuery: {} },
        elapsedTime: 'x',
        size: {},
      },
      {
        request: {
          text: script,
          encoding: 'base64',
          body: '<svg>',
          payload: 'AAAA',
          payloadEncoding: 'base64',
        },
      },
      { request: deep(3000) },
    ])
    for (let at = 0; at < 7; at++) {
      await lookAtAll(page, (await page.getByRole('option').nth(at).getAttribute('data-id')) ?? '')
    }
    await expectUnharmed(page)
  })

  test('of ten megabytes in one header leaves the page quick, and can be seen in parts and taken whole', async (t) => {
    if (!canBrowse(t)) return
    const { page, see } = await openWithEntries(t)
    const large = '<b>'.repeat((10 << 20) / 3)
    await see([
      {
        request: { method: 'GET', path: large, headers: { Host: 'a', 'X-Large': large } },
        base: { method: 'GET', summary: large },
      },
    ])
    const begun = Date.now()
    await page.getByRole('option').first().click()
    const header = page.getByRole('row', { name: /^X-Large/ })
    await header.getByText('Download all (10 MiB)').waitFor()
    await header.getByRole('button', { name: 'Show 100 KiB more' }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('region', { name: 'Details' }).waitFor({ state: 'detached' })
    assert.ok(Date.now() - begun < 10_000, `${Date.now() - begun} ms`)
    assert.ok((await page.locator('main').innerText()).length < 10_000)
    await expectUnharmed(page)
  })
})

/** A page, and how to put entries on it. */
async function openWithEntries(t: Parameters<typeof openPage>[0]) {
  await buildDashboard({ onlyIfStale: true })
  const { hub, url } = await startTestApi(t)
  const { page, problems } = await openPage(t, url)
  t.after(() => assert.deepEqual(problems, [], 'the page did what it should not'))
  const see = async (entries: readonly object[]) => {
    hub.see(
      ...entries.map((each, at) =>
        JSON.stringify({ id: `n1/${at}.pcap-0`, timestamp: 1_795_737_600_000 + at, request: null, ...each }),
      ),
    )
    await page.goto(`${url}/traffic`)
    await page
      .getByRole('option')
      .nth(entries.length - 1)
      .waitFor()
  }
  return { page, see }
}

/** A request and a reply with each of the texts in all their parts. */
function conversations(): Sent[][] {
  const hostile = texts.map((text) => Buffer.from(text).toString('latin1'))
  const all = [...hostile, BROKEN.toString('latin1')]
  return all.map((text): Sent[] => {
    const value = text.replace(/[\r\n\0]/g, ' ')
    const type = ['text/html', 'image/svg+xml', 'image/png', 'application/json'][all.indexOf(text) % 4]
    const head = `Host: ${encodeURIComponent(value).slice(0, 60)}.test\r\nX-Hostile: ${value}\r\nCookie: a=${value}\r\n`
    return [
      [
        'client',
        `POST /${encodeURIComponent(value)}?q=${value.replaceAll(' ', '+')} HTTP/1.1\r\n${head}Content-Type: ${type}\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      ],
      [
        'server',
        `HTTP/1.1 200 ${value}\r\nX-Hostile: ${value}\r\nContent-Type: ${type}\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      ],
    ]
  })
}

/** Every tab of the details of an entry, and every view of what it carries. */
async function lookAtAll(page: Page, id: string): Promise<void> {
  await page.locator(`[data-id="${id}"]`).click()
  const details = page.getByRole('region', { name: 'Details' }).locator(`[data-entry="${id}"]`)
  await details.getByRole('tab').first().waitFor()
  for (const tab of await details.getByRole('tab').all()) {
    await tab.click()
    await tab.and(page.locator('[aria-selected=true]')).waitFor()
    for (const view of await details.locator('[role=radiogroup] label').all()) await view.click()
  }
}

async function expectUnharmed(page: Page): Promise<void> {
  assert.equal(await page.evaluate('window.remoraWasHit'), undefined, 'something was executed')
  const foreign =
    'main iframe, main script, main object, main embed, main svg script, main link, main style, main img:not([src^=blob])'
  assert.equal(await page.locator(foreign).count(), 0, 'something became part of the page')
  assert.ok(await page.getByRole('navigation', { name: 'Screens' }).isVisible())
}

function deep(levels: number): unknown {
  let value: unknown = 0
  for (let at = 0; at < levels; at++) value = { a: value }
  return value
}
