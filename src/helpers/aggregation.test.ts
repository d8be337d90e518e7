import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { aggregation } from './aggregation.ts'
import { openDataFolder } from './data-folder.ts'
import { dispatch } from './dispatch.ts'

/** Lines that a call writes, without their time. */
async function written(t: TestContext, path: string, ...args: unknown[]): Promise<string[]> {
  const lines: string[] = []
  const files = await openDataFolder(await tempFolder(t), 1000)
  const host = fakeHost(files, { log: (line) => lines.push(line) })
  await dispatch([aggregation], `aggregation.${path}`, args, host)
  for (const line of lines)
    assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d) /, 'RFC 3339')
  return lines.map((line) => line.slice(line.indexOf(' ') + 1))
}

describe('aggregation', () => {
  test('writes lines in the log of the component', async (t) => {
    assert.deepEqual(await written(t, 'msg', 'AP0', 'all is well'), ['AP0 all is well'])
    const object = { z: 1, a: { y: [{ d: 1, b: 2 }], x: null } }
    const json = '{"a":{"x":null,"y":[{"b":2,"d":1}]},"z":1}'
    assert.deepEqual(await written(t, 'json', 'AP1', 'report', object), [`AP1 report=${json}`])
    assert.deepEqual(await written(t, 'jsonWithMsg', 'APP', 'report', object, 'hello you'), [
      `APP hello you report=${json}`,
    ])
    assert.deepEqual(await written(t, 'json', 'AP1', 'n', 5), ['AP1 n=5'])
  })

  test('has the time of the agent, in the zone of the machine', async (t) => {
    const files = await openDataFolder(await tempFolder(t), 1000)
    for (const [zone, time] of [
      ['America/Los_Angeles', '2024-12-14T19:02:45-08:00'],
      ['Asia/Kolkata', '2024-12-15T08:32:45+05:30'],
      ['UTC', '2024-12-15T03:02:45Z'],
    ] as const) {
      const before = process.env.TZ
      process.env.TZ = zone
      const lines: string[] = []
      const host = fakeHost(files, {
        log: (line) => lines.push(line),
        now: () => Date.UTC(2024, 11, 15, 3, 2, 45, 900),
      })
      await dispatch([aggregation], 'aggregation.msg', ['AP0', 'x'], host)
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
      assert.deepEqual(lines, [`${time} AP0 x`])
    }
  })

  test('writes one line, whatever is in it', async (t) => {
    assert.deepEqual(await written(t, 'msg', 'AP0', 'a\nb\r\u001b[2J\u2028c'), [
      String.raw`AP0 a\nb\u000d\u001b[2J\u2028c`,
    ])
    const [long = ''] = await written(t, 'msg', 'AP0', 'x'.repeat(100_000))
    assert.ok(long.length < 66_000)
    for (const bad of ['', 'two words', 'a\nb', 'x'.repeat(21)])
      await assert.rejects(written(t, 'msg', bad, 'm'), /a word of 1 to 20 characters/)
    await assert.rejects(written(t, 'json', 'AP0', 'a=b', {}), /a word of 1 to 100 characters/)
  })
})
