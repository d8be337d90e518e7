import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startTestApi } from '../../testing/api.ts'
import { ENTRY, openOf } from '../../testing/open-packets.ts'
import { run, startProgram } from '../../testing/programs.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'
import { MOST_CODE_BYTES } from '../../wire/agents.ts'
import { subscription, unsubscription } from '../../wire/api.ts'

const CURL = 'curl -sS --fail-with-body'
const GUIDE = new URL('../../../docs/api.md', import.meta.url)

test('what the guide does with curl works, one after the other', async (t) => {
  const guide = await readFile(GUIDE, 'utf8')
  const { url, hub } = await startTestApi(t)
  const [, kept = ''] = /entries\/(\S+)\/pcap$/m.exec(guide) ?? []
  const failed = {
    ...ENTRY,
    id: kept,
    protocol: { name: 'http', abbr: 'HTTP' },
    timestamp: 1764194400000,
    response: { status: 500 },
  }
  hub.see(JSON.stringify(failed), JSON.stringify({ ...failed, id: 'w:1/dns-1', protocol: { abbr: 'DNS' } }))
  hub.opened = [openOf(1)]
  const folder = await tempFolder(t)
  // Captures take a program that reads them: test/captures.test.ts has one.
  const commands = [...guide.matchAll(/^ {4}(curl .*)$/gm)]
    .map(([, command = '']) => command)
    .filter((command) => !/\bcaptures?\b/.test(command))
  assert.ok(commands.length >= 8)
  for (const command of commands) {
    const { code, stdout, stderr } = await run(
      'sh',
      ['-c', `cd '${folder}' && ${command.replace('curl', CURL)}`],
      {
        H: `${url}/api/v1`,
      },
    )
    assert.equal(code, 0, `${command}: ${stdout}${stderr}`)
  }
})

test('the program of the guide shows entries', async (t) => {
  const guide = await readFile(GUIDE, 'utf8')
  const { url, hub } = await startTestApi(t)
  const [, program = ''] = /^ {4}node -e '([^']*)'$/m.exec(guide) ?? []
  const own = program.replace('ws://127.0.0.1:8899', url.replace('http', 'ws'))
  const child = startProgram(t, process.execPath, ['-e', own])
  let shown = ''
  child.stdout?.on('data', (chunk) => {
    shown += chunk
  })
  await until(() => hub.watchers === 1, 'who watches')
  hub.see('{"id":"shown"}')
  await until(() => shown.includes('"shown"'), 'the entry')
})

test('the subscriptions of the guide are taken', async () => {
  const guide = await readFile(GUIDE, 'utf8')
  const messages = [...guide.matchAll(/^ {4}(\{"(?:un)?subscribe".*\})$/gm)].map(
    ([, message = '']) => message,
  )
  assert.equal(messages.length, 6)
  for (const message of messages) subscription.or(unsubscription).parse(JSON.parse(message))
  assert.equal(MOST_CODE_BYTES, 512 << 10)
})
