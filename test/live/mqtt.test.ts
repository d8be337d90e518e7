import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { type Mosquitto, mosquitto } from '../../src/testing/mosquitto-server.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { until } from '../../src/testing/until.ts'
import { type Got, mqttJs } from './mqtt-node.ts'

type Message = Readonly<Record<string, unknown>>
type Seen = Entry & { readonly request: Message | null; readonly response: Message | null }

test('mosquitto, its clients, MQTT.js, and a bridge to another one', { timeout: 60_000 }, async (t) => {
  if (!hasTools(t, 'mosquitto', 'mosquitto_passwd', 'mosquitto_sub', 'mosquitto_rr', 'tshark')) return
  const folder = await tempFolder(t)
  const passwords = join(folder, 'passwords')
  writeFileSync(passwords, '')
  await run('mosquitto_passwd', ['-b', passwords, 'ann', 'secret'])
  const open = await mosquitto(t, folder, ['allow_anonymous true', 'max_topic_alias 10'])
  const closed = await mosquitto(t, folder, ['allow_anonymous false', `password_file ${passwords}`])
  let printed: readonly string[] = []
  let got: readonly Got[] = []
  const ports = `tcp port ${open.port} or tcp port ${closed.port}`
  const path = await captureLoopback(t, folder, ports, async () => {
    printed = await subscribersOf(open, async () => {
      await publish(open)
      await mosquitto(
        t,
        folder,
        BRIDGE.map((line) => line.replace('PORT', String(open.port))),
      )
      await until(() => open.log().includes('Sending SUBACK to bridge'))
      await client(open, 'pub', '-t', 'a/end', '-m', 'end', '-q', '2')
    })
    got = await mqttJs(open.port)
    await client(open, 'sub', '-t', 'a/kept', '-U', 'a/kept', '-k', '5', '-W', '6').catch(() => {})
    await client(open, 'rr', '-V', 'mqttv5', '-t', 'ask', '-e', 'answer', '-m', '?', '-W', '1').catch(
      () => {},
    )
    for (const version of ['mqttv311', 'mqttv5'])
      for (const password of ['secret', 'wrong'])
        await client(closed, 'pub', '-V', version, '-t', 'a', '-m', 'x', '-u', 'ann', '-P', password).catch(
          () => {},
        )
  })
  if (path === undefined) return
  const entries = (await readCapture(path)).entries as Seen[]
  const messages = entries.flatMap(({ request, response }) =>
    [request, response].filter((each) => each !== null),
  )

  await t.test('all of it is read, and paired', () => {
    assert.deepEqual(
      new Set(entries.map(({ protocol }) => `${protocol.abbr} ${protocol.version}`)),
      new Set(VERSIONS),
    )
    assert.ok(messages.every(({ incomplete }) => incomplete === false))
    assert.deepEqual(
      entries.flatMap(({ base, error }) => (error === null ? [] : [`${base.method}: ${error.msg}`])),
      [],
    )
  })

  await t.test('the packets are those that the servers logged', () => {
    const ours = messages.filter(({ type }) => type !== 'CONNECT').map(({ from, type }) => `${from} ${type}`)
    const logged = [open, closed].flatMap(({ log }) => [...log().matchAll(LOGGED)])
    assert.deepEqual(
      ours.sort(),
      logged.map(([, verb, type]) => `${verb === 'Sending' ? 'server' : 'client'} ${type}`).sort(),
    )
    const publications = messages.filter(({ type }) => type === 'PUBLISH')
    assert.deepEqual(
      publications
        .map(({ from, topic, qos, payloadLength }) => `${from} ${topic} ${qos} ${payloadLength}`)
        .sort(),
      [...open.log().matchAll(PUBLICATION), ...closed.log().matchAll(PUBLICATION)]
        .map(
          ([, verb, qos, topic, length]) =>
            `${verb === 'Sending' ? 'server' : 'client'} ${topic} ${qos} ${length}`,
        )
        .sort(),
    )
  })

  await t.test('tshark sees the same packets', async () => {
    const decoded = [open, closed].flatMap(({ port }) => ['-d', `tcp.port==${port},mqtt`])
    const types = await run('tshark', ['-r', path, ...decoded, '-T', 'fields', '-e', 'mqtt.msgtype'])
    const counted = types.split(/[\n,]/).filter(Boolean)
    assert.deepEqual(messages.map(({ type }) => String(TYPES.indexOf(String(type)))).sort(), counted.sort())
  })

  await t.test('who has subscribed got what the entries show', () => {
    for (const lines of printed)
      for (const line of lines.trim().split('\n')) {
        const [, topic, payload = ''] = /^(\S+) (.*)$/.exec(line) ?? []
        assert.ok(
          messages.some(
            (each) =>
              each.from === 'server' &&
              each.topic === topic &&
              each.payload === payload.replace('(null)', ''),
          ),
          line,
        )
      }
  })

  await t.test('MQTT.js got what the entries show', () => {
    const shown = messages.filter(({ from, topic }) => from === 'server' && String(topic).startsWith('js/'))
    const line = ({ topic, payload, qos }: Message | Got) => `${topic} ${qos} ${payload}`
    assert.deepEqual(shown.map(line).sort(), got.map(line).sort())
    assert.equal(got.length, 122)
  })

  await t.test('properties, wills, refusals', () => {
    const withProperties = messages.find(
      ({ from, topic, protocolVersion }) => from === 'server' && topic === 'a/five' && protocolVersion === 5,
    )
    assert.deepEqual(JSON.parse(JSON.stringify(withProperties?.properties)), PROPERTIES)
    const aliases = messages.filter(({ from, topic }) => from === 'client' && topic === 'a/alias')
    assert.equal(aliases.length, 3)
    const will = messages.find(({ clientId }) => clientId === 'w')?.will as { topic: string; payload: string }
    assert.deepEqual([will.topic, will.payload], ['a/will', 'gone'])
    const logins = entries.filter(({ request }) => request?.username === 'ann')
    assert.deepEqual(
      logins.map(({ base, response }) => [base.status, response?.reason]),
      [
        [0, 'Connection accepted'],
        [5, 'Not authorized'],
        [0, 'Success'],
        [135, 'Not authorized'],
      ],
    )
    assert.ok(logins.every(({ request }) => request?.password === '[REDACTED]'))
  })
})

/** Subscribes in all three versions while `use` runs; returns what each has printed. */
async function subscribersOf(server: Mosquitto, use: () => Promise<void>): Promise<readonly string[]> {
  const before = server.log().match(/Sending SUBACK/g)?.length ?? 0
  const filters = ['-t', 'a/#', '-t', 'b/+', '-q', '2', '-v', '-C', String(PUBLISHED), '-W', '20']
  const all = ['mqttv31', 'mqttv311', 'mqttv5'].map((version) =>
    client(server, 'sub', '-V', version, '-i', `sub-${version}`, ...filters),
  )
  await until(() => (server.log().match(/Sending SUBACK/g)?.length ?? 0) - before === all.length)
  await use()
  return await Promise.all(all)
}

/** Publishes `PUBLISHED` messages, but for the last one. */
async function publish(server: Mosquitto): Promise<void> {
  const pub = (...args: readonly string[]) => client(server, 'pub', ...args)
  await pub('-V', 'mqttv31', '-t', 'a/three', '-m', 'zero')
  await pub('-V', 'mqttv311', '-t', 'a/kept', '-m', 'grün', '-q', '1', '-r')
  await pub('-V', 'mqttv31', '-t', 'b/x', '-m', 'two', '-q', '2')
  await pub('-t', 'a/nothing', '-n')
  await pub(
    '-t',
    'a/large',
    '-m',
    'x'.repeat(5000),
    '-q',
    '1',
    '-i',
    'w',
    '--will-topic',
    'a/will',
    '--will-payload',
    'gone',
  )
  await pub(
    '-V',
    'mqttv5',
    '-t',
    'a/alias',
    '-m',
    'again',
    '-q',
    '1',
    '--repeat',
    '3',
    '-D',
    'publish',
    'topic-alias',
    '3',
  )
  const properties = {
    'content-type': 'application/json',
    'response-topic': 're/ply',
    'correlation-data': 'abc',
    'payload-format-indicator': '1',
  }
  const given = Object.entries(properties).flatMap((each) => ['-D', 'publish', ...each])
  const users = ['v', 'w'].flatMap((value) => ['-D', 'publish', 'user-property', 'k', value])
  await pub('-V', 'mqttv5', '-t', 'a/five', '-m', '{"t":21}', '-q', '2', ...given, ...users)
}

/** One of mosquitto's programs; returns what it printed. */
function client({ port }: Mosquitto, name: string, ...args: readonly string[]): Promise<string> {
  return run(`mosquitto_${name}`, ['-h', '127.0.0.1', '-p', String(port), ...args])
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 30_000 })
  return stdout
}

const PUBLISHED = 10
const BRIDGE = [
  'connection bridge',
  'address 127.0.0.1:PORT',
  'remote_clientid bridge',
  'topic a/# in 1',
  'notifications false',
]
const VERSIONS = ['MQTT 3.1', 'MQTT 3.1.1', 'MQTT 5']
/** `Received PUBLISH from sub (…)`, `Sending PUBACK to …` */
const LOGGED = /: (Received|Sending) ([A-Z]+) (?:from|to) /g
const PUBLICATION =
  /: (Received|Sending) PUBLISH (?:from|to) \S+ \(d\d, q(\d), r\d, m\d+, '([^']*)', \.\.\. \((\d+) bytes\)\)/g
const PROPERTIES = {
  payloadFormatIndicator: 1,
  contentType: 'application/json',
  responseTopic: 're/ply',
  correlationData: 'YWJj',
  userProperties: { k: ['v', 'w'] },
}
const TYPES = [
  '',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
].concat(['UNSUBSCRIBE', 'UNSUBACK', 'PINGREQ', 'PINGRESP', 'DISCONNECT', 'AUTH'])
