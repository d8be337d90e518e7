/**
 * What the bus does in a second, in one process and over NATS (nats-server has to be installed):
 *
 *     node bench/bus.ts [seconds]
 *
 * Payloads of 256 bytes. `in flight` is how many wait for their answer at once.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bus } from '../src/bus/bus.ts'
import { openLocalBus } from '../src/bus/local.ts'
import { openNatsBus } from '../src/bus/nats.ts'
import { openOutbox } from '../src/bus/outbox.ts'

const seconds = Number(process.argv[2] ?? 3)
const payload = new Uint8Array(256).fill(120)
const streamOptions = {
  mostMessages: 10_000_000,
  mostBytes: 2 ** 33,
  mostAgeMs: 3_600_000,
  rememberIdsMs: 120_000,
}
const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
try {
  const local = openLocalBus({ folder: join(folder, 'local') })
  await measure('in one process', local, local)
  await local.close()
  const server = spawn(
    'nats-server',
    ['-a', '127.0.0.1', '-p', '14299', '-js', '-sd', join(folder, 'nats')],
    {
      stdio: 'ignore',
    },
  )
  await setTimeout(1000)
  const settings = {
    url: 'nats://127.0.0.1:14299',
    prefix: 'bench',
    user: '',
    password: '',
    token: '',
    creds: '',
    replicas: 1,
    tls: { ca: '', cert: '', key: '' },
  }
  const [one, two] = [await openNatsBus({ settings }), await openNatsBus({ settings })]
  await measure('over NATS', one, two)
  await Promise.all([one.close(), two.close()])
  server.kill()
  await once(server, 'exit')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measure(name: string, bus: Bus, other: Bus): Promise<void> {
  console.log(name)
  const stream = await bus.stream({ ...streamOptions, name: 'bench' })
  const bucket = await bus.bucket({ name: 'bench' })
  let number = 0
  const append = () => stream.append('x', payload, { id: `${number++}` })
  say('append, one after another', await rate(1, append))
  say('append, 100 in flight', await rate(100, append))
  say('put, one after another', await rate(1, () => bucket.put(`k${number++ % 1000}`, payload)))
  say('put, 100 in flight', await rate(100, () => bucket.put(`k${number++ % 1000}`, payload)))
  say('get, one after another', await rate(1, () => bucket.get('k1')))
  const stop = other.respond('echo', async (each) => each)
  await setTimeout(200)
  say('request, one after another', await rate(1, () => bus.request('echo', payload, { timeoutMs: 5000 })))
  stop()
  await published(bus, other)
  await consumed(other)
  await readBack(other)
  await pushed(bus)
}

async function rate(inFlight: number, work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  const end = begin + seconds * 1000
  let done = 0
  const worker = async () => {
    for (; performance.now() < end; done++) await work()
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return done / ((performance.now() - begin) / 1000)
}

async function published(bus: Bus, other: Bus): Promise<void> {
  let heard = 0
  const stop = other.subscribe('x', () => heard++)
  await setTimeout(200)
  const begin = performance.now()
  let sent = 0
  while (performance.now() < begin + seconds * 1000) {
    for (let at = 0; at < 200; at++, sent++) bus.publish('x', payload)
    // As fast as who listens can follow, so that nothing is dropped.
    while (sent - heard > 10_000) await setTimeout(0)
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (heard < sent) await setTimeout(1)
  say('publish and hear', sent / ((performance.now() - begin) / 1000))
  stop()
}

async function consumed(bus: Bus): Promise<void> {
  const stream = await bus.stream({ ...streamOptions, name: 'bench' })
  const begin = performance.now()
  const end = new AbortController()
  let taken = 0
  await stream.consume(
    'bench',
    async () => {
      if (++taken === 10_000) end.abort()
    },
    end.signal,
  )
  say('consume, each taken before the next', taken / ((performance.now() - begin) / 1000))
}

async function readBack(bus: Bus): Promise<void> {
  const stream = await bus.stream({ ...streamOptions, name: 'bench' })
  const begin = performance.now()
  let read = 0
  for await (const _ of stream.read({ follow: false, signal: new AbortController().signal })) read++
  say('read', read / ((performance.now() - begin) / 1000))
}

async function pushed(bus: Bus): Promise<void> {
  const outbox = openOutbox({
    folder: join(folder, `outbox-${bus.description.length}`),
    bus,
    stream: { ...streamOptions, name: 'outbox' },
    mostMessages: 1e7,
    mostBytes: 2 ** 33,
  })
  let begin = performance.now()
  for (let at = 0; at < 10_000; at++) outbox.push('x', payload, `${at}`)
  say('outbox: push, until it is on disk', 10_000 / ((performance.now() - begin) / 1000))
  begin = performance.now()
  while (outbox.depth > 0) await setTimeout(5)
  say('outbox: forward', 10_000 / ((performance.now() - begin) / 1000))
  await outbox.close()
}

function say(what: string, perSecond: number): void {
  console.log(`  ${what.padEnd(40)} ${Math.round(perSecond).toLocaleString('en').padStart(9)} a second`)
}
