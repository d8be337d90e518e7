import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readCapture } from '../src/testing/read-capture.ts'
import { remora, withFiles } from '../src/testing/remora.ts'

const path = fileURLToPath(new URL('../samples/sample.pcap', import.meta.url))

test('an agent sees what TCP segments carry, when that is enabled', async () => {
  const source = `
function onItemCaptured(d) {
  if (kfl.match('tcp and data.payload.startsWith("GET /cookies")', d)) console.log(d.data.payload.split("\\r\\n")[0], d.src.port !== "80")
}`
  await withFiles({ 'a.js': source }, async (cwd) => {
    for (const [enabled, lines] of [
      ['{http,tcp,udp}', 1],
      ['{http}', 0],
    ] as const) {
      const args = ['run', 'a.js', '--pcap', path, '--set', `tap.enabledDissectors=${enabled}`]
      const { code, stdout, stderr } = await remora(args, { cwd })
      assert.equal(code, 0, stderr)
      assert.equal(stdout.match(/GET \/cookies HTTP\/1\.1 true$/gm)?.length ?? 0, lines, stdout)
      assert.match(stdout, /^Ledger {2}everything adds up$/m)
    }
  })
})

test('each packet that carries something is an entry, beside those of what is said in it', async () => {
  const [without, { entries }] = await Promise.all([
    readCapture(path),
    readCapture(path, { payloads: { tcp: true, udp: true } }),
  ])
  const count = (macro: string) => entries.filter(({ protocol }) => protocol.macro === macro).length
  // As many as tshark finds with tcp.len > 0, and with udp.length > 8.
  assert.deepEqual([count('tcp'), count('udp')], [423, 144])
  assert.equal(entries.length, without.entries.length + 423 + 144)
  assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length, 'each has an id of its own')
})
