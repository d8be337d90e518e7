import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { dispatch } from './dispatch.ts'
import { report } from './report.ts'

async function open(t: TestContext) {
  const written: { name: string; format: string; content: string }[] = []
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1000), {
    reports: {
      write: async (one) => {
        written.push(one)
        return { id: 'r1', version: 1, bytes: Buffer.byteLength(one.content) }
      },
    },
  })
  const write = (...args: unknown[]) => dispatch([report], 'report.write', args, host)
  return { written, write, host }
}

describe('report.write', () => {
  test('knows the type by the name, the options or the content', async (t) => {
    const { write, written } = await open(t)
    assert.deepEqual(await write('a.html', '<b>ü</b>'), { id: 'r1', version: 1, bytes: 9 })
    await write('Größe 2.MD', '# x')
    await write('a.csv', 'a,b\n')
    await write('a.json', '[1]')
    await write('today', { n: 1 })
    await write('a.txt', 'x', { type: 'markdown' })
    assert.deepEqual(
      written.map(({ name, format, content }) => [name, format, content]),
      [
        ['a.html', 'html', '<b>ü</b>'],
        ['Größe 2.MD', 'markdown', '# x'],
        ['a.csv', 'csv', 'a,b\n'],
        ['a.json', 'json', '[1]'],
        ['today', 'json', '{\n  "n": 1\n}'],
        ['a.txt', 'markdown', 'x'],
      ],
    )
  })

  test('refuses names that lead elsewhere, and content that is not what it says', async (t) => {
    const { write } = await open(t)
    for (const name of [
      '',
      '.',
      '..',
      '../a.md',
      'a/b.md',
      'a\\b.md',
      '.a.md',
      'a\n.md',
      'a.',
      `${'a'.repeat(98)}.md`,
    ])
      await assert.rejects(write(name, 'x', { type: 'markdown' }), { code: 'E_HELPER_ARGUMENT' }, name)
    await assert.rejects(write('a.txt', 'x'), /it must end in \.html, \.md, \.csv or \.json/)
    await assert.rejects(write('a.csv', [1]), /a report of type csv is text/)
    await assert.rejects(write('a.json', '{'), /that is no JSON/)
    await assert.rejects(write('a.md', 'x', { type: 'pdf' }), { code: 'E_HELPER_ARGUMENT' })
    await assert.rejects(write('a.md', 'x'.repeat((4 << 20) + 1)), { code: 'E_HELPER_REFUSED' })
  })

  test('is rehearsed without being kept', async (t) => {
    const { host, written } = await open(t)
    const answer = await dispatch([report], 'report.write', ['a.md', 'xy'], host, { how: 'rehearsed' })
    assert.deepEqual(answer, { id: 'rehearsed', version: 1, bytes: 2 })
    assert.deepEqual(written, [])
    await assert.rejects(dispatch([report], 'report.write', ['a', 'xy'], host, { how: 'rehearsed' }))
  })
})
