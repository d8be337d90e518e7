import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { ProgressBar } from './progress.ts'

describe('the progress bar', () => {
  test('fits into a line of the terminal, whatever its width', async () => {
    const wide = terminal(80)
    const narrow = terminal(40)
    const tiny = terminal(20)
    const bars = [wide, narrow, tiny].map(({ stream }) => new ProgressBar(stream))
    await setTimeout(550)
    for (const bar of bars) bar.update(50e6, 100e6, 1_234_567)
    assert.equal(wide.line(), '████████████░░░░░░░░░░░░ 50.0 MB of 100.0 MB, 1,234,567 packets')
    assert.equal(narrow.line(), '50.0 MB of 100.0 MB, 1,234,567 packets')
    assert.equal(tiny.line(), '50.0 MB of 100.0 MB')
  })

  test('is not shown elsewhere', async () => {
    const pipe = terminal(80, false)
    const bar = new ProgressBar(pipe.stream)
    await setTimeout(550)
    bar.update(1, 2, 3)
    bar.clear()
    assert.equal(pipe.line(), '')
  })
})

function terminal(columns: number, isTTY = true) {
  let written = ''
  const stream = { columns, isTTY, write: (text: string) => (written += text) }
  return { stream: stream as unknown as NodeJS.WriteStream, line: () => written.replace('\r\x1b[K', '') }
}
