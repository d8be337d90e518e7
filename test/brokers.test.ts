import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { remora, withFiles } from '../src/testing/remora.ts'

/** What an agent prints of messages that a broker passes on, how many entries a filter selects, and what they look like. */
for (const [capture, condition, print, filter, expected, count] of [
  [
    'amqp-rabbitmq.pcap',
    'amqp and request.method == "basic.deliver"',
    'data.request.body, data.request.properties.headers["X-ID"]',
    'amqp && amqp_method == "basic.publish" && amqp_request.routingKey == "jobs"',
    /eyJudW1iZXIiOiAyfQ== 7\n/,
    3,
  ],
  [
    'mqtt-mosquitto.pcap',
    'mqtt and request.type == "PUBLISH"',
    'data.request.topic, data.request.payload',
    'mqtt && mqtt_topic == "a/kept" && mqtt_qos == 1',
    /a\/five \{"t":21\}\n/,
    5,
  ],
] as const)
  test(`agents and filters see what is in ${capture}`, async () => {
    const path = fileURLToPath(new URL(`captures/${capture}`, import.meta.url))
    const source = `function onItemCaptured(data) { if (kfl.match('${condition}', data)) console.log(${print}) }`
    await withFiles({ 'a.js': source }, async (cwd) => {
      const { code, stdout, stderr } = await remora(['run', 'a.js', '--pcap', path, '--entries', filter], {
        cwd,
      })
      assert.equal(code, 0, stderr)
      assert.match(stdout, expected)
      assert.match(stdout, /^Ledger {2}everything adds up$/m)
      assert.equal(stdout.match(/^\{"id":/gm)?.length, count)
    })
  })
