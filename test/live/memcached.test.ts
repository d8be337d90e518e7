import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { freePort, untilListening } from '../../src/testing/ports.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

interface Asked {
  readonly protocol: string
  readonly command: string
  readonly keys: readonly string[]
  readonly value: string
  readonly noreply: boolean
}
interface Answered {
  readonly status: string
  readonly value: string
  readonly hits: number
  readonly stats: Readonly<Record<string, string>>
}
type Seen = Entry & { readonly request: Asked | null; readonly response: Answered | null }

describe('a memcached server and its clients', () => {
  test('text and meta commands', async (t) => {
    const entries = await follow(t, async (port) => {
      const socket = connect(port, '127.0.0.1').resume()
      const closed = once(socket, 'close')
      for (const [command] of CONVERSATION) await say(socket, command)
      await closed
    })
    if (entries === undefined) return
    assert.deepEqual(
      entries.map(({ request, response }) => [request?.command, response?.status]),
      CONVERSATION.flatMap(([command, ...replies]) =>
        replies.map((reply, index) => [/^\w+/.exec(commandsIn(command)[index] ?? '')?.[0], reply]),
      ),
    )
    const value = (key: string) =>
      entries.find(({ request, response }) => request?.keys[0] === key && (response?.hits ?? 0) > 0)?.response
        ?.value
    assert.deepEqual([value('greeting'), value('big')?.length], ['grüße', 100_000])
  })

  test('libmemcached, in text and in binary: as many commands, hits and misses as the server counts', async (t) => {
    for (const binary of [[], ['--binary']]) {
      const entries = await follow(t, async (port, folder) => {
        const run = (program: string, ...args: string[]) =>
          tool(program, [`--servers=127.0.0.1:${port}`, ...binary, ...args])
        await run('memccp', join(folder, 'small'), join(folder, 'large'))
        await run('memccat', 'small', 'large')
        await run('memccat', 'nothing').catch(() => {})
        await run('memcrm', 'small')
        await run('memctouch', 'large').catch(() => {})
        for (const what of ['set', 'get', 'mget'])
          await run('memcslap', '--concurrency=3', '--execute-number=30', `--test=${what}`)
        await run('memcstat')
      })
      if (entries === undefined) return
      const stats = entries.findLast(
        ({ request }) => request?.command === 'stats' && request.keys.length === 0,
      )
      const counted = stats?.response?.stats ?? {}
      const asked = entries.filter(
        ({ request }) => request?.protocol === (binary.length > 0 ? 'binary' : 'text'),
      )
      const gets = asked.filter(({ request }) => /^gets?$/.test(request?.command ?? ''))
      const keys = gets.reduce((sum, { request }) => sum + (request?.keys.length ?? 0), 0)
      const hits = gets.reduce((sum, { response }) => sum + (response?.hits ?? 0), 0)
      const sets = asked.filter(({ request }) => request?.command === 'set')
      assert.deepEqual([keys, hits, sets.length].map(String), [
        counted.cmd_get,
        counted.get_hits,
        counted.cmd_set,
      ])
      assert.ok(asked.length > 200)
    }
  })
})

/** What is sent in one go, and the statuses of the replies; undefined where there is none. */
const CONVERSATION: readonly (readonly [string, ...(string | undefined)[]])[] = [
  ['set greeting 5 0 7\r\ngrüße\r\n', 'STORED'],
  ['get greeting\r\n', 'END'],
  ['gets greeting nothing\r\n', 'END'],
  ['add greeting 0 0 1\r\nx\r\n', 'NOT_STORED'],
  ['append greeting 0 0 1\r\n!\r\n', 'STORED'],
  ['cas greeting 0 0 1 99\r\nx\r\n', 'EXISTS'],
  ['set n 0 0 1 noreply\r\n5\r\nincr n 3\r\n', undefined, '8'],
  ['incr greeting 1\r\n', 'CLIENT_ERROR'],
  ['touch n 60\r\n', 'TOUCHED'],
  ['gat 60 n\r\n', 'END'],
  ['delete n\r\n', 'DELETED'],
  ['delete n\r\n', 'NOT_FOUND'],
  [`set big 0 0 100000\r\n${'x'.repeat(100_000)}\r\n`, 'STORED'],
  ['get big\r\n', 'END'],
  ['nonsense\r\n', 'ERROR'],
  ['version\r\n', 'VERSION'],
  ['stats\r\n', 'END'],
  ['verbosity 0\r\n', 'OK'],
  ['ms m 2 T60\r\nhi\r\n', 'HD'],
  ['mg m v k O1\r\n', 'VA'],
  ['mg a k q\r\nmg m s k q\r\nmg b k q\r\nmn\r\n', undefined, 'HD', undefined, 'MN'],
  ['ma count N0 J5 v\r\n', 'VA'],
  ['md m q\r\nmn\r\n', undefined, 'MN'],
  ['flush_all\r\n', 'OK'],
  ['get a\r\nget b\r\nget c\r\n', 'END', 'END', 'END'],
  ['quit\r\n', undefined],
]

/** The lines that are no data. */
function commandsIn(sent: string): string[] {
  return sent
    .split('\r\n')
    .filter((line) => line.length < 1000 && /^[a-z]\w+( |$)/.test(line) && line !== 'hi')
}

/** What clients do with a server of their own, as entries. */
async function follow(
  t: TestContext,
  use: (port: number, folder: string) => Promise<void>,
): Promise<readonly Seen[] | undefined> {
  if (!hasTools(t, 'memcached', 'memccp', 'memcslap')) return undefined
  return await withFiles({ small: 'small', large: 'large'.repeat(10_000) }, async (folder) => {
    const port = await freePort()
    const rights = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    const server = spawn('memcached', [...rights, '-l', '127.0.0.1', '-p', String(port), '-U', '0'], {
      stdio: 'ignore',
    })
    const closed = once(server, 'close')
    try {
      await untilListening(port, server)
      const path = await captureLoopback(t, folder, `tcp port ${port}`, () => use(port, folder))
      if (path === undefined) return undefined
      const { entries, counters } = await readCapture(path)
      assert.deepEqual(counters.dissection.invalid, {})
      for (const { error } of entries) assert.equal(error, null)
      return entries as readonly Seen[]
    } finally {
      server.kill('SIGKILL')
      await closed
    }
  })
}

/** Sends something, and waits for what comes back. */
async function say(socket: Socket, text: string): Promise<void> {
  socket.write(text)
  await setTimeout(30)
}

async function tool(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program}: ${said}`)
}
