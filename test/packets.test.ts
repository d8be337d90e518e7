import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from '../src/testing/eventually.ts'
import { run } from '../src/testing/programs.ts'
import { readCapture } from '../src/testing/read-capture.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { apiFailure } from '../src/wire/api.ts'
import { packetList } from '../src/wire/packets.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

describe('packets of entries that workers keep', () => {
  test('can be downloaded, alone and merged, as tshark reads them in the capture', async (t) => {
    const cwd = await tempFolder(t)
    const program = new Running(t, cwd, ['tap', '--pcap', SAMPLE])
    const hub = await program.client(t)
    const url = /the API is at (\S+),/.exec(program.stderr)?.[1] ?? ''
    const page = async (filter: string) => (await hub.entries({ filter, limit: 1000 })).entries
    await eventually('entries are kept', async () => (await page('http')).length > 20)
    const entry = JSON.parse((await page('http'))[0] ?? '')

    const response = await fetch(`${url}/api/v1/entries/${entry.id}/pcap`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/vnd.tcpdump.pcap')
    assert.match(
      response.headers.get('content-disposition') ?? '',
      /^attachment; filename="\d{12}-\d+\.pcap"$/,
    )
    const file = join(cwd, 'one.pcap')
    writeFileSync(file, await response.bytes())
    const ofConnection = `tcp.port == ${entry.src.port} && tcp.port == ${entry.dst.port} && ip.addr == ${entry.src.ip}`
    const expected = await packets(SAMPLE, ofConnection)
    assert.ok(expected.length > 5)
    assert.deepEqual(await packets(file), expected)

    const [worker = ''] = entry.id.split('/')
    for (const id of [entry.stream, entry.id.slice(worker.length + 1)]) {
      const documented = await fetch(`${url}/api/pcaps/download/${worker}/${id}`)
      assert.equal(documented.status, 200)
      assert.deepEqual(Buffer.from(await documented.bytes()), readFileSync(file))
    }

    const asked = await fetch(`${url}/api/v1/entries/${entry.id}/packets?limit=3&from=1&bytes=64`)
    const list = packetList.parse(await asked.json())
    assert.equal(list.total, expected.length)
    assert.equal(list.packets.length, 3)
    const [packet] = list.packets
    assert.ok(packet)
    const { number, time, transport, source, bytes } = packet
    const [seconds, length] = expected[1]?.split('\t') ?? []
    assert.deepEqual([number, transport, String(packet.length)], [1, 'TCP', length])
    assert.equal(`${Date.parse(time) / 1000}`.slice(0, 10), seconds?.slice(0, 10))
    assert.ok(source.port === Number(entry.src.port) || source.port === Number(entry.dst.port))
    assert.equal(Buffer.from(bytes, 'base64').length, Math.min(64, Number(length)))

    const merged = await fetch(`${url}/api/v1/pcap?filter=dns`)
    const mergedFile = join(cwd, 'dns.pcap')
    writeFileSync(mergedFile, await merged.bytes())
    const names = await run('tshark', ['-r', mergedFile, '-T', 'fields', '-e', 'dns.qry.name'])
    const named = new Set(names.stdout.split('\n').filter((name) => name !== ''))
    const entries = (await page('dns')).map((text) => JSON.parse(text).request.questions[0].name as string)
    assert.ok(entries.length > 0)
    for (const name of entries) assert.ok(named.has(name), name)
    const times = (await packets(mergedFile)).map((line) => Number(line.split('\t')[0]))
    assert.deepEqual(times, times.toSorted())
    assert.equal(merged.headers.get('x-remora-packets'), String(times.length))
    assert.equal(merged.headers.get('x-remora-lost'), '0')
    assert.equal(merged.headers.get('x-remora-cut'), null)
  })

  test('are those of their own run, also when the worker was started again', async (t) => {
    const cwd = await tempFolder(t)
    const args = ['tap', '--pcap', SAMPLE, '--set', 'tap.misc.jsonTTL=1h']
    const { exchanges } = await readCapture(SAMPLE)
    const inCapture = exchanges.filter(({ dissector }) => dissector.name === 'http').length
    const counts: number[] = []
    for (const round of [1, 2]) {
      const program = new Running(t, cwd, args)
      const hub = await program.client(t)
      const all = async () => (await hub.entries({ filter: 'http', limit: 10_000 })).entries
      await eventually('all entries', async () => (await all()).length === round * inCapture)
      const ids = (await all()).map((text): string => JSON.parse(text).id)
      assert.equal(new Set(ids).size, ids.length)
      const [newest = '', oldest = ''] = [ids[0], ids.at(-1)]
      const statusOf = async (id: string) =>
        (await fetch(`${program.apiUrl}/api/v1/entries/${id}/packets`)).status
      counts.push(await statusOf(newest), await statusOf(oldest))
      assert.equal(await program.stop(), 0)
    }
    assert.deepEqual(counts, [200, 200, 200, 404])
  })

  test('are said to be gone where none are kept, and where the worker was started anew', async (t) => {
    const cwd = await tempFolder(t)
    const first = new Running(t, cwd, ['tap', '--pcap', SAMPLE, '--set', 'tap.misc.jsonTTL=1h'])
    const hub = await first.client(t)
    await eventually(
      'entries',
      async () => (await hub.entries({ filter: 'http', limit: 1 })).entries.length > 0,
    )
    assert.equal(await first.stop(), 0)

    const off = ['--set', 'tap.misc.jsonTTL=1h', '--set', 'tap.capture.raw.enabled=false']
    const without = new Running(t, cwd, ['tap', '--pcap', join(REPOSITORY, 'samples/beanstalk.pcap'), ...off])
    assert.match(await gone(without, await without.client(t)), /keeps no packets/)
    assert.equal(await without.stop(), 0)

    const other = [
      'tap',
      '--pcap',
      join(REPOSITORY, 'samples/beanstalk.pcap'),
      '--set',
      'tap.misc.jsonTTL=1h',
    ]
    const anew = new Running(t, cwd, other)
    assert.match(await gone(anew, await anew.client(t)), /started anew/)
  })
})

/** What is said of the packets of an entry of the run before. */
async function gone(program: Running, hub: Awaited<ReturnType<Running['client']>>): Promise<string> {
  const url = /the API is at (\S+),/.exec(program.stderr)?.[1] ?? ''
  let id = ''
  await eventually('old entries', async () => {
    id = JSON.parse((await hub.entries({ filter: 'http', limit: 1 })).entries[0] ?? '{}').id ?? ''
    return id !== ''
  })
  const response = await fetch(`${url}/api/v1/entries/${id}/packets`)
  const { code, message } = apiFailure.parse(await response.json())
  assert.deepEqual([response.status, code], [404, 'E_NOT_FOUND'], message)
  return message
}

/** Time and length of each packet, as tshark reads them. */
async function packets(file: string, filter = ''): Promise<string[]> {
  assert.ok(readFileSync(file).length > 24)
  const fields = ['-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len']
  const { code, stdout, stderr } = await run('tshark', [
    '-r',
    file,
    ...(filter === '' ? [] : ['-Y', filter]),
    ...fields,
  ])
  assert.equal(code, 0, stderr)
  return stdout.trim().split('\n')
}
