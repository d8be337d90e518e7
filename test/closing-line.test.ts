import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import closingLine from '../scripts/closing-line.ts'

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
