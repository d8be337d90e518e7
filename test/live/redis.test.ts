import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { freePort, untilListening } from '../../src/testing/ports.ts'
import { run, startProgram } from '../../src/testing/programs.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

interface Command {
  readonly command: string
  readonly args: readonly string[]
}
interface Reply {
  readonly type: string
  readonly value: string
  readonly error: string
}
type Seen = Entry & { readonly request: Command | null; readonly response: Reply | null }

describe('a Redis server and its clients', () => {
  for (const version of [2, 3])
    test(`redis-cli with RESP${version}: what the server counts, calls, failures and refusals`, async (t) => {
      let printed = ''
      const { entries, counted } = await follow(t, async (port) => {
        printed = await cli(port, [`-${version}`], COMMANDS)
      })
      assert.deepEqual(tally(entries), counted)
      const failures = entries.flatMap(({ response }) => (response?.error ? [response.error] : []))
      assert.ok(failures.length > 4)
      for (const failure of failures) assert.ok(printed.includes(failure), failure)
      const reply = (command: string) => entries.find(({ request }) => request?.command === command)?.response
      assert.deepEqual([reply('GET')?.value, reply('GETRANGE')?.value.length], ['grüße', 50_000])
      assert.equal(reply('HGETALL')?.type, version === 3 ? 'Map' : 'Array')
    })

  test('redis-benchmark: pipelines of many clients', async (t) => {
    const { entries, counted } = await follow(t, async (port) => {
      const common = ['-p', String(port), '-q', '-n', '3000', '-c', '20']
      const { code } = await run('redis-benchmark', [...common, '-P', '16', '-t', 'set,get,incr,lpush,mset'])
      assert.equal(code, 0)
      assert.equal((await run('redis-benchmark', [...common, '-t', 'ping,lrange_100', '-d', '500'])).code, 0)
    })
    assert.deepEqual(tally(entries), counted)
    assert.ok(entries.length > 15_000)
    assert.ok(entries.every(({ request, response }) => request !== null && response !== null))
  })

  test('publish and subscribe', async (t) => {
    let heard = ''
    const { entries } = await follow(t, async (port) => {
      const args = ['-p', String(port), '--csv', 'psubscribe', 'news.*']
      const subscriber = spawn('redis-cli', args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const all = text(subscriber.stdout)
      const count = () => cli(port, [], ['pubsub numpat'])
      while (!(await count()).includes('1')) await new Promise((resolve) => setTimeout(resolve, 20))
      await cli(port, [], ['publish news.a one', 'publish news.b zwölf', 'publish old.a never'])
      subscriber.kill('SIGINT')
      heard = await all
    })
    const messages = entries.flatMap(({ request, response }) =>
      request === null && response !== null ? [response.value] : [],
    )
    assert.equal(messages.length, 2)
    assert.ok(heard.includes('"news.a","one"'))
    assert.match(messages[0] ?? '', /news\.a, one/)
    assert.match(messages[1] ?? '', /news\.b, zwölf/)
  })
})

const COMMANDS = [
  'ping',
  'set greeting grüße',
  'get greeting',
  'lpush greeting x',
  'get nothing',
  'incr n',
  'incr greeting',
  'rpush list a b c',
  'lrange list 0 -1',
  'hset hash field value n 5',
  'hgetall hash',
  'zadd sorted 1.5 a 2 b',
  'zrange sorted 0 -1 withscores',
  'sadd set a b',
  'sismember set a',
  'setrange big 49999 x',
  'getrange big 0 -1',
  'multi',
  'set in transaction',
  'incr list',
  'exec',
  'multi',
  'discard',
  "eval 'return {1, KEYS[1], false}' 1 greeting",
  "eval 'nonsense(' 0",
  'nosuchcommand a b',
  'get',
  'scan 0',
  'expire greeting 100',
  'object encoding n',
  'xadd stream * field value',
  'xrange stream - +',
  'del greeting list',
  'select 99',
  'select 1',
  'dbsize',
]

interface Followed {
  readonly entries: readonly Seen[]
  /** How often each command was called, refused before the call or failed, as the server tells. */
  readonly counted: Readonly<Record<string, number>>
}

/** What clients do with a server of their own, as entries, and what the server counted meanwhile. */
async function follow(t: TestContext, use: (port: number) => Promise<void>): Promise<Followed> {
  const nothing = { entries: [], counted: {} }
  if (!hasTools(t, 'redis-server', 'redis-cli', 'redis-benchmark')) return nothing
  const folder = await tempFolder(t)
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const server = startProgram(t, 'redis-server', settings)
  await untilListening(port, server)
  let stats = ''
  const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
    await use(port)
    stats = await cli(port, [], ['info commandstats'])
  })
  if (path === undefined) return nothing
  const { entries, counters } = await readCapture(path)
  assert.deepEqual(counters.dissection.invalid, {})
  return { entries: entries as readonly Seen[], counted: countsOf(stats) }
}

/** redis-cli with a command a line; returns what it printed. */
async function cli(port: number, options: readonly string[], commands: readonly string[]): Promise<string> {
  const child = spawn('redis-cli', ['-p', String(port), ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(commands.map((command) => `${command}\n`).join(''))
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
  return printed
}

/** Commands of clients by name, but for those that no server knows and the one that asks for its counts. */
function tally(entries: readonly Seen[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { request } of entries) {
    const name = request?.command ?? ''
    if (name !== '' && name !== 'INFO' && name !== UNKNOWN) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** `cmdstat_config|get:calls=2,usec=9,usec_per_call=4.5,rejected_calls=0,failed_calls=0`; failed ones are among the calls. */
function countsOf(stats: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [, name = '', calls, rejected] of stats.matchAll(
    /^cmdstat_(\w+)\S*?:calls=(\d+),.*rejected_calls=(\d+)/gm,
  )) {
    const command = name.toUpperCase()
    counts[command] = (counts[command] ?? 0) + Number(calls) + Number(rejected)
  }
  return counts
}

const UNKNOWN = 'NOSUCHCOMMAND'
