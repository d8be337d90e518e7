import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { WebClient } from '@slack/web-api'
import { callHelpers } from '../../testing/call-helpers.ts'
import { describeFailures, type SinkNetwork } from '../../testing/describe-failures.ts'
import { httpServer } from '../../testing/http-server.ts'
import { slackServer } from '../../testing/slack-server.ts'
import { Refusal, retryOf } from '../answer.ts'
import { readArguments } from '../arguments.ts'
import { dispatch } from '../dispatch.ts'
import type { HttpRequest } from '../helper.ts'
import { namespaces } from '../index.ts'
import { slackBot } from './slack.ts'

async function open(t: TestContext, api?: string, network: Partial<SinkNetwork> = {}) {
  const env = api === undefined ? {} : { SLACK_API_URL: api }
  const { call, rehearse, ...opened } = await callHelpers(t, { ...network, env })
  return {
    ...opened,
    call: (name: string, ...args: unknown[]) => call(`vendor.${name}`, ...args),
    rehearse: (name: string, ...args: unknown[]) => rehearse(`vendor.${name}`, ...args),
  }
}

const CHANNEL = 'C0123456789'

describe('vendor.slack', () => {
  test('posts an attachment to an incoming webhook', async (t) => {
    const slack = await slackServer(t)
    const { call } = await open(t)
    const answer = await call('slack', slack.webhook, 'Checkout', 'answers *500*', '#D10000')
    assert.equal(answer, undefined)
    assert.deepEqual(slack.messages, [
      { fallback: 'Checkout', pretext: 'Checkout', text: 'answers *500*', color: '#D10000' },
    ])
  })

  test('throws what Slack says, and not the address', async (t) => {
    const server = await httpServer(t, (_, response) => response.writeHead(404).end('no_service'))
    const { call } = await open(t)
    await assert.rejects(call('slack', `${server.url}/services/T0/B0/secret`, 'a', 'b', ''), {
      code: 'E_HELPER_FAILED',
      message: `vendor.slack: 127.0.0.1:${server.port} answered 404: no_service`,
    })
  })
})

describe('vendor.slackBot', () => {
  test('posts with five, six and seven arguments', async (t) => {
    const slack = await slackServer(t)
    const { folder, call } = await open(t, slack.api)
    await writeFile(join(folder, 'a.json'), '{}')
    const message = ['xoxb-good', CHANNEL, 'Checkout', 'answers 500', 'd10000'] as const
    assert.equal(await call('slackBot', ...message), undefined)
    await call('slackBot', ...message, { Node: 'node-a', Port: 80, None: undefined, Long: 'x'.repeat(60) })
    await call('slackBot', ...message, {}, { 'data.json': 'a.json' })
    const timestamp = { title: 'Timestamp', value: '2026-01-01T00:00:00.123Z', short: true }
    assert.deepEqual(
      slack.messages.map(({ fields }) => fields),
      [
        [timestamp],
        [
          timestamp,
          { title: 'Node', value: 'node-a', short: true },
          { title: 'Port', value: '80', short: true },
          { title: 'Long', value: 'x'.repeat(60), short: false },
        ],
        [timestamp],
      ],
    )
    assert.deepEqual([...new Set(slack.messages.map(({ color }) => color))], ['#d10000'])
    assert.deepEqual(slack.files, [
      {
        name: 'data.json',
        title: 'data.json',
        bytes: Buffer.from('{}'),
        channel: CHANNEL,
        thread: slack.messages[2]?.ts,
      },
    ])
  })

  test('says the same to Slack as the client of Slack', async (t) => {
    const slack = await slackServer(t)
    const { folder, call } = await open(t, slack.api)
    const bytes = randomBytes(300_000)
    await writeFile(join(folder, 'stream.pcap'), bytes)
    const fields = { Node: 'näme & more', Pod: 'a=b+c' }
    const files = { 'ein "ström".pcap': 'stream.pcap' }
    // By a name of the channel: files want its id, which the message tells.
    await call('slackBot', 'xoxb-good', '#alerts', '<b>', 'a\nb', 'danger', fields, files)

    const client = new WebClient('xoxb-good', { slackApiUrl: slack.api })
    const { color = '', fields: shown = [], fallback, pretext, text } = slack.messages[0] ?? assert.fail()
    const posted = await client.chat.postMessage({
      channel: '#alerts',
      attachments: [{ color, fields: shown, fallback, pretext, text }],
    })
    const [filename = ''] = Object.keys(files)
    await client.files.uploadV2({
      channel_id: String(posted.channel),
      thread_ts: String(posted.ts),
      file_uploads: [{ filename, title: filename, file: bytes }],
    })
    const [ours, theirs] = slack.messages
    assert.deepEqual({ ...ours, ts: '' }, { ...theirs, ts: '' })
    const [ourFile, theirFile] = slack.files
    assert.deepEqual({ ...ourFile, thread: '' }, { ...theirFile, thread: '' })
    assert.deepEqual([ourFile?.thread, theirFile?.thread], [ours?.ts, theirs?.ts])
    assert.ok(ourFile?.bytes.equals(bytes))
    assert.deepEqual(slack.calls.toSorted(), [
      ...['chat.postMessage', 'chat.postMessage'],
      ...['files.completeUploadExternal', 'files.completeUploadExternal'],
      ...['files.getUploadURLExternal', 'files.getUploadURLExternal'],
    ])
  })

  test('posts nothing when a file is missing, empty or elsewhere', async (t) => {
    const slack = await slackServer(t)
    const { folder, call, rehearse } = await open(t, slack.api)
    await writeFile(join(folder, 'empty'), '')
    const withFile = (path: string) => ['xoxb-good', CHANNEL, 'a', 'b', '', {}, { f: path }] as const
    for (const how of [call, rehearse]) {
      const refused = (code: string, message: RegExp) => ({ code, message })
      await assert.rejects(
        how('slackBot', ...withFile('gone.pcap')),
        refused('E_HELPER_FAILED', /^vendor.slackBot: gone.pcap: no such file or folder$/),
      )
      await assert.rejects(
        how('slackBot', ...withFile('empty')),
        refused('E_HELPER_ARGUMENT', /: empty is empty: Slack takes no such files$/),
      )
      await assert.rejects(how('slackBot', ...withFile('../etc/passwd')), { code: 'E_HELPER_REFUSED' })
    }
    assert.deepEqual(slack.calls, [])
  })

  test('queued, sends files as they were, with the time of the call, and leaves nothing behind', async (t) => {
    const slack = await slackServer(t)
    const { folder, host } = await open(t, slack.api)
    await writeFile(join(folder, 'a.json'), '{}')
    await writeFile(join(folder, 'b.json'), '[]')
    const files = { a: 'a.json', b: 'b.json' }
    const given = ['xoxb-good', CHANNEL, 'a', 'b', '', {}, files]
    const { queued } = slackBot
    const read = readArguments('vendor.slackBot', slackBot.params, given)
    const kept = await queued?.prepare?.(read as Parameters<typeof slackBot.run>[0], host)
    assert.ok(kept)
    for (const name of ['a.json', 'b.json']) await rm(join(folder, name))

    const later = { ...host, now: () => host.now() + 60_000 }
    const again = JSON.parse(JSON.stringify(Object.values(kept)))
    await dispatch(namespaces, 'vendor.slackBot', again, later)
    await queued?.settled?.(kept, later)
    assert.deepEqual(
      slack.files.map(({ name, bytes }) => [name, String(bytes)]),
      [
        ['a', '{}'],
        ['b', '[]'],
      ],
    )
    assert.equal(slack.messages[0]?.fields?.[0]?.value, '2026-01-01T00:00:00.123Z')
    assert.deepEqual(await readdir(join(folder, '.queued')), [])
  })

  test('tells what passes from what does not', async (t) => {
    const answers = new Map<string, Record<string, unknown>>([
      ['never', { ok: false, error: 'missing_scope', needed: 'chat:write' }],
      ['later', { ok: false, error: 'ratelimited' }],
    ])
    for (const [when, answer] of answers) {
      const server = await httpServer(t, (_, response) =>
        response.writeHead(200, { 'retry-after': '30' }).end(JSON.stringify(answer)),
      )
      const { call } = await open(t, server.url)
      const error = await call('slackBot', 'xoxb', CHANNEL, 'a', 'b', '').catch((error: unknown) => error)
      assert.ok(error instanceof Refusal)
      assert.deepEqual(retryOf(error), when === 'later' ? { when, afterMs: 30_000 } : { when })
      if (when === 'never') assert.match(error.message, /answered 200: missing_scope \(needed: chat:write\)$/)
    }
  })

  test('rehearsed, makes the request of the message and nothing more', async (t) => {
    const sent: HttpRequest[] = []
    const { folder, rehearse } = await open(t, undefined, {
      request: async (options) => {
        sent.push(options)
        return { status: 200, headers: {}, body: '{}' }
      },
    })
    await writeFile(join(folder, 'a'), 'x')
    assert.equal(await rehearse('slackBot', 'xoxb', CHANNEL, 'a', 'b', '', {}, { a: 'a' }), undefined)
    assert.deepEqual(
      sent.map(({ url }) => url),
      ['https://slack.com/api/chat.postMessage'],
    )
  })

  test('names where it goes: files to another host', async (t) => {
    const { host } = await open(t)
    const hosts = (api: string | undefined, ...more: unknown[]) => {
      const given = ['xoxb', CHANNEL, 'a', 'b', '', {}, ...more]
      const read = readArguments('vendor.slackBot', slackBot.params, given)
      const env = api === undefined ? {} : { SLACK_API_URL: api }
      return slackBot.target?.(read as Parameters<typeof slackBot.run>[0], { ...host, env }).hosts
    }
    assert.deepEqual(hosts(undefined), ['slack.com'])
    assert.deepEqual(hosts(undefined, { a: 'a' }), ['slack.com', 'files.slack.com'])
    assert.deepEqual(hosts('https://slack-gov.com/api', { a: 'a' }), ['slack-gov.com', 'files.slack-gov.com'])
    assert.deepEqual(hosts('http://127.0.0.1:9/', { a: 'a' }), ['127.0.0.1'])
  })

  test('says where the address of the API is wrong', async (t) => {
    const { call } = await open(t, 'slack-gov.com')
    await assert.rejects(call('slackBot', 'x', CHANNEL, 'a', 'b', ''), {
      code: 'E_HELPER_ARGUMENT',
      message: 'vendor.slackBot: env.SLACK_API_URL is no http address',
    })
  })
})

describeFailures({
  name: 'vendor.slack',
  async call(t, { url, secret, network }) {
    const { call } = await open(t, undefined, network)
    await call('slack', `${url}/services/T0/B0/${secret}`, 'a', 'b', '')
  },
})

describeFailures({
  name: 'vendor.slackBot',
  async call(t, { url, secret, network }) {
    const { call } = await open(t, url, network)
    await call('slackBot', secret, CHANNEL, 'a', 'b', '')
  },
  unauthorized: { status: 200, body: '{"ok":false,"error":"invalid_auth"}' },
  malformed: '{"ok":true}',
})
