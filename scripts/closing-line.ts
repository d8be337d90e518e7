import type { TestEvent } from 'node:test/reporters'

/** Prints one line when all tests are done: `N passed, N failed`, with the skipped ones if there are any. */
export default async function* closingLine(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  let skipped = 0
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details.type === 'suite') continue
    // One that was skipped and then failed has failed.
    if (event.type === 'test:fail') failed++
    else if (event.data.skip !== undefined && event.data.skip !== false) skipped++
    else passed++
  }
  yield `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`
}
