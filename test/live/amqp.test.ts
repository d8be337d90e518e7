import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { methodOf } from '../../src/dissectors/amqp/grammar.ts'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { type RabbitMq, rabbitMq } from '../../src/testing/rabbitmq-server.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { amqplib } from './amqp-node.ts'

type Message = Readonly<Record<string, unknown>>
type Seen = Entry & { readonly request: Message | null; readonly response: Message | null }

/** One server for all: it takes ten seconds and more to start. */
test('RabbitMQ, with pika, amqplib, amqp-tools, and mosquitto as clients', {
  timeout: 120_000,
}, async (t) => {
  if (!hasTools(t, 'rabbitmqctl', 'epmd', 'amqp-publish', 'mosquitto_pub', 'tshark') || !hasPika(t)) return
  const folder = await tempFolder(t)
  const server = await rabbitMq(t, folder)
  let pika = ''
  let node: string[] = []
  let tools: string[] = []
  const path = await captureLoopback(
    t,
    folder,
    `tcp port ${server.amqpPort} or tcp port ${server.mqttPort}`,
    async () => {
      pika = await run('/usr/bin/python3', [CLIENT, String(server.amqpPort)])
      node = await amqplib(server.amqpPort)
      tools = await amqpTools(server)
      await mqttTools(server)
    },
  )
  if (path === undefined) return
  const entries = (await readCapture(path)).entries as Seen[]
  const messages = entries.flatMap(({ protocol, request, response }) =>
    [request, response].flatMap((message) => (message === null ? [] : [pick(message, protocol.abbr)])),
  )
  const all = (method: string) => messages.filter((each) => each.method === method)

  await t.test('all of it is read', () => {
    assert.deepEqual(new Set(messages.map(({ protocol }) => protocol)), new Set(['AMQP', 'MQTT']))
    assert.ok(messages.every(({ incomplete }) => !incomplete))
  })

  await t.test('tshark sees the same methods', async () => {
    const ours = messages.flatMap(({ method }) => (method === undefined ? [] : [String(method)]))
    assert.deepEqual(ours.sort(), (await methodsIn(path, server)).sort())
  })

  await t.test('pika got what the entries show', () => {
    const [unroutable, first, second, ...rest] = JSON.parse(pika) as unknown[]
    assert.equal(unroutable, 'UnroutableError')
    assert.deepEqual([first, second], all('basic get-ok').slice(0, 2).map(bodyOf))
    assert.deepEqual(rest, [
      ...all('basic deliver')
        .slice(0, 3)
        .map(({ bodySize }) => bodySize),
      ...all('channel close')
        .flatMap(({ replyCode }) => (Number(replyCode) >= 400 ? [replyCode] : []))
        .slice(0, 2),
      all('queue delete-ok')[0]?.messageCount,
      'ProbableAccessDeniedError',
      'ProbableAuthenticationError',
    ])
    const [published] = all('basic publish')
    assert.equal(bodyOf(published), '{"number": 0}')
    assert.equal(
      JSON.stringify(published?.properties),
      '{"contentType":"application/json","contentEncoding":"","headers":{"x-id":7,"deep":{"er":true}},"deliveryMode":2,' +
        '"priority":5,"correlationId":"c","replyTo":"r","expiration":"60000","messageId":"m","timestamp":1700000000,' +
        '"type":"t","userId":"guest","appId":"a","clusterId":""}',
    )
    assert.equal(all('basic publish').map(bodyOf)[3], 'x'.repeat(5000))
  })

  await t.test('what failed is what the server logged', () => {
    const failures = entries.flatMap(({ error, base }) =>
      error === null || base.method.endsWith('close') ? [] : [`${base.method}: ${error.msg}`],
    )
    assert.deepEqual(failures, [
      "queue declare: the channel was closed: 404 NOT_FOUND - no queue 'missing' in vhost '/'",
      "exchange declare: the channel was closed: 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'logs' in vhost '/': received 'direct' but current is 'topic'",
      'connection open: the connection was closed: 530 NOT_ALLOWED - vhost /missing not found',
      "basic get: the channel was closed: 404 NOT_FOUND - no queue 'nobody' in vhost '/'",
    ])
    for (const text of [
      "no queue 'missing'",
      "inequivalent arg 'type' for exchange 'logs'",
      'vhost /missing not found',
    ])
      assert.ok(server.log().includes(text), text)
    const accepted = server.log().match(/ accepting AMQP connection /g)?.length
    assert.equal(all('connection start').length, accepted)
    assert.equal(all('connection start-ok').filter(({ user }) => user === 'guest').length, accepted)
  })

  await t.test('amqplib got what the entries show, and what it gave back came again', () => {
    const theirs = entries.flatMap(({ request }) => (request?.exchange === 'node' ? [request] : []))
    const sent = theirs.filter(({ method }) => method === 'basic publish')
    const delivered = theirs.filter(({ method }) => method === 'basic deliver')
    const [returned] = all('basic return').slice(-1)
    assert.equal(bodyOf(returned), 'returned')
    assert.deepEqual(sent.map(bodyOf).sort(), [...node, 'returned'].sort())
    const again = delivered.filter(({ redelivered }) => redelivered).length
    assert.ok(again > 10)
    assert.equal(delivered.length, node.length + again)
    assert.deepEqual([...new Set(delivered.map(bodyOf))].sort(), node)
  })

  await t.test('amqp-tools got what the entries show', () => {
    assert.deepEqual(tools, ['one', 'two', 'three'])
    assert.deepEqual(
      [...all('basic get-ok').slice(-1), ...all('basic deliver').slice(-2)].map(bodyOf),
      tools.map((text) => `${text}\n`),
    )
  })

  await t.test('a message goes to the server, and to who has subscribed', () => {
    assert.deepEqual(
      messages
        .filter(({ type }) => type === 'PUBLISH')
        .map(({ from, topic, payload }) => [from, topic, payload])
        .sort(),
      [
        ['client', 'a/b', 'by mqtt'],
        ['server', 'a/b', 'by mqtt'],
      ],
    )
  })
})

/** Returns the messages that the programs got. */
async function amqpTools({ amqpPort }: RabbitMq): Promise<string[]> {
  const tool = (name: string, ...args: readonly string[]) =>
    run(name, ['-u', `amqp://guest:guest@127.0.0.1:${amqpPort}`, ...args])
  await tool('amqp-declare-queue', '-q', 'jobs', '-d')
  for (const text of ['one', 'two', 'three'])
    await tool('amqp-publish', '-r', 'jobs', '-p', '-b', `${text}\n`)
  const first = await tool('amqp-get', '-q', 'jobs')
  const others = await tool('amqp-consume', '-q', 'jobs', '-c', '2', 'cat')
  await assert.rejects(tool('amqp-get', '-q', 'nobody'))
  await tool('amqp-delete-queue', '-q', 'jobs')
  return `${first}${others}`.trim().split('\n')
}

/** One client subscribes, and another publishes what it gets. */
async function mqttTools({ mqttPort }: RabbitMq): Promise<void> {
  const server = [
    '-h',
    '127.0.0.1',
    '-p',
    String(mqttPort),
    '-u',
    'guest',
    '-P',
    'guest',
    '-t',
    'a/b',
    '-q',
    '1',
  ]
  // Into a pipe it would say that it has subscribed when it is over.
  const subscriber = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...server, '-C', '1', '-W', '20', '-d'])
  let said = ''
  subscriber.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = once(subscriber, 'close')
  while (!said.includes('SUBACK') && subscriber.exitCode === null) await setTimeout(50)
  await run('mosquitto_pub', [...server, '-m', 'by mqtt'])
  await ended
  assert.match(said, /^by mqtt$/m)
}

/** What tshark finds in a capture. */
async function methodsIn(path: string, { amqpPort }: RabbitMq): Promise<string[]> {
  const fields = ['-e', 'amqp.method.class', '-e', 'amqp.method.method']
  const rows = await run('tshark', [
    '-r',
    path,
    '-d',
    `tcp.port==${amqpPort},amqp`,
    '-T',
    'fields',
    ...fields,
  ])
  return rows.split('\n').flatMap((row) => {
    const [classes = [], methods = []] = row
      .split('\t')
      .map((each) => each.split(',').filter(Boolean).map(Number))
    return classes.map(
      (classId, at) => methodOf(classId, methods[at] ?? 0)?.name ?? `${classId} ${methods[at]}`,
    )
  })
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 30_000 })
  return stdout
}

/** Of Debian's Python: another may come first. */
function hasPika(t: TestContext): boolean {
  if (spawnSync('/usr/bin/python3', ['-c', 'import pika']).status === 0) return true
  if (process.env.CI) throw new Error('not installed: python3-pika')
  t.skip('not installed: python3-pika')
  return false
}

/** The fields that are compared; most of them are getters. */
function pick(message: Message, protocol: string): Message {
  return { ...Object.fromEntries(FIELDS.map((name) => [name, message[name]])), protocol }
}

function bodyOf(message: Message | undefined): string {
  return Buffer.from(String(message?.body), 'base64').toString()
}

const FIELDS = [
  ...['method', 'body', 'bodySize', 'properties', 'replyCode', 'messageCount', 'user', 'incomplete'],
  ...['type', 'from', 'topic', 'payload'],
]
const CLIENT = fileURLToPath(new URL('amqp-client.py', import.meta.url))
