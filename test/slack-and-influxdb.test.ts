import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { influxDb } from '../src/testing/influxdb-server.ts'
import { hasTools } from '../src/testing/loopback.ts'
import { readCapture } from '../src/testing/read-capture.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { slackServer } from '../src/testing/slack-server.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** Posts to Slack what the first whole HTTP entry was, with its packets, and writes a point for each. */
const AGENT = `// Checkout
var told = false;
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.request || !data.response) return;
  vendor.influxdb.queue(env.INFLUXDB_URL, env.INFLUXDB_TOKEN, '', 'traffic', 'calls',
    { status: data.response.status, us: data.elapsedTime, at: data.timestamp }, { method: data.request.method });
  if (told) return;
  told = true;
  vendor.slackBot(env.SLACK_TOKEN, 'C0123456789', 'Checkout', 'calls ' + data.request.path, 'd10000',
    { Method: data.request.method, Status: data.response.status }, { 'stream.pcap': pcap.path(data.stream) });
}
`

describe('an agent on a capture, run by the program', () => {
  test('posts a message with packets to Slack, and writes to InfluxDB', async (t) => {
    if (!hasTools(t, 'influxd')) return
    const slack = await slackServer(t)
    await withFiles({ 'agents/a.js': AGENT, 'influx/empty': '' }, async (folder) => {
      const influx = await influxDb(t, join(folder, 'influx'))
      const env = {
        INFLUXDB_URL: influx.url,
        INFLUXDB_TOKEN: 'remora:fish',
        SLACK_API_URL: slack.api,
        SLACK_TOKEN: 'xoxb-good',
      }
      const set = Object.entries(env).flatMap(([name, value]) => ['--set', `scripting.env.${name}=${value}`])
      const args = ['run', 'agents', '--pcap', SAMPLE, '--json', '--entries', ...set]
      const { code, stdout, stderr } = await remora(args, { cwd: folder })
      assert.equal(code, 0, stderr)
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const whole = lines
        .flatMap(({ entry }) => entry ?? [])
        .filter(({ protocol, request, response }) => protocol.name === 'http' && request && response)
      assert.deepEqual(
        lines.filter(({ type }) => type === 'console'),
        [],
      )

      const [message] = slack.messages
      assert.equal(message?.text, `calls ${whole[0].request.path}`)
      assert.deepEqual(
        message?.fields?.map(({ title }) => title),
        ['Timestamp', 'Method', 'Status'],
      )
      const [file] = slack.files
      assert.equal(file?.title, 'stream.pcap')
      await writeFile(join(folder, 'posted.pcap'), file?.bytes ?? '')
      const { entries } = await readCapture(join(folder, 'posted.pcap'))
      assert.ok(entries.some(({ protocol }) => protocol.name === 'http'))

      const [series] = await influx.query('SELECT count(status), sum(us) FROM calls')
      const sum = whole.reduce((all: number, { elapsedTime }) => all + elapsedTime, 0)
      assert.deepEqual(series?.values[0]?.slice(1), [whole.length, sum])
      assert.ok(whole.length > 40)
    })
  })
})
