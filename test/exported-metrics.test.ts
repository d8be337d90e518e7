import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { freePorts } from '../src/testing/ports.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** As the public agent `dns.js` does it, with totals; and on the hub. */
const SCRIPT = `// DNS
var asked = {}
function onItemCaptured(data) {
  if (data.protocol.name === 'dns') asked[data.src.ip] = (asked[data.src.ip] || 0) + 1
}
jobs.schedule('report', '*/5 * * * * *', function () {
  for (var pod in asked) prometheus.vector('dns_requests', 'DNS requests per pod', 1, asked[pod], { s_pod: pod })
})
if (utils.nodeName() === 'hub') prometheus.set('on_hub', 1)
`

describe('metrics of agents', () => {
  test('are printed by a run, at its end', async () => {
    await withFiles({ 'dns.js': SCRIPT }, async (cwd) => {
      const args = ['run', 'dns.js', '--pcap', SAMPLE, '--node-name', 'n1', '--metrics']
      const { code, stdout, stderr } = await remora(args, { cwd })
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^# HELP dns_requests DNS requests per pod\n# TYPE dns_requests counter\n/m)
      assert.match(stdout, /^dns_requests\{component="worker",node="n1",agent="DNS",s_pod="[\d.]+"\} \d+$/m)
      assert.match(stdout, /^on_hub\{component="hub",node="hub",agent="DNS"\} 1$/m)
      const { stdout: json } = await remora([...args, '--json'], { cwd })
      const lines = json
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; text?: string })
      assert.match(lines.find(({ type }) => type === 'metrics')?.text ?? '', /^on_hub/m)
      // Who only rehearses is shown them unasked.
      const dry = await remora([...args.slice(0, -1), '--dry-run'], { cwd })
      assert.match(dry.stdout, /^on_hub\{component="hub",node="hub",agent="DNS"\} 1$/m)
    })
  })

  test('are on the pages of the worker and of the hub, until the agent is stopped', async (t) => {
    const folder = await tempFolder(t)
    writeFileSync(join(folder, 'dns.js'), SCRIPT)
    writeFileSync(join(folder, 'remora.yaml'), 'scripting: { active: [DNS], source: . }\n')
    const [worker, hub] = await freePorts(2)
    const ports = ['--set', `tap.metrics.port=${worker}`, '--set', `hub.metricsPort=${hub}`]
    const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE, '--node-name', 'n1'], ports)
    const client = await tap.client(t)
    const page = async (port: number | undefined) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    await until(async () =>
      /^dns_requests\{component="worker",node="n1",agent="DNS",s_pod="[\d.]+"\} \d+$/m.test(
        await page(worker),
      ),
    )
    await until(async () => /^on_hub\{component="hub",node="hub",agent="DNS"\} 1$/m.test(await page(hub)))
    assert.match(await page(worker), /^kubeshark_item_count\{/m)
    const [agent] = await client.agents()
    await client.updateAgent(agent?.id ?? '', { active: false })
    await until(async () => !/^dns_requests/m.test(await page(worker)) && !/^on_hub/m.test(await page(hub)))
    assert.equal(await tap.stop(), 0)
  })
})
