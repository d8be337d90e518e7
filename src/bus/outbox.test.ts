import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Mistake } from '../mistake/mistake.ts'
import { bytes, refused, streamOptions, text } from '../testing/describe-bus.ts'
import { eventually } from '../testing/eventually.ts'
import { natsServer } from '../testing/nats-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { Bus, Stream, StreamOptions } from './bus.ts'
import { openLocalBus } from './local.ts'
import { openNatsBus } from './nats.ts'
import { openOutbox } from './outbox.ts'

const limits = { mostMessages: 1_000_000, mostBytes: 1 << 30 }

describe('an outbox', () => {
  it('forwards in order, and gives each sender numbers without gaps', async (t) => {
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    const stream = streamOptions()
    const outbox = openOutbox({ folder: null, bus, stream, ...limits })
    for (let at = 0; at < 100; at++) {
      const sender = `agent ${at % 3}`
      const number = outbox.nextNumber(sender)
      outbox.push('actions.a', bytes(`${sender} ${number}`), `${outbox.boot}/${sender}/${number}`)
    }
    await outbox.close()
    assert.equal(outbox.depth, 0)
    assert.equal(outbox.bytes, 0)
    assert.deepEqual(
      await kept(await bus.stream(stream)),
      Array.from({ length: 100 }, (_, at) => `agent ${at % 3} ${Math.floor(at / 3) + 1}`),
    )
  })

  it('keeps what cannot be sent, drops the oldest beyond its limits, and tells', async (t) => {
    const folder = await tempFolder(t)
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    const stream = streamOptions()
    const told: number[] = []
    const options = {
      folder,
      stream,
      mostMessages: 10,
      mostBytes: 1000,
      onDrop: (count: number) => told.push(count),
    }
    const outbox = openOutbox({ ...options, bus: unreachable(bus) })
    for (let at = 0; at < 15; at++) outbox.push('a', bytes(`${at}`), `${at}`)
    assert.equal(outbox.depth, 10)
    assert.deepEqual(outbox.dropped, { 'queue-full': 5, 'too-large': 0 })
    assert.deepEqual(told, [1], 'and the others later')
    outbox.push('a', bytes('x'.repeat(985)), 'x')
    assert.equal(outbox.depth, 10)
    outbox.push('a', bytes('y'.repeat(980)), 'y')
    assert.equal(outbox.depth, 11 - 10)
    await refused('E_TOO_LARGE', async () => outbox.push('a', new Uint8Array(1001), 'z'))
    await refused('E_STORE', async () => openOutbox({ ...options, bus }))
    await outbox.close()
    await refused('E_STORE', async () => outbox.push('a', bytes(''), 'z'))
    const again = openOutbox({ ...options, bus })
    assert.equal(again.depth, 1)
    await again.close()
    assert.deepEqual(await kept(await bus.stream(stream)), ['y'.repeat(980)])
  })

  it('passes over what the stream will never take', async (t) => {
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    const stream = streamOptions()
    const lenient: Bus = Object.create(bus, { mostBytes: { value: 1 << 30 }, ...bound(bus) })
    const outbox = openOutbox({ folder: null, bus: lenient, stream, ...limits })
    outbox.push('a', bytes('1'), '1')
    outbox.push('a', new Uint8Array(bus.mostBytes + 1), '2')
    outbox.push('a', bytes('3'), '3')
    await outbox.close()
    assert.deepEqual(outbox.dropped, { 'queue-full': 0, 'too-large': 1 })
    assert.deepEqual(await kept(await bus.stream(stream)), ['1', '3'])
  })

  it('loses nothing and doubles nothing when its program and the server are killed', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const server = await natsServer(t)
    if (server === undefined) return
    const folder = await tempFolder(t)
    const stream: StreamOptions = {
      ...streamOptions(),
      name: 'actions',
      mostMessages: 1e6,
      mostBytes: 1 << 30,
    }
    const pushed: string[] = []
    for (let round = 0; round < 4; round++) {
      const child = spawn(
        process.execPath,
        [
          '-e',
          PUSH,
          import.meta.resolve('./nats.ts'),
          import.meta.resolve('./outbox.ts'),
          server.url,
          folder,
          `${round}`,
          JSON.stringify(stream),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      t.after(() => child.kill('SIGKILL'))
      let said = ''
      child.stdout.on('data', (chunk) => {
        said += chunk
      })
      await eventually('something pushed', () => said.split('\n').length > 300)
      if (round === 1) await server.kill()
      await setTimeout(50 + 100 * round)
      child.kill('SIGKILL')
      await once(child, 'close')
      if (round === 2) await server.start()
      // The last line may be cut.
      pushed.push(...said.split('\n').slice(0, -1))
    }
    const bus = await openNatsBus({ settings: { ...SETTINGS, url: server.url } })
    buses.push(bus)
    const outbox = openOutbox({ folder, bus, stream, ...limits })
    await eventually('that all are sent', () => outbox.depth === 0, 120_000)
    await outbox.close()
    const arrived = await kept(await bus.stream(stream))
    assert.equal(new Set(arrived).size, arrived.length, 'each once')
    const there = new Set(arrived)
    assert.deepEqual(
      pushed.filter((each) => !there.has(each)),
      [],
      'all of them',
    )
    const told = new Set(pushed)
    assert.deepEqual(
      arrived.filter((each) => told.has(each)),
      pushed,
      'in order',
    )
    t.diagnostic(`${pushed.length} pushed, ${arrived.length} arrived`)
  })
})

const SETTINGS = {
  url: '',
  prefix: 'r',
  user: '',
  password: '',
  token: '',
  creds: '',
  replicas: 1,
  tls: { ca: '', cert: '', key: '' },
}

const PUSH = `
  const { writeSync } = await import('node:fs')
  const [nats, outboxes, url, folder, round, stream] = process.argv.slice(1)
  const { openNatsBus } = await import(nats)
  const { openOutbox } = await import(outboxes)
  const bus = await openNatsBus({ mayWait: true, settings: { url, prefix: 'r', user: '', password: '', token: '', creds: '', replicas: 1, tls: { ca: '', cert: '', key: '' } } })
  const outbox = openOutbox({ folder, bus, stream: JSON.parse(stream), mostMessages: 1e6, mostBytes: 1e9 })
  for (let at = 0; ; at++) {
    const name = round + '.' + at
    outbox.push('actions.a', Buffer.from(name), name)
    // Only what push has returned for is said.
    writeSync(1, name + '\\n')
    if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }`

/** The bus as long as nobody can be reached. */
function unreachable(bus: Bus): Bus {
  const refuse = async () => {
    throw new Mistake('E_BUS', 'out')
  }
  return Object.create(bus, { ...bound(bus), connected: { value: false }, stream: { value: refuse } })
}

/** Methods that find their private fields also when they are called on what inherits from the bus. */
function bound(bus: Bus): PropertyDescriptorMap {
  return {
    stream: { value: bus.stream.bind(bus) },
    onConnection: { value: bus.onConnection.bind(bus) },
  }
}

async function kept(stream: Stream): Promise<string[]> {
  const all: string[] = []
  for await (const { payload } of stream.read({ follow: false, signal: new AbortController().signal }))
    all.push(text(payload))
  return all
}
