import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { httpServer } from '../src/testing/http-server.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import type { AlertView } from '../src/wire/alerts.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** Two alerts: one for each path that fails, with what failed, and one that closes again. */
const SCRIPT = `// Failures
function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || !data.response || data.response.status < 500) return
  alert.raise({ title: 'Failing: ' + data.request.path, severity: 'error', key: data.request.path, entry: data })
}
alert.raise({ title: 'Loaded', severity: 'info' })
alert.close('Loaded')
`

describe('alerts', () => {
  test('are kept by the hub with their entries and packets, told to a channel, and closed', async (t) => {
    const folder = await tempFolder(t)
    writeFileSync(join(folder, 'failures.js'), SCRIPT)
    const sink = await httpServer(t, (_, response) => response.end())
    writeFileSync(
      join(folder, 'remora.yaml'),
      `scripting: { active: [Failures], source: ., env: { ALERT_HOOK: "${sink.url}/in" },
        alerts: { channels: [{ name: all, severities: [error], webhook: { url: env.ALERT_HOOK } }] } }\n`,
    )
    const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE])
    const client = await tap.client(t)
    const failing = async () => (await client.alerts()).filter(({ severity }) => severity === 'error')
    await until(async () => (await failing()).length > 0 && sink.seen.length > 0)
    const [alert] = (await failing()) as [AlertView]
    assert.equal(alert.state, 'open')
    assert.equal(alert.agentTitle, 'Failures')
    assert.match(alert.entries[0]?.summary ?? '', /^(GET|POST) \//)
    assert.match(alert.entries[0]?.status ?? '', /^5\d\d$/)
    assert.ok(alert.pcapBytes > 0)

    const pcap = await fetch(`${tap.apiUrl}/api/v1/alerts/${alert.id}/pcap`)
    const bytes = Buffer.from(await pcap.arrayBuffer())
    assert.equal(bytes.length, alert.pcapBytes)
    assert.ok(bytes.includes(`${alert.key} HTTP/1.1`))

    const events = sink.seen.map(({ body }) => JSON.parse(body))
    const event = events.find(({ subject }) => subject === alert.key)
    assert.equal(event?.type, 'remora.alert.opened')
    assert.equal(event?.data.id, alert.id)

    await until(async () =>
      (await client.alerts()).some(({ title, closedBy }) => title === 'Loaded' && closedBy === 'Failures'),
    )
    const shown = await remora(['alerts', 'show', alert.id.slice(0, 8), '--hub-url', tap.apiUrl])
    assert.match(shown.stdout, new RegExp(`^\\[error\\] Failing: ${alert.key.replaceAll('?', '\\?')}\n`))
    const closed = await remora(['alerts', 'close', alert.id, '--hub-url', tap.apiUrl])
    assert.equal(closed.code, 0, closed.stderr)
    await until(async () =>
      (await client.alerts()).some(({ id, state }) => id === alert.id && state === 'closed'),
    )
    await until(() => sink.seen.some(({ body }) => JSON.parse(body).type === 'remora.alert.closed'))
    const listed = await remora(['alerts', 'list', '--all', '--json', '--hub-url', tap.apiUrl])
    assert.equal(listed.stdout.trim().split('\n').length, (await client.alerts()).length)
    assert.equal(await tap.stop(), 0)
  })

  test('are lines of the console where there is no hub', async () => {
    await withFiles({ 'failures.js': SCRIPT }, async (folder) => {
      const { code, stdout, stderr } = await remora(['run', 'failures.js', '--pcap', SAMPLE], { cwd: folder })
      assert.equal(code, 0, stderr)
      assert.match(stdout, /alert opened: \[info\] Loaded\n/)
      assert.match(stdout, /alert closed: \[info\] Loaded\n/)
      assert.match(stdout, /alert opened: \[error\] Failing: \/\S* \(\/\S*\), with \d+ bytes of packets\n/)
    })
  })
})
