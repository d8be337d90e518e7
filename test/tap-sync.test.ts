import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const COUNTS = `// Counts
var n = 0
function onItemCaptured() { n++ }
jobs.schedule('say', '0 0 0 1 1 *', function () { if (n > 0) console.log('saw', n) })`

test('remora tap runs the scripts that it is given, on all of a file, and follows them while it runs', async (t) => {
  const folder = await tempFolder(t)
  await writeFile(join(folder, 'counts.js'), COUNTS)
  const tap = new Running(t, folder, ['tap', '.', '--pcap', SAMPLE, '--node-name', 'n1'])
  const hub = await tap.client(t)
  await tap.says(/^\[n1-0\] saw 349$/m)
  await writeFile(join(folder, 'later.js'), "// Later\nconsole.log('later on', utils.nodeName())")
  await tap.says(/^\[n1-1\] later on n1$/m)
  await rm(join(folder, 'later.js'))
  await until(async () => (await hub.agents()).length === 1)
  assert.equal(await tap.stop('SIGTERM'), 0, tap.stderr)
})

test('remora tap lets its own scripts in where people need tokens', async (t) => {
  const folder = await tempFolder(t)
  await writeFile(join(folder, 'hello.js'), "// Hello\nconsole.log('hello', utils.nodeName())")
  const tokens = ['name=ann', 'role=admin', `token=${'x'.repeat(20)}`].flatMap((each) => [
    '--set-string',
    `hub.tokens[0].${each}`,
  ])
  const set = ['--set', 'scripting.source=.', '--set', 'scripting.active[0]=Hello', ...tokens]
  const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE, '--node-name', 'n1'], set)
  await tap.says(/^\[hub-0\] hello hub$/m)
  assert.equal(await tap.stop('SIGTERM'), 0, tap.stderr)
})
