/**
 * Entries a second through the interface of a hub to one client, and what that costs the process of the hub. Its entries
 * come as bytes, as from workers: a line of each.
 *
 *     node bench/api-live.ts [entries a second] [seconds]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { openHubClient } from '../src/client/open-hub-client.ts'
import { configSchema } from '../src/config/schema.ts'
import { startApi } from '../src/hub/api/start-api.ts'
import { FakeHub } from '../src/testing/fake-hub.ts'

const PART = 200
const ENTRY_BYTES = 1024

async function serve(perSecond: number): Promise<void> {
  const hub = new FakeHub()
  const log = { error: console.error, warn: console.error }
  const api = await startApi({ control: hub, config: configSchema.parse({}), version: '', port: 0, log })
  process.send?.({ url: api.url })
  const bytes = new TextEncoder().encode(part())
  const decoder = new TextDecoder()
  const began = performance.now()
  let sent = 0
  setInterval(() => {
    if (hub.watchers === 0) return
    const due = ((performance.now() - began) / 1000) * perSecond
    if (sent === 0) sent = due
    for (; sent < due; sent += PART)
      hub.pass({ node: 'worker', entries: decoder.decode(bytes).split('\n'), dropped: 0 })
  }, 10)
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1000, memory: process.memoryUsage.rss() })
  })
}

function part(): string {
  return Array.from({ length: PART }, (_, at) => {
    const head = `{"id":"10.0.0.1:48999/000000000042.pcap-${at}","text":"`
    return `${head}${'x'.repeat(ENTRY_BYTES - head.length - 2)}"}`
  }).join('\n')
}

async function measure(perSecond: number, seconds: number): Promise<void> {
  const server = fork(import.meta.filename, ['serve', String(perSecond)])
  const next = async () => (await once(server, 'message'))[0]
  const { url } = await next()
  const client = openHubClient({ url, token: undefined })
  const end = new AbortController()
  const seen = { entries: 0, dropped: 0 }
  const following = follow(client.live('', { lost: console.error, restored: () => {} }, end.signal), seen)
  await setTimeout(2000)
  const ask = async () => {
    server.send('cpu')
    const answer = await next()
    return { ...answer, ...seen, at: performance.now(), own: process.cpuUsage() }
  }
  const before = await ask()
  await setTimeout(seconds * 1000)
  const after = await ask()
  end.abort()
  await following
  server.kill()
  const ms = after.at - before.at
  const own = after.own.user + after.own.system - before.own.user - before.own.system
  console.log(
    [
      `${(((after.entries - before.entries) / ms) * 1000).toFixed(0)} entries/s of ${ENTRY_BYTES} bytes`,
      `${after.dropped - before.dropped} dropped`,
      `hub ${((after.cpuMs - before.cpuMs) / ms).toFixed(2)} of a core, ${(after.memory / 2 ** 20).toFixed(0)} MiB`,
      `client ${(own / 1000 / ms).toFixed(2)} of a core`,
    ].join('; '),
  )
}

async function follow(
  parts: AsyncIterable<{ readonly entries: readonly string[]; readonly dropped: number }>,
  seen: { entries: number; dropped: number },
): Promise<void> {
  for await (const { entries, dropped } of parts) {
    seen.entries += entries.length
    seen.dropped += dropped
  }
}

const [first, second] = process.argv.slice(2)
if (first === 'serve') await serve(Number(second))
else await measure(Number(first ?? 20_000), Number(second ?? 15))
