import type { TestEvent } from 'node:test/reporters'

/**
 * Prints one line when all tests are done: `N passed, N failed`, with the skipped ones if there are any. What a test leaves
 * behind keeps the runner from ending: after `REMORA_TEST_IDLE_MS` without news (ten minutes) the line says so, and it ends with 1.
 */
export default async function* closingLine(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  let skipped = 0
  const line = () => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`
  const idle = setTimeout(
    () => {
      const held = process.getActiveResourcesInfo().join(', ')
      process.stdout.write(
        `nothing has happened for long, and something keeps the tests from ending: ${held}\n`,
      )
      failed++
      process.stdout.write(line(), () => process.exit(1))
    },
    Number(process.env.REMORA_TEST_IDLE_MS ?? TEN_MINUTES_MS),
  ).unref()
  for await (const event of source) {
    idle.refresh()
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details.type === 'suite') continue
    // One that was skipped and then failed has failed.
    if (event.type === 'test:fail') failed++
    else if (event.data.skip !== undefined && event.data.skip !== false) skipped++
    else passed++
  }
  clearTimeout(idle)
  yield line()
}

const TEN_MINUTES_MS = 600_000
