import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { complaintAbout, openCapture } from './index.ts'
import type { LiveOptions } from './live.ts'
import { packetsOf, pcap, readAll, type SeenPacket } from './test-captures.ts'

const folder = mkdtempSync(join(tmpdir(), 'remora-live-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const never = new AbortController().signal

describe('a live capture', () => {
  for (const tool of ['dumpcap', 'tcpdump'] as const) {
    test(`with ${tool} sees what is sent over lo, as soon as it is there`, async (t) => {
      const receiver = createSocket('udp4').bind(0, '127.0.0.1')
      await once(receiver, 'listening')
      const { port } = receiver.address()
      const sender = createSocket('udp4')
      t.after(() => {
        sender.close()
        receiver.close()
      })
      const seen = await captureOf(t, { interface: ['lo'], filter: `udp port ${port}`, tool }, 3, () => {
        for (const text of ['one', 'two', 'three']) sender.send(text, port, '127.0.0.1')
      })
      if (seen === undefined) return
      assert.deepEqual(seen.packets.map(textOf), ['one', 'two', 'three'])
      assert.deepEqual([...new Set(seen.packets.map((packet) => packet.interface))], ['lo'])
      assert.ok(Math.abs(Number(seen.packets[0]?.time) - Date.now() / 1000) < 60)
      assert.equal(seen.source.losses().kernel, 0)
      assert.deepEqual(seen.source.problems, [])
    })

    test(`with ${tool} on any sees a TCP conversation, with both its ends`, async (t) => {
      const server = createServer((socket) => socket.end('pong')).listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const seen = await captureOf(t, { interface: 'any', filter: `tcp port ${port}`, tool }, 8, () => {
        connect(port, '127.0.0.1').end('ping').resume()
      })
      if (seen === undefined) return
      const sent = seen.packets.map(textOf).join()
      assert.match(sent, /ping/)
      assert.match(sent, /pong/)
    })

    test(`with ${tool} that cannot begin is a Mistake in words that help`, async (t) => {
      const refused = async (options: Partial<LiveOptions>) => {
        const source = openLiveOrSkip(t, { interface: ['lo'], tool, ...options })
        if (source === undefined) return undefined
        return readAll(source).then(
          () => assert.fail('it began'),
          (error) => {
            assert.ok(error instanceof Mistake, String(error))
            return `${error.code}: ${error.message} / ${error.hint}`
          },
        )
      }
      const missing = await refused({ interface: ['nosuch0'] })
      if (missing === undefined) return
      assert.match(missing, /^E_CAPTURE_REFUSED: there is no interface nosuch0 \/ Interfaces here: .*\blo\b/)
      assert.match(
        (await refused({ filter: 'tcp port (' })) ?? '',
        /^E_CAPTURE_FILTER: the capture filter "tcp port \(" is not valid: .*syntax error/,
      )
    })
  }

  for (const tool of ['dumpcap', 'tcpdump'] as const)
    test(`whose filter is wrong is known before it begins, with ${tool}`, async (t) => {
      const options = { interface: 'any', tool } as const
      if (openLiveOrSkip(t, options) === undefined) return
      assert.equal(await complaintAbout({ ...options, filter: 'tcp port 80' }), undefined)
      assert.equal(await complaintAbout(options), undefined)
      const complaint = await complaintAbout({ ...options, filter: 'tcp prt 80' })
      assert.equal(complaint?.code, 'E_CAPTURE_FILTER')
      assert.match(complaint?.message ?? '', /"tcp prt 80" is not valid: .*syntax error/)
    })

  test('of all interfaces says of each packet which one it was on', async (t) => {
    const sender = createSocket('udp4')
    t.after(() => sender.close())
    const options = { interface: 'any', filter: 'udp port 45392' } as const
    const seen = await captureOf(t, options, 1, () => sender.send('hello', 45392, '127.0.0.1'))
    if (seen === undefined) return
    assert.equal(seen.packets[0]?.linkType, LINUX_SLL2)
  })

  test('of several interfaces tells them apart', async (t) => {
    const sender = createSocket('udp4')
    t.after(() => sender.close())
    const options = { interface: ['lo', 'any'], filter: 'udp port 45391', tool: 'dumpcap' } as const
    const seen = await captureOf(t, options, 2, () => sender.send('hello', 45391, '127.0.0.1'))
    if (seen === undefined) return
    const interfaces = new Set(seen.packets.map((packet) => packet.interface))
    assert.deepEqual([...interfaces].sort(), ['any', 'lo'])
  })

  test('that nobody reads any more ends its tool', async (t) => {
    const source = openLiveOrSkip(t, { interface: ['lo'], onStart: () => sendSoon() })
    if (source === undefined) return
    const before = process.listenerCount('exit')
    for await (const _ of source.packets(never)) break
    assert.equal(process.listenerCount('exit'), before)
  })

  test('is not begun when it was aborted before', async (t) => {
    const source = openLiveOrSkip(t, { interface: ['nosuch0'] })
    if (source === undefined) return
    assert.deepEqual(await readAll(source, AbortSignal.abort()), [])
  })
})

describe('a capturing program', () => {
  const file = join(folder, 'capture.pcap')
  writeFileSync(file, pcap({}, [1, 0, 'abc'], [2, 0, 'de']))

  test('that is missing is a Mistake with the command to install it', () => {
    const environment = { PATH: folder }
    assert.throws(() => openCapture({ interface: ['lo'], tool: 'dumpcap', environment }), {
      name: 'Mistake',
      code: 'E_CAPTURE_TOOL',
      message: 'dumpcap is not installed',
      hint: 'apt-get install tshark',
    })
    assert.throws(() => openCapture({ interface: ['lo'], environment }), {
      message: 'dumpcap or tcpdump is not installed',
      hint: 'apt-get install tshark or apt-get install tcpdump',
    })
  })

  test('does not outlive a program that exits in the middle of the capture', async () => {
    const pidFile = join(folder, 'pid')
    const environment = fakeEnvironment(
      'outlives',
      'dumpcap',
      `trap '' INT PIPE; echo $$ > ${pidFile}; cat ${file}; exec sleep 60`,
    )
    const script = `
      import { openCapture } from ${JSON.stringify(new URL('./index.ts', import.meta.url))}
      const environment = ${JSON.stringify(environment)}
      const source = openCapture({ interface: ['lo'], environment, onStart: () => process.exit(0) })
      for await (const _ of source.packets(new AbortController().signal));`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    assert.deepEqual(await once(child, 'exit'), [0, null])
    assert.ok(await isGone(Number(readFileSync(pidFile, 'utf8'))))
  })

  test('does not outlive a program that is killed, where there is setpriv', async (t) => {
    if (!existsSync('/usr/bin/setpriv')) return t.skip('no setpriv')
    const pidFile = join(folder, 'pid-of-tied')
    const environment = fakeEnvironment('tied', 'dumpcap', `echo $$ > ${pidFile}; cat ${file}; exec sleep 60`)
    const script = `
      import { openCapture } from ${JSON.stringify(new URL('./index.ts', import.meta.url))}
      const environment = ${JSON.stringify(environment)}
      const kill = () => process.kill(process.pid, 'SIGKILL')
      const source = openCapture({ interface: ['lo'], environment, onStart: kill })
      for await (const _ of source.packets(new AbortController().signal));`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
    assert.ok(await isGone(Number(readFileSync(pidFile, 'utf8'))))
  })

  test('that dies in the middle leaves its packets and its last words', async () => {
    const source = fake('dies', `cat ${file}; echo 'dumpcap: The interface went away.' >&2; exit 3`)
    assert.equal((await readAll(source)).length, 2)
    assert.deepEqual(source.problems, ['dumpcap ended by itself (exit code 3): The interface went away.'])
  })

  test('that ends without being asked says so, even where it finds nothing wrong with that', async () => {
    const words = 'The network adapter "eth7" is no longer attached; the capture has stopped.'
    const source = fake('ends', `cat ${file}; echo 'dumpcap: ${words}' >&2`)
    assert.equal((await readAll(source)).length, 2)
    assert.deepEqual(source.problems, [`dumpcap ended by itself: ${words}`])
  })

  test('that is killed in the middle of a packet says that as well', async () => {
    const source = fake('cut', `head -c 42 ${file}; kill -SEGV $$`)
    assert.equal((await readAll(source)).length, 0)
    assert.deepEqual(source.problems, [
      'the capture ends in the middle of packet 1',
      'dumpcap ended by itself (SIGSEGV): it did not say why',
    ])
  })

  test('hands over what it holds when it is told to stop, and tells what was lost', async () => {
    const stopping = `trap 'cat ${file}.rest; echo "Packets received/dropped on interface lo: 9/3 (pcap:1/dumpcap:2/flushed:4/ps_ifdrop:8) (75.0%)" >&2; exit 0' INT`
    writeFileSync(`${file}.rest`, pcap({}, [3, 0, 'f']).subarray(24))
    const abort = new AbortController()
    const source = fake('stops', `${stopping}; cat ${file}; while :; do sleep 0.05; done`, () =>
      abort.abort(),
    )
    assert.deepEqual(
      (await readAll(source, abort.signal)).map(({ length }) => length),
      [3, 2, 1],
    )
    assert.deepEqual(source.losses(), { kernel: 1, interface: 8, tool: 6 })
    assert.deepEqual(source.problems, [])
  })

  test('that does not stop when told to is killed', async () => {
    const abort = new AbortController()
    const source = fake('stays', `trap '' INT; cat ${file}; exec tail -f /dev/null`, () => abort.abort())
    const begun = performance.now()
    assert.equal((await readAll(source, abort.signal)).length, 2)
    assert.ok(performance.now() - begun < 4000)
    assert.match(source.problems.join(), /did not stop when told to and was killed/)
  })

  test('that cannot say which interface a packet was on captures without', async () => {
    const old = `case "$*" in *LINUX_SLL2*) echo 'dumpcap: The specified data link type "LINUX_SLL2" isn'"'"'t valid' >&2; exit 1;; esac; cat ${file}`
    const environment = fakeEnvironment('old', 'dumpcap', old)
    const source = openCapture({ interface: 'any', tool: 'dumpcap', environment })
    assert.equal((await readAll(source)).length, 2)
  })

  test('that may not be run, or may not capture, is a Mistake that says how to allow it', async () => {
    const refusing = `echo 'dumpcap: You do not have permission to capture on device "lo".
(socket: Operation not permitted)' >&2; exit 1`
    await assert.rejects(readAll(fake('refuses', refusing)), {
      code: 'E_CAPTURE_REFUSED',
      message: 'dumpcap may not capture on lo',
      hint: /sudo setcap cap_net_raw,cap_net_admin=eip/,
    })
  })

  test('other than dumpcap takes one interface at a time', () => {
    const environment = fakeEnvironment('tcpdump', 'tcpdump', 'exit 0')
    assert.throws(() => openCapture({ interface: ['lo', 'eth0'], tool: 'tcpdump', environment }), {
      code: 'E_CAPTURE_TOOL',
      message: 'tcpdump captures on one interface, or on any',
    })
    assert.ok(openCapture({ interface: ['lo', 'lo'], tool: 'tcpdump', environment }).live)
  })

  test('needs the name of an interface', () => {
    for (const name of [[], [''], ['lo', '']])
      assert.throws(() => openCapture({ interface: name }), { code: 'E_USAGE', message: /no interface/ })
  })

  /** A capture with a shell script in dumpcap's place. */
  function fake(name: string, script: string, onStart = () => {}) {
    const environment = fakeEnvironment(name, 'dumpcap', script)
    return openCapture({ interface: ['lo'], tool: 'dumpcap', onStart, environment })
  }

  function fakeEnvironment(name: string, tool: string, script: string) {
    const home = mkdtempSync(join(folder, `${name}-`))
    writeFileSync(join(home, tool), `#!/bin/sh\n${script}\n`)
    chmodSync(join(home, tool), 0o755)
    return { PATH: `${home}:${process.env.PATH}` }
  }
})

/** Captures until `count` packets were seen, sending with `send` once the capture runs; undefined = skipped. */
async function captureOf(t: TestContext, options: LiveOptions, count: number, send: () => void) {
  const abort = new AbortController()
  const source = openLiveOrSkip(t, { ...options, onStart: send })
  if (source === undefined) return undefined
  const tooLate = setTimeout(() => abort.abort(), 8000)
  const packets: SeenPacket[] = []
  try {
    for await (const batch of source.packets(abort.signal)) {
      packets.push(...packetsOf(batch))
      if (packets.length >= count) abort.abort()
    }
  } catch (error) {
    if (error instanceof Mistake && /may not capture/.test(error.message)) return skip(t, error.message)
    throw error
  } finally {
    clearTimeout(tooLate)
  }
  assert.ok(packets.length >= count, `${packets.length} of ${count} packets`)
  return { packets, source }
}

function openLiveOrSkip(t: TestContext, options: LiveOptions) {
  try {
    return openCapture(options)
  } catch (error) {
    if (error instanceof Mistake && error.code === 'E_CAPTURE_TOOL') return skip(t, error.message)
    throw error
  }
}

/** In CI the tools must be there and allowed to capture. */
function skip(t: TestContext, why: string): undefined {
  if (process.env.CI) throw new Error(why)
  t.skip(`live capture is not tested: ${why}`)
}

function textOf({ hex }: SeenPacket): string {
  return (
    Buffer.from(hex, 'hex')
      .toString('latin1')
      .match(/[a-z]+$/)?.[0] ?? ''
  )
}

function sendSoon(): void {
  const socket = createSocket('udp4')
  socket.send('hello', 45392, '127.0.0.1', () => socket.close())
}

/** Within a second; a process that nobody has collected yet is gone as well. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 20; tries++) {
    if (!isRunning(pid)) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  process.kill(pid, 'SIGKILL')
  return false
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const LINUX_SLL2 = 276
