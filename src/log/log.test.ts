import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { type LogOptions, type LogRecord, openLog } from './log.ts'

describe('the log', () => {
  test('is a line of JSON for each event, with who says it and when', () => {
    const { log, lines } = opened({ level: 'info' })
    log.debug('not wanted')
    log.info('the bus is connected', { url: 'nats://10.0.0.1:4222', tries: 3 })
    log.error('no room', { error: new Mistake('E_STORE', 'the disk is full'), level: 7, msg: 'x' })
    assert.deepEqual(lines().map(parsed), [
      {
        ...{ time: '2023-11-14T22:13:20.000Z', level: 'info', component: 'worker', node: 'node-1' },
        msg: 'the bus is connected',
        ...{ url: 'nats://10.0.0.1:4222', tries: 3 },
      },
      {
        ...{ time: '2023-11-14T22:13:20.000Z', level: 'error', component: 'worker', node: 'node-1' },
        msg: 'no room',
        error: { name: 'Mistake', message: 'the disk is full', code: 'E_STORE' },
        ...{ level_: 7, msg_: 'x' },
      },
    ])
  })

  test('never has secrets, wherever they stand', () => {
    const { log, lines } = opened({})
    const secret = 'hunter2hunter2'
    log.error(`cannot reach nats://remora:${secret}@10.0.0.1:4222`, {
      password: secret,
      nested: { deep: [{ apiKey: secret, Authorization: [secret] }] },
      header: `Authorization: Bearer ${secret}`,
      address: `https://x.example/hook?a=1&token=${secret}&b=2`,
      slackWebhook: secret,
      creds: secret,
      error: new Error(`refused: http://u:${secret}@h/`, { cause: new Error(`token=Basic ${secret}`) }),
      tokens: 12,
    })
    const text = lines().join('')
    assert.ok(!text.includes(secret), text)
    assert.match(text, /nats:\/\/\*\*\*@10\.0\.0\.1:4222/)
    assert.match(text, /token=\*\*\*&b=2/)
    assert.match(text, /"tokens":12/)
  })

  test('has short lines whatever it is given', () => {
    const { log, lines } = opened({})
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`k${at}`, at]))
    log.error('x'.repeat(1e6), {
      ...{ circle, wide, big: 10n, list: new Array(1e5).fill('y'), bytes: new Uint8Array(9) },
      when: new Date(Number.NaN),
      run: () => {},
    })
    const [line = ''] = lines()
    assert.ok(line.length < 20_000, String(line.length))
    const { big, bytes, when } = parsed(line)
    assert.deepEqual([big, bytes, when], ['10', '9 bytes', 'never'])
  })

  test('says what repeats a few times, and then how often', () => {
    const { log, lines } = opened({})
    for (let at = 0; at < 100; at++) log.warning('the link is down', { at })
    log.warning('something else')
    assert.equal(lines().length, 6)
    log.close()
    assert.deepEqual(parsed(lines().at(-1) ?? '').repeated, 95)
    assert.equal(log.dropped.repeated, 95)
  })

  test('tells who listens, but not of what comes of that', () => {
    const { log, lines } = opened({})
    const heard: LogRecord[] = []
    const stop = log.onLine((record) => {
      heard.push(record)
      log.error(`heard ${record.msg}`)
      throw new Error('the listener is broken')
    })
    log.error('one', { token: 'abc' })
    log.aside.error('onLogCall failed')
    assert.deepEqual(
      heard.map(({ msg, fields }) => [msg, fields]),
      [['one', { token: '***' }]],
    )
    assert.deepEqual(
      lines().map((line) => parsed(line).msg),
      ['one', 'heard one', 'onLogCall failed'],
    )
    for (let at = 0; at < 500; at++) log.error(`many ${at}`)
    assert.equal(heard.length, 100)
    stop()
    log.error('two')
    assert.equal(heard.length, 100)
  })

  test('keeps the last lines', () => {
    const { log } = opened({})
    for (let at = 0; at < 3000; at++) log.error(`line ${at}`)
    assert.equal(log.last().length, 1000)
    assert.deepEqual(
      log.last(2).map(({ msg }) => msg),
      ['line 2998', 'line 2999'],
    )
  })

  test('is for people on a terminal', () => {
    const { log, lines } = opened({}, true)
    log.error('no room\u001b[2J\nat all', { folder: '/var/x', free: 0 })
    const [line = ''] = lines()
    assert.match(line, /22:13:20.*error.*no room at all folder=\/var\/x free=0\n$/)
    assert.ok(!line.includes('\u001b[2J'))
  })
})

function opened(options: Partial<LogOptions>, isTTY = false) {
  const written: string[] = []
  const log = openLog({
    level: 'warning',
    component: 'worker',
    node: 'node-1',
    stream: { isTTY, write: (text: string) => void written.push(text) },
    now: () => 1_700_000_000_000,
    ...options,
  })
  return { log, lines: () => written }
}

function parsed(line: string): Record<string, unknown> {
  assert.ok(line.endsWith('\n'))
  return JSON.parse(line)
}
