/**
 * Entries as they come, on the open page: frames a second that the page counts itself, idle, following and scrolled by a script;
 * what its heap does; and whether what it shows as seen and left out is what was sent. Bar: at 5,000 entries a second 50 frames a
 * second, or as many as the same page has when it is idle on a machine that others use; memory flat; no entry unaccounted for.
 *
 *     node bench/dashboard.ts [--rate 5000] [--seconds 60] [--screenshot file.png]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { buildDashboard } from '../scripts/build-dashboard.ts'
import { configSchema } from '../src/config/schema.ts'
import { startApi } from '../src/hub/api/start-api.ts'
import { FakeHub } from '../src/testing/fake-hub.ts'
import { varied } from '../src/testing/varied-entries.ts'
import { print } from './measure.ts'
import { machine, residentMb } from './real-hub.ts'
import { sampleEntries } from './sample-entries.ts'

/** As often as workers send. */
const EVERY_MS = 50
const POOL = 5000
/** Until the list is as long as it gets. */
const WARM_UP_S = 8
const MOST_TRIES = 60

if (process.argv[2] === 'serve') await serve()
else await measure()

/** An API that sends so many entries a second, each with an identity of its own, as long as it is told to. */
async function serve(): Promise<void> {
  const hub = new FakeHub()
  const log = { error: console.error, warn: console.error }
  const api = await startApi({ control: hub, config: configSchema.parse({}), version: '', port: 0, log })
  const pool = [...varied(sampleEntries(), POOL, 1)].map(({ json }) => json)
  const state = { perSecond: 0, sent: 0, bytes: 0, begun: performance.now(), due: 0 }
  setInterval(() => {
    const due = Math.floor(((performance.now() - state.begun) / 1000) * state.perSecond)
    const count = due - state.due
    state.due = due
    if (count <= 0) return
    const entries = Array.from({ length: count }, (_, more) => {
      const at = state.sent + more
      return renamed(pool[at % POOL] ?? '', at)
    })
    state.sent += count
    for (const { length } of entries) state.bytes += length
    hub.pass({ node: 'worker', entries, dropped: 0 })
  }, EVERY_MS)
  process.on('message', (perSecond: number) => {
    if (perSecond >= 0) Object.assign(state, { perSecond, begun: performance.now(), due: 0 })
    process.send?.({ url: api.url, sent: state.sent, bytes: state.bytes, watchers: hub.watchers })
  })
  process.send?.({ url: api.url })
}

/** The same traffic again, later and by another name. */
function renamed(json: string, at: number): string {
  return json
    .replace(/^\{"id":"[^"]*"/, `{"id":"worker/${String(at >> 3).padStart(12, '0')}.pcap-${at & 7}"`)
    .replace(/"timestamp":\d+/, `"timestamp":${Date.now()}`)
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '60' },
      screenshot: { type: 'string' },
    },
  })
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)]
  await buildDashboard({ onlyIfStale: true })
  const server = fork(import.meta.filename, ['serve'])
  const next = async () => (await once(server, 'message'))[0] as Served
  const tell = (perSecond: number) => {
    const answer = next()
    server.send(perSecond)
    return answer
  }
  const { url } = await next()
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--enable-precise-memory-info'],
  })
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } })
    await page.goto(`${url}/traffic`)
    while ((await tell(-1)).watchers === 0) await setTimeout(50)
    const cdp = await page.context().newCDPSession(page)
    console.log(`${rate} entries/s for ${seconds} s; ${machine()}`)
    await tell(rate)
    await setTimeout(WARM_UP_S * 1000)
    await tell(0)
    await setTimeout(1500)
    const part = seconds / 3
    const rows = [
      ['the page is', 's', 'frames/s', 'longest frame, ms', 'heap, MiB', 'page in all, MiB', 'load'],
    ]
    const phase = async (name: string, length: number, isScrolled: boolean) => {
      const { frames, longestMs } = await framesOf(page, length, isScrolled)
      const heap = await heapMb(cdp)
      const all = await residentOf(browser)
      rows.push([
        name,
        String(length),
        frames.toFixed(1),
        longestMs.toFixed(0),
        heap.toFixed(1),
        all.toFixed(0),
        load(),
      ])
    }
    await phase('idle', 10, false)
    await phase('idle, scrolled', 10, true)
    await toNewest(page)
    const before = await tell(rate)
    const begun = performance.now()
    await phase('following', part, false)
    await phase('scrolled', part, true)
    if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot })
    await toNewest(page)
    await phase('following again', part, false)
    const after = await tell(0)
    const took = (performance.now() - begun) / 1000
    const counts = await settledCounts(page, after.sent)
    print(rows)
    const made = after.sent - before.sent
    console.log(
      `${(made / took).toFixed(0)} entries/s of ${((after.bytes - before.bytes) / made / 1024).toFixed(1)} KiB; sent ${after.sent} in all; ` +
        `the page says: ${JSON.stringify(counts)}; unaccounted for: ${after.sent - counts.seen - counts.lost}; ${machine()}`,
    )
  } finally {
    await browser.close()
    server.kill()
  }
}

interface Served {
  readonly url: string
  readonly sent: number
  readonly bytes: number
  readonly watchers: number
}

/** Frames that the page draws in so many seconds; a script scrolls up and down in each of them. */
async function framesOf(
  page: Page,
  seconds: number,
  isScrolled: boolean,
): Promise<{ readonly frames: number; readonly longestMs: number }> {
  return page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('[role=listbox]')
    const begun = performance.now()
    let [count, longestMs, last, step] = [0, 0, begun, -60]
    const frame = (now) => {
      longestMs = Math.max(longestMs, now - last)
      last = now
      count++
      if (${isScrolled}) {
        if (list.scrollTop < list.scrollHeight / 2) step = 60
        if (list.scrollTop + list.clientHeight > list.scrollHeight - 2000) step = -60
        list.scrollTop += count === 1 ? -6000 : step
      }
      const took = now - begun
      if (took < ${seconds * 1000}) requestAnimationFrame(frame)
      else resolve({ frames: (count / took) * 1000, longestMs })
    }
    requestAnimationFrame(frame)
  })`)
}

/** What is alive after the garbage is gone. */
async function heapMb(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage')
  const { usedSize } = await cdp.send('Runtime.getHeapUsage')
  return usedSize / 2 ** 20
}

/** Of the process that has the page: texts are outside of the heap. */
async function residentOf(browser: Browser): Promise<number> {
  const cdp = await browser.newBrowserCDPSession()
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
  await cdp.detach()
  return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => residentMb(id)))
}

async function toNewest(page: Page): Promise<void> {
  await page.locator('[role=listbox]').focus()
  await page.keyboard.press('End')
  await setTimeout(300)
}

/** When all that was on its way has come, or does not come any more. */
async function settledCounts(page: Page, sent: number): Promise<Counts> {
  for (let tries = 0; ; tries++) {
    const counts = await countsOf(page)
    if (counts.seen + counts.lost === sent || tries >= MOST_TRIES) return counts
    await setTimeout(1000)
  }
}

interface Counts {
  readonly seen: number
  readonly lost: number
}

async function countsOf(page: Page): Promise<Counts> {
  return page.evaluate(`(() => {
    const count = (name) => Number(document.querySelector('[data-count="' + name + '"]')?.dataset.value ?? 0)
    return { shown: count('shown'), seen: count('seen'), letGo: count('let go'), lost: count('left out') }
  })()`)
}

function load(): string {
  return machine().split(' ').at(-1) ?? ''
}
