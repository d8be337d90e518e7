import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { httpServer } from '../src/testing/http-server.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { fixtureText } from '../src/wire/fixtures.ts'
import type { Fixture } from '../src/wire/trials.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const AGENT = `// Reports
var n = 0
function onItemCaptured(data) {
  if (++n > 2) return
  vendor.webhook('POST', env.HOOK, { n: n })
  file.append('out.txt', n + '\\n')
  hub.action('seen', { n: n })
}
`

describe('remora run --dry-run', () => {
  test('records effects instead of performing them', async (t) => {
    const server = await httpServer(t, (_, response) => response.end())
    await withFiles({ 'a.js': AGENT }, async (cwd) => {
      const args = ['run', 'a.js', '--pcap', SAMPLE, '--set', `scripting.env.HOOK=${server.url}/secret`]
      const { code, stdout } = await remora([...args, '--dry-run', '--json'], { cwd })
      assert.equal(code, 0)
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      const effects = lines.filter(({ type }) => type === 'effect')
      assert.deepEqual(
        effects.map(({ helper, target }) => [helper, target]),
        [1, 2].flatMap(() => [
          ['vendor.webhook', `POST ${server.url}/[env.HOOK]`],
          ['file.append', 'out.txt'],
          ['hub.action', 'seen'],
        ]),
      )
      assert.match(effects[0].entry, /\.pcap-\d+$/)
      assert.deepEqual(server.seen, [])
      const text = await remora([...args, '--dry-run'], { cwd })
      assert.match(text.stdout, /would vendor\.webhook POST \S+\[env\.HOOK\] \{"n":1\}/)
      assert.equal((await remora(['run', 'a.js', '--pcap', SAMPLE], { cwd })).code, 0)
      assert.doesNotMatch(stdout + text.stdout, /secret/)
      // Without the flag they are performed.
      await remora(args, { cwd })
      assert.equal(server.seen.length, 2)
    })
  })
})

describe('remora test', () => {
  const fixtureOf = (code: string): Fixture => ({
    ...{ remora: 'fixture', version: 1, title: 'Reports', language: 'es5', code },
    env: { HOOK: 'https://example.com/[env.HOOK]' },
    input: { kind: 'capture', name: 'sample.pcap', base64: readFileSync(SAMPLE).toString('base64') },
    expected: { stopped: false, console: [], effects: [], marks: [] },
  })

  test('compares what comes with what is expected, and takes it as such with --update', async () => {
    await withFiles({ 'tests/a.test.json': fixtureText(fixtureOf(AGENT)) }, async (cwd) => {
      const failed = await remora(['test', 'tests'], { cwd })
      assert.equal(failed.code, 1)
      assert.match(failed.stdout, /failed {2}tests\/a\.test\.json/)
      assert.match(failed.stdout, /\+ effect vendor\.webhook \{"method":/)
      const updated = await remora(['test', '--update'], { cwd })
      assert.deepEqual([updated.code, /updated/.test(updated.stdout)], [0, true])
      const passed = await remora(['test'], { cwd })
      assert.deepEqual([passed.code, /1 passed, 0 failed/.test(passed.stdout)], [0, true])
      writeFileSync(join(cwd, 'b.js'), AGENT.replace('> 2', '> 1'))
      const other = await remora(['test', '--agent', 'b.js', '--json'], { cwd })
      assert.equal(other.code, 1)
      const [tested, summary] = other.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      assert.equal(tested.status, 'failed')
      assert.equal(tested.differences.filter((line: string) => line.startsWith('- effect')).length, 3)
      assert.deepEqual(summary, { type: 'summary', fixtures: 1, passed: 0, failed: 1 })
    })
  })

  test('ends with 2 for what is no fixture', async () => {
    await withFiles(
      { 'a.test.json': '{"remora":"fixture","version":9}', 'b.test.json': '{' },
      async (cwd) => {
        for (const name of ['a.test.json', 'b.test.json', 'c.test.json']) {
          const { code, stderr } = await remora(['test', name], { cwd })
          assert.equal(code, 2)
          assert.match(stderr, new RegExp(`remora: .*${name}`))
        }
        const none = await remora(['test', '.'], { cwd: join(cwd) })
        assert.equal(none.code, 2)
      },
    )
  })
})
