import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { request } from 'undici'
import { httpServer } from '../src/testing/http-server.ts'
import { canCapture, fetchOnce } from '../src/testing/live-run.ts'
import { natsServer } from '../src/testing/nats-server.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { tsharkFields } from '../src/testing/tshark.ts'
import { until } from '../src/testing/until.ts'
import { splitEntries } from '../src/wire/entry-lines.ts'
import { type PacketList, packetList } from '../src/wire/packets.ts'
import { type RecordingView, recordingView } from '../src/wire/recordings.ts'

describe('recordings of remora tap', () => {
  test('take what is kept of a capture: matching entries, and packets that tshark reads', async (t) => {
    const folder = await tempFolder(t)
    const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE, '--node-name', 'n1'])
    const api = await apiOf(t, tap)
    await until(async () => (await api.entries('/entries?filter=http')).length > 0)
    await api.record({ name: 'posts', filter: 'request.method == "POST"', lastMinutes: 5 })
    await until(async () => (await api.recording('posts')).state === 'done')
    const { entries, packets, reason } = await api.recording('posts')
    assert.equal(reason, '')
    assert.ok(entries > 0)
    const kept = await api.entries('/entries?source=recording:posts&limit=1000')
    assert.equal(kept.length, entries)
    const methods = kept.map((text): string => JSON.parse(text).request.method)
    assert.deepEqual([...new Set(methods)], ['POST'])
    const named = `/entries?filter=${encodeURIComponent('record("posts") and http')}&limit=1000`
    assert.deepEqual(await api.entries(named), kept)
    for (const text of kept.slice(0, 5)) await hasItsPackets(text, 'posts', api)
    const fields = ['tcp.srcport', 'tcp.dstport']
    const read = await tsharkFields(t, await api.download('posts', folder), fields)
    if (read === undefined) return
    assert.equal(read.length, packets)
    const clients = new Set(kept.map((text): string => JSON.parse(text).src.port))
    assert.ok(read.every((ports) => ports.some((port) => clients.has(port))))
    assert.deepEqual(new Set(read.flat().filter((port) => clients.has(port))), clients)
    assert.equal(await tap.stop(), 0, tap.stderr)
  })

  test('go on in live traffic when everything is started again in the middle, and end when they are stopped', async (t) => {
    if (!canCapture(t)) return
    const server = await httpServer(t, (_, response) => response.end('hello'))
    const folder = await tempFolder(t)
    const args = ['tap', '--interface', 'lo', '--filter', `tcp port ${server.port}`, '--node-name', 'n1']
    const first = new Running(t, folder, args)
    const before = await apiOf(t, first)
    await before.record({ name: 'live', filter: 'request.path.startsWith("/wanted")' })
    await seen(server.port, '/wanted/1', before)
    await fetchOnce(server.port, '/other')
    assert.equal(await first.stop(), 0, first.stderr)

    const second = new Running(t, folder, args)
    const after = await apiOf(t, second)
    assert.equal((await after.recording('live')).state, 'recording')
    await seen(server.port, '/wanted/2', after)
    await after.stop('live')
    await until(async () => (await after.recording('live')).state === 'done')
    const { entries, packets, lostEntries, reason } = await after.recording('live')
    assert.deepEqual([reason, lostEntries], ['', 0])
    const paths = (await after.entries('/entries?source=recording:live&limit=10000')).map(pathOf)
    assert.equal(paths.length, entries)
    assert.ok(paths.every((path) => path.startsWith('/wanted/')))
    // Some of the ports that clients get are those of a protocol, as which tshark reads what is said there.
    const fields = ['tcp.flags.syn', 'tcp.payload']
    const read = await tsharkFields(t, await after.download('live', folder), fields)
    if (read === undefined) return
    assert.equal(read.length, packets)
    const asked = read.flatMap(([, payload = '']) => pathAskedFor(payload) ?? [])
    assert.deepEqual(asked.sort(), paths.sort())
    assert.equal(read.filter(([syn]) => syn === '1' || syn === 'True').length, 2 * paths.length)
  })
})

describe('recordings of workers over NATS', () => {
  test('are one pcap of what all of them have', async (t) => {
    const server = await natsServer(t)
    if (server === undefined) return
    const folder = await tempFolder(t)
    const nats = ['--nats', server.url]
    const hub = new Running(t, folder, ['hub', ...nats])
    const api = await apiOf(t, hub)
    const names = ['n1', 'n2']
    const workers: Running[] = []
    for (const name of names) {
      const args = ['worker', ...nats, '--pcap', SAMPLE, '--node-name', name]
      workers.push(new Running(t, await tempFolder(t), args))
    }
    const said = () => [hub, ...workers].map(({ stderr }) => stderr).join('\n')
    const nodeOf = (text: string): string => JSON.parse(text).node.name
    const seenBy = async () => new Set((await api.entries('/entries?filter=http&limit=1000')).map(nodeOf))
    await until(async () => (await seenBy()).size === 2, said)
    await api.record({ name: 'both', filter: 'http', lastMinutes: 5 })
    const isDone = ({ state, nodes }: RecordingView) =>
      nodes.length === 2 && state === 'done' && nodes.every((node) => node.state === 'done')
    await until(async () => isDone(await api.recording('both')), said)
    const { packets, nodes } = await api.recording('both')
    assert.ok(
      nodes.every((node) => node.packets > 0),
      JSON.stringify(nodes),
    )
    for (const name of names) {
      const filter = encodeURIComponent(`node.name == "${name}"`)
      const [text] = await api.entries(`/entries?source=recording:both&filter=${filter}&limit=1`)
      assert.ok(text !== undefined)
      await hasItsPackets(text, 'both', api)
    }
    const read = await tsharkFields(t, await api.download('both', folder), ['frame.time_epoch'])
    if (read === undefined) return
    assert.equal(read.length, packets)
    const times = read.map(([time = '']) => time)
    assert.deepEqual(times, times.toSorted())
  })
})

/** Of an entry a recording has the packets that its worker has: no others, and none of what another worker saw of the same. */
async function hasItsPackets(
  text: string,
  recording: string,
  api: Awaited<ReturnType<typeof apiOf>>,
): Promise<void> {
  const { id } = JSON.parse(text) as { id: string }
  const kept = await api.packets(`/entries/${id}/packets?bytes=1500`)
  const recorded = await api.packets(`/entries/${id}/packets?bytes=1500&source=recording:${recording}`)
  assert.ok(recorded.total > 0)
  const what = ({ total, begin, packets }: PacketList) => ({
    ...{ total, begin },
    packets: packets.map(({ time, bytes, payloadLength }) => ({ time, bytes, payloadLength })),
  })
  assert.deepEqual(what(recorded), what(kept))
}

/**
 * Asks until a request was recorded: nobody knows when a capture has begun. Those before that are for another path, since of the
 * first connection the beginning may be missing.
 */
async function seen(port: number, path: string, api: Awaited<ReturnType<typeof apiOf>>): Promise<void> {
  const first = `/first${path}`
  await asked(first, `filter=${encodeURIComponent(`request.path == "${first}"`)}`)
  await asked(path, 'source=recording:live&limit=10000')

  function asked(what: string, query: string): Promise<void> {
    return until(async () => {
      await fetchOnce(port, what)
      return (await api.entries(`/entries?${query}`)).map(pathOf).includes(what)
    })
  }
}

async function apiOf(t: TestContext, tap: Running) {
  const { url } = await tap.client(t)
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const json = { 'content-type': 'application/json' }
    const { statusCode, body: answer } = await request(`${url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { headers: json, body: JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await answer.bytes())
    assert.ok(statusCode < 300, `${method} ${path}: ${bytes}\n${tap.stderr}`)
    return bytes
  }
  const view = (bytes: Buffer): RecordingView => recordingView.parse(JSON.parse(bytes.toString()))
  return {
    entries: async (path: string) => splitEntries((await ask('GET', path)).toString()).entries,
    record: async (draft: object) => view(await ask('POST', '/recordings', draft)),
    recording: async (name: string) => view(await ask('GET', `/recordings/${name}`)),
    packets: async (path: string) => packetList.parse(JSON.parse((await ask('GET', path)).toString())),
    stop: async (name: string) => view(await ask('POST', `/recordings/${name}/stop`)),
    /** Answers the path of the file. */
    download: async (name: string, folder: string) => {
      const path = join(folder, `${name}.pcap`)
      await writeFile(path, await ask('GET', `/recordings/${name}/pcap`))
      return path
    },
  }
}

/** Of a request whose bytes tshark writes as hexadecimal numbers. */
function pathAskedFor(payload: string): string | undefined {
  return /^GET (\S+)/.exec(Buffer.from(payload.replaceAll(':', ''), 'hex').toString('latin1'))?.[1]
}

function pathOf(text: string): string {
  return JSON.parse(text).request.path
}

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
