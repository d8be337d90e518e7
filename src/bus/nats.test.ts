import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { Mistake } from '../mistake/mistake.ts'
import {
  bucketOptions,
  bytes,
  describeBus,
  fill,
  refused,
  streamOptions,
  text,
  watch,
} from '../testing/describe-bus.ts'
import { eventually } from '../testing/eventually.ts'
import { hasTools } from '../testing/loopback.ts'
import { type NatsServer, natsCluster, natsServer } from '../testing/nats-server.ts'
import { NATS_SETTINGS } from '../testing/nats-settings.ts'
import { freePort } from '../testing/ports.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { Bus, Stream } from './bus.ts'
import { type NatsSettings, openNatsBus } from './nats.ts'

describeBus('a bus over NATS', async (t) => {
  const buses: Bus[] = []
  const close = () => Promise.all(buses.splice(0).map((bus) => bus.close()))
  t.after(close)
  const server = await natsServer(t)
  if (server === undefined) return undefined
  const open = async () => {
    const bus = await openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url } })
    buses.push(bus)
    return bus
  }
  return {
    programs: (count) => Promise.all(Array.from({ length: count }, open)),
    async restart() {
      await close()
      return open()
    },
  }
})

describe('a NATS server that dies and comes back', () => {
  it('loses nothing of a stream: each message is taken once, in order', async (t) => {
    const { server, bus, other } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined || other === undefined) return
    const options = streamOptions()
    const [stream, reading] = [await bus.stream(options), await other.stream(options)]
    const end = new AbortController()
    const taken: string[] = []
    const followed: string[] = []
    const consuming = reading.consume(
      'hub',
      async ({ payload }) => {
        taken.push(text(payload))
        await setTimeout(1)
      },
      end.signal,
    )
    const following = (async () => {
      for await (const { payload } of reading.read({ follow: true, signal: end.signal }))
        followed.push(text(payload))
    })()
    let appended = 0
    const appending = (async () => {
      for (; appended < COUNT; appended++) await appendUntilKept(stream, `${appended}`)
    })()
    for (const at of [COUNT / 4, COUNT / 2]) {
      await eventually(`message ${at}`, () => taken.length > at)
      await server.kill()
      await eventually('that the outage is noticed', () => !bus.connected && !other.connected)
      await server.start()
    }
    await appending
    await eventually('the last message', () => taken.length >= COUNT && followed.length >= COUNT, 60_000)
    end.abort()
    await Promise.all([consuming, following])
    const all = Array.from({ length: COUNT }, (_, at) => `${at}`)
    assert.deepEqual(taken, all)
    assert.deepEqual(followed, all)
    const kept: string[] = []
    for await (const { payload } of stream.read({ follow: false, signal: new AbortController().signal }))
      kept.push(text(payload))
    assert.deepEqual(kept, all, 'appended again with the same id it is kept once')
  })

  it('is one of three: each message is taken once, in order, whichever dies', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const servers = await natsCluster(t)
    if (servers === undefined) return
    const url = servers.map((server) => server.url).join()
    const open = async () => {
      const bus = await untilDone(() => openNatsBus({ settings: { ...NATS_SETTINGS, url, replicas: 3 } }))
      buses.push(bus)
      return bus
    }
    const [bus, other] = [await open(), await open()]
    const options = streamOptions()
    const stream = await untilDone(() => bus.stream(options))
    const reading = await untilDone(() => other.stream(options))
    const end = new AbortController()
    const taken: string[] = []
    const consuming = reading.consume(
      'hub',
      async ({ payload }) => void taken.push(text(payload)),
      end.signal,
    )
    let appended = 0
    const appending = (async () => {
      for (; appended < 300; appended++) {
        await appendUntilKept(stream, `${appended}`)
        await setTimeout(5)
      }
    })()
    for (const [at, server] of servers.entries()) {
      await eventually(`message ${at * 80 + 20}`, () => taken.length > at * 80 + 20, 120_000)
      await server.kill()
      await setTimeout(500)
      await server.start()
    }
    await appending
    await eventually('the last message', () => taken.length >= 300, 120_000)
    end.abort()
    await consuming
    assert.deepEqual(
      taken,
      Array.from({ length: 300 }, (_, at) => `${at}`),
    )
  })

  it('tells who watches what changed meanwhile, also what was deleted', async (t) => {
    const { server, bus, other } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined || other === undefined) return
    const options = bucketOptions()
    const [bucket, watched] = [await bus.bucket(options), await other.bucket(options)]
    for (const key of ['a', 'b', 'c']) await bucket.put(key, bytes('1'))
    const { seen, end } = watch(watched, '')
    await eventually('current', () => seen.includes('current'))
    await server.kill()
    await eventually('that the outage is noticed', () => !bus.connected && !other.connected)
    await refused('E_BUS', () => bucket.put('a', bytes('2')))
    await refused('E_BUS', () => bucket.get('a'))
    await server.start()
    await eventually('a connection', () => bus.connected)
    await untilDone(() => bucket.put('b', bytes('2')))
    await bucket.delete('c')
    await bucket.put('d', bytes('3'))
    await eventually('the last change', () => seen.includes('put d 3'))
    await end()
    assert.deepEqual(seen.slice(0, 4), ['put a 1', 'put b 1', 'put c 1', 'current'])
    assert.deepEqual(seen.slice(4).sort(), ['delete c', 'put b 2', 'put d 3'])
  })

  it('is found again by those who listen, answer and publish', async (t) => {
    const { server, bus, other } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined || other === undefined) return
    const heard: string[] = []
    other.subscribe('status.*', (payload) => heard.push(text(payload)))
    other.respond('jobs.a', async (payload) => payload)
    const changes: boolean[] = []
    bus.onConnection((connected) => changes.push(connected))
    await eventually('an answer', () => answers(bus, 'jobs.a'))
    await server.kill()
    await eventually('that the outage is noticed', () => !bus.connected && !other.connected)
    await refused('E_BUS', () => bus.request('jobs.a', bytes(''), { timeoutMs: 1000 }))
    for (let at = 0; at < 2000; at++) bus.publish('status.a', bytes('put by'))
    assert.equal(bus.dropped['not-connected'], 1000, 'what is put by has a limit')
    await server.start()
    await eventually('an answer again', () => answers(bus, 'jobs.a'))
    await eventually('a message again', () => {
      bus.publish('status.a', bytes('new'))
      return heard.includes('new')
    })
    assert.deepEqual(changes, [false, true])
  })

  it('may have lost its disk: streams and buckets are made again', async (t) => {
    const { server, bus, other } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined || other === undefined) return
    const stream = await bus.stream(streamOptions())
    const bucket = await bus.bucket(bucketOptions())
    await fill(stream, 0, 5)
    await bucket.put('old', bytes('1'))
    const end = new AbortController()
    const taken: string[] = []
    const consuming = stream.consume('hub', async ({ payload }) => void taken.push(text(payload)), end.signal)
    const { seen, end: endWatch } = watch(bucket, '')
    await eventually('all', () => taken.length === 5 && seen.includes('current'))
    await server.kill()
    server.loseDisk()
    await eventually('that the outage is noticed', () => !bus.connected)
    await server.start()
    await eventually('a connection', () => bus.connected)
    await untilDone(() => stream.append('x', bytes('new'), { id: 'new' }))
    await eventually('the new message', () => taken.includes('new'))
    await eventually('that the old value is gone', () => seen.includes('delete old'))
    await untilDone(() => bucket.put('new', bytes('2')))
    await eventually('the new value', () => seen.includes('put new 2'))
    end.abort()
    await Promise.all([consuming, endWatch()])
  })

  it('may be absent when a program starts that can wait', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const server = await natsServer(t, { isAbsent: true })
    if (server === undefined) return
    const bus = await openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url }, mayWait: true })
    buses.push(bus)
    assert.equal(bus.connected, false)
    const heard: string[] = []
    bus.subscribe('a', (payload) => heard.push(text(payload)))
    bus.publish('a', bytes('lost in time'))
    await refused('E_BUS', () => bus.stream(streamOptions()))
    await server.start()
    await eventually('a connection', () => bus.connected)
    await eventually('a message', () => {
      bus.publish('a', bytes('heard'))
      return heard.includes('heard')
    })
    const stream = await bus.stream(streamOptions())
    await stream.append('x', bytes(''), { id: '1' })
  })

  it('ends a program that waits for it, too', async () => {
    const bus = await openNatsBus({
      settings: { ...NATS_SETTINGS, url: `nats://127.0.0.1:${await freePort()}` },
      mayWait: true,
    })
    const watching = bus.request('x', bytes(''), { timeoutMs: 1000 })
    await assert.rejects(watching, Mistake)
    await bus.close()
  })
})

describe('a connection to NATS', () => {
  it('that cannot be made names the server and a way out, and no password', async () => {
    const port = await freePort()
    const mistake = await refused('E_BUS', () =>
      openNatsBus({ settings: { ...NATS_SETTINGS, url: `nats://me:secret@127.0.0.1:${port}` } }),
    )
    assert.match(mistake.message, new RegExp(`nats://127\\.0\\.0\\.1:${port}: cannot connect`))
    assert.match(mistake.hint ?? '', /nats\.url/)
    assert.ok(!`${mistake.message} ${mistake.stack}`.includes('secret'))
    for (const url of ['', 'http://x', 'nats://:secret@', 'nats://a b'])
      assert.ok(
        !(
          await refused('E_BUS', () => openNatsBus({ settings: { ...NATS_SETTINGS, url } }))
        ).message.includes('secret'),
      )
  })

  it('to a server without JetStream is refused, and it says how to mend that', async (t) => {
    const server = await natsServer(t, { jetStream: false })
    if (server === undefined) return
    const mistake = await refused('E_BUS', () =>
      openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url } }),
    )
    assert.match(mistake.hint ?? '', /-js/)
  })

  it('that asks for more replicas than there are servers is told so', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const server = await natsServer(t)
    if (server === undefined) return
    const bus = await openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url, replicas: 3 } })
    buses.push(bus)
    const mistake = await refused('E_BUS', () => bus.stream(streamOptions()))
    assert.match(mistake.hint ?? '', /nats\.replicas/, mistake.message)
  })

  it('shows who it is: user and password, or a token, or it is refused', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const server = await natsServer(t, { args: ['--user', 'me', '--pass', 'secret'] })
    const withToken = await natsServer(t, { args: ['--auth', 'secret'] })
    if (server === undefined || withToken === undefined) return
    const { url } = server
    const mistake = await refused('E_BUS', () => openNatsBus({ settings: { ...NATS_SETTINGS, url } }))
    assert.match(mistake.hint ?? '', /nats\.user/)
    await refused('E_BUS', () =>
      openNatsBus({ settings: { ...NATS_SETTINGS, url, user: 'me', password: 'wrong' } }),
    )
    for (const right of [
      { url, user: 'me', password: 'secret' },
      { url: url.replace('//', '//me:secret@') },
      { url: withToken.url, token: 'secret' },
    ])
      buses.push(await openNatsBus({ settings: { ...NATS_SETTINGS, ...right } }))
    assert.ok(buses.every((bus) => bus.connected && !bus.description.includes('secret')))
    await refused('E_BUS', () =>
      openNatsBus({ settings: { ...NATS_SETTINGS, url, creds: '/nowhere/x.creds' } }),
    )
  })

  it('finds the server that is up among several', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const server = await natsServer(t)
    if (server === undefined) return
    const url = `nats://127.0.0.1:${await freePort()}, ${server.url}`
    buses.push(await openNatsBus({ settings: { ...NATS_SETTINGS, url } }))
    assert.equal(buses[0]?.connected, true)
  })

  it('keeps apart what has another prefix', async (t) => {
    const { server, bus } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined) return
    const foreign = await openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url, prefix: 'other' } })
    try {
      const heard: string[] = []
      for (const each of [bus, foreign]) each.subscribe('>', (payload) => heard.push(text(payload)))
      await eventually('a message', () => {
        foreign.publish('a', bytes('from the other'))
        return heard.length > 0
      })
      const options = { ...streamOptions(), name: 'actions' }
      const [mine, theirs] = [await bus.stream(options), await foreign.stream(options)]
      await mine.append('x', bytes('1'), { id: '1' })
      for await (const _ of theirs.read({ follow: false, signal: new AbortController().signal }))
        assert.fail()
      const names = { name: 'state' }
      await (await bus.bucket(names)).put('leader', bytes('1'))
      assert.deepEqual(await (await foreign.bucket(names)).keys(), [])
      await refused('E_BUS_NO_ANSWER', () => foreign.request('jobs.a', bytes(''), { timeoutMs: 100 }))
    } finally {
      await foreign.close()
    }
  })

  it('takes changed limits of a stream over', async (t) => {
    const { server, bus } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined) return
    const options = streamOptions()
    await fill(await bus.stream(options), 0, 10)
    const stream = await bus.stream({ ...options, mostMessages: 3 })
    const kept: string[] = []
    for await (const { payload } of stream.read({ follow: false, signal: new AbortController().signal }))
      kept.push(text(payload))
    assert.deepEqual(kept, ['7', '8', '9'])
  })

  it('refuses and counts answers that are none of ours, and requests that are none', async (t) => {
    const { server, bus, other } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined || other === undefined) return
    const foreign = await connect({ servers: server.url })
    try {
      let turn = 0
      foreign.subscribe('remora.msg.jobs.a', {
        callback: (_, message) => void message.respond(MALFORMED[turn++ % MALFORMED.length] ?? ''),
      })
      await foreign.flush()
      for (const _ of MALFORMED)
        await refused('E_BUS_NO_ANSWER', () => bus.request('jobs.a', bytes(''), { timeoutMs: 10_000 }))
      assert.equal(bus.dropped.malformed, MALFORMED.length)
      other.respond('jobs.b', async (payload) => payload)
      await eventually('an answer', () => answers(bus, 'jobs.b'))
      foreign.publish('remora.msg.jobs.b', 'no request')
      await eventually('that it is counted', () => other.dropped.malformed === 1)
      assert.equal(await answers(bus, 'jobs.b'), true)
    } finally {
      await foreign.close()
    }
  })

  it('notices a server that stands still, and puts nothing by without a limit', async (t) => {
    const { server, bus } = (await site(t)) ?? {}
    if (server === undefined || bus === undefined) return
    server.freeze()
    try {
      const payload = new Uint8Array(500_000)
      for (let at = 0; at < 200; at++) {
        bus.publish('a', payload)
        if (at % 10 === 0) await setTimeout(1)
      }
      assert.ok((bus.dropped.behind ?? 0) > 100, JSON.stringify(bus.dropped))
      await eventually('that it is noticed', () => !bus.connected)
    } finally {
      server.thaw()
    }
    await eventually('a connection', () => bus.connected)
  })

  it('may be secured by TLS', async (t) => {
    const buses: Bus[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())))
    const folder = await tempFolder(t)
    const { ca, cert, key } = certificates(t, folder) ?? {}
    if (ca === undefined || cert === undefined || key === undefined) return
    const server = await natsServer(t, { args: ['--tls', '--tlscert', cert, '--tlskey', key] })
    if (server === undefined) return
    const { url } = server
    buses.push(await openNatsBus({ settings: { ...NATS_SETTINGS, url, tls: { ca, cert: '', key: '' } } }))
    await (await buses[0]?.bucket(bucketOptions()))?.put('a', bytes('1'))
    const mistake = await refused('E_BUS', () =>
      openNatsBus({ settings: { ...NATS_SETTINGS, url: url.replace('nats:', 'tls:') } }),
    )
    assert.match(mistake.hint ?? '', /nats\.tls\.ca/)
    await refused('E_BUS', () =>
      openNatsBus({
        settings: { ...NATS_SETTINGS, url, tls: { ca: join(folder, 'missing.pem'), cert: '', key: '' } },
      }),
    )
  })
})

/** A server and two programs. */
async function site(
  t: TestContext,
): Promise<{ readonly server: NatsServer; readonly bus: Bus; readonly other: Bus } | undefined> {
  const buses: Bus[] = []
  t.after(() => Promise.all(buses.map((bus) => bus.close())))
  const server = await natsServer(t)
  if (server === undefined) return undefined
  const open = async () => {
    const bus = await openNatsBus({ settings: { ...NATS_SETTINGS, url: server.url } })
    buses.push(bus)
    return bus
  }
  return { server, bus: await open(), other: await open() }
}

/** As an outbox does it: with the same id, until the server says that it has it. */
function appendUntilKept(stream: Stream, name: string): Promise<void> {
  return untilDone(() => stream.append('actions.a', bytes(name), { id: name }))
}

async function untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;)
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Mistake && error.code === 'E_BUS')) throw error
      await setTimeout(20)
    }
}

async function answers(bus: Bus, subject: string): Promise<boolean> {
  try {
    await bus.request(subject, bytes('x'), { timeoutMs: 1000 })
    return true
  } catch {
    // Not yet.
    return false
  }
}

/** A certificate of the loopback that vouches for itself. */
function certificates(t: TestContext, folder: string): NatsSettings['tls'] | undefined {
  if (!hasTools(t, 'openssl')) return undefined
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    ...names,
  ])
  assert.equal(made.status, 0, String(made.stderr))
  return { ca: cert, cert, key }
}

const COUNT = 2000
const MALFORMED = [
  '',
  'x',
  '\u0001',
  '\u0001{}',
  '\u0001{"code":"E_NONE","message":"x"}',
  '\u0001null',
  '\u0002x',
  '\u0003',
]
