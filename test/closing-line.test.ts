import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import closingLine from '../scripts/closing-line.ts'
import { run } from '../src/testing/programs.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'

test('the closing line counts a test that was skipped and then failed as failed, and no suites', async () => {
  const event = (type: 'test:pass' | 'test:fail', skip?: string, of = 'test') =>
    ({ type, data: { skip, details: { type: of } } }) as unknown as TestEvent
  async function* events() {
    yield event('test:pass')
    yield event('test:pass', 'no tshark')
    yield event('test:fail', 'no captures')
    yield event('test:fail', undefined, 'suite')
  }
  const lines: string[] = []
  for await (const line of closingLine(events())) lines.push(line)
  assert.deepEqual(lines, ['1 passed, 1 failed, 1 skipped\n'])
})

test('tests that leave something behind end, and have failed', async (t) => {
  const folder = await tempFolder(t)
  const file = join(folder, 'left.test.ts')
  writeFileSync(
    file,
    `import { test } from 'node:test'\ntest('leaves', () => void setInterval(() => {}, 1e6))\n`,
  )
  const reporters = ['spec', join(REPOSITORY, 'scripts/closing-line.ts')].flatMap((reporter) => [
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
  ])
  const { code, stdout } = await run(
    process.execPath,
    ['--test', '--test-isolation=none', ...reporters, file],
    { NODE_TEST_CONTEXT: '', REMORA_TEST_IDLE_MS: '500' },
  )
  assert.equal(code, 1)
  assert.match(stdout, /keeps the tests from ending: .*Timeout/)
  assert.match(stdout, /\n1 passed, 1 failed\n$/)
})
