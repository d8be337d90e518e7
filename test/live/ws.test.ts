import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

const PYTHON = '/usr/bin/python3'
/** The server and the client send this text in three frames. */
const IN_PIECES = 'in piéces'

/** The websockets library of Python at both ends, and the client in Node. The server sends back what it gets. */
describe('WebSocket', () => {
  const numbers = JSON.stringify(Array.from({ length: 300 }, (_, n) => n))
  const noise = Buffer.from(Array.from({ length: 70_000 }, (_, at) => ((at * 2_654_435_761) >>> 13) & 0xff))
  const messages: readonly (string | Buffer)[] = [
    'hello',
    '',
    'héllo 世界 🎉',
    numbers,
    `${numbers} again`,
    'x'.repeat(125),
    'y'.repeat(126),
    'z'.repeat(65_536),
    Buffer.from([0, 1, 2, 255]),
    noise,
    IN_PIECES,
    'so much '.repeat(5 << 17),
    `${numbers} after all that`,
  ]

  for (const compression of ['None', '"deflate"'])
    test(`of Python with compression ${compression}`, async (t) => {
      const entries = await compare(t, (url) =>
        python(CLIENT, [url, compression], JSON.stringify(messages.map(toJson))),
      )
      if (entries === undefined) return
      assert.deepEqual(
        entries.flatMap(({ request, base }) =>
          request !== null && base.method === 'ping' ? [base.summary] : [],
        ),
        ['are you there'],
      )
    })

  test('of Node', async (t) => {
    await compare(t, (url) => {
      const socket = new WebSocket(url, ['chat'])
      socket.binaryType = 'arraybuffer'
      const left = [...messages, 'bye']
      const next = () => socket.send(left.shift() as string)
      socket.onopen = next
      socket.onmessage = next
      return new Promise<void>((resolve, reject) => {
        socket.onclose = () => resolve()
        socket.onerror = () => reject(new Error('the connection broke'))
      })
    })
  })

  /** What crossed is what was sent, in both directions, and the server closed with a code and a reason. */
  async function compare(
    t: TestContext,
    use: (url: string) => Promise<unknown>,
  ): Promise<readonly Entry[] | undefined> {
    if (!hasWebsockets(t)) return undefined
    return await withFiles({}, async (folder) => {
      const port = await startServer(t)
      const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
        await use(`ws://127.0.0.1:${port}/chat?room=1`)
      })
      if (path === undefined) return undefined
      const { entries, counters } = await readCapture(path, { maxBody: 8 << 20 })
      const [handshake, ...frames] = entries
      assert.equal(handshake?.base.status, 101)
      const whole = frames.filter(({ request, response }) => isEnd((request ?? response) as Frame))
      const shown = messages.map((message) => shownAs(message))
      assert.deepEqual(
        whole.flatMap(({ request }) => (request === null ? [] : [seen(request as Frame)])),
        [...shown, 'bye'],
      )
      assert.deepEqual(
        whole.flatMap(({ response }) => (response === null ? [] : [seen(response as Frame)])),
        shown,
      )
      const closes = frames.filter(({ base }) => base.method === 'close')
      assert.deepEqual(
        closes.map(({ base }) => base.status),
        [4001, 4001],
      )
      assert.equal(closes[0]?.base.summary, 'see you')
      for (const { request, response } of frames) {
        const { path, subprotocol } = (request ?? response) as Frame
        assert.deepEqual([path, subprotocol], ['/chat', 'chat'])
      }
      assert.equal(counters.reassembly.deliveredBytes, counters.dissection.dissected)
      return frames
    })
  }
})

interface Frame {
  readonly fin: boolean
  readonly messageType: string
  readonly payloadData: string
  readonly truncated: boolean
  readonly compressed: boolean
  readonly path: string
  readonly subprotocol: string
}

/** The last frame of a text or a binary message. */
function isEnd({ fin, messageType }: Frame): boolean {
  return fin && messageType !== ''
}

/** Long ones by their length: what is compressed is shown up to 4 MiB. */
function seen({ payloadData, truncated, compressed }: Frame): string {
  const isCut = compressed && payloadData.length === 4 << 20
  assert.equal(truncated, isCut)
  return payloadData.length < 4 << 20 ? payloadData : 'much'
}

function shownAs(message: string | Buffer): string {
  if (typeof message !== 'string') return message.toString('base64')
  return message.length < 4 << 20 ? message : 'much'
}

function toJson(message: string | Buffer): object {
  return typeof message === 'string' ? { text: message } : { binary: message.toString('base64') }
}

const SERVER = `
import asyncio, websockets
async def pieces():
    for piece in ('in ', 'pié', 'ces'): yield piece
async def echo(socket, path=None):
    async for message in socket:
        if message == 'bye': return await socket.close(4001, 'see you')
        await socket.send(pieces() if message == '${IN_PIECES}' else message)
async def main():
    async with websockets.serve(echo, '127.0.0.1', 0, max_size=None, subprotocols=['chat']) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
`

const CLIENT = `
import asyncio, base64, json, sys, websockets
async def pieces():
    for piece in ('in ', 'pié', 'ces'): yield piece
async def main():
    compression = 'deflate' if sys.argv[2] == '"deflate"' else None
    async with websockets.connect(sys.argv[1], compression=compression, max_size=None, subprotocols=['chat']) as socket:
        for message in json.load(sys.stdin):
            data = message['text'] if 'text' in message else base64.b64decode(message['binary'])
            await socket.send(pieces() if data == '${IN_PIECES}' else data)
            assert await socket.recv() == data
        await (await socket.ping('are you there'))
        await socket.send('bye')
        try: await socket.recv()
        except websockets.ConnectionClosed as closed: assert closed.rcvd.code == 4001
asyncio.run(main())
`

/** Debian's python3-websockets; in CI it must be there. */
function hasWebsockets(t: TestContext): boolean {
  const { status } = spawnSync(PYTHON, ['-c', 'import websockets'])
  if (status === 0) return true
  const message = 'not installed: python3-websockets'
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}

async function startServer(t: TestContext): Promise<number> {
  const server = spawn(PYTHON, ['-c', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => server.kill())
  const [said] = (await once(server.stdout, 'data')) as [Buffer]
  return Number(said.toString())
}

async function python(program: string, args: readonly string[], input: string): Promise<void> {
  const child = spawn(PYTHON, ['-c', program, ...args])
  child.stdin.end(input)
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (code !== 0) throw new Error(`the client ended with ${code}: ${said}`)
}
