import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { tempFolder } from '../testing/temp-folder.ts'
import { ReportFolder, type ReportFolderOptions } from './report-folder.ts'

async function opened(t: TestContext, limits: Partial<ReportFolderOptions> = {}) {
  const folder = await tempFolder(t)
  let now = 1000
  const open = () =>
    ReportFolder.open({
      ...{ folder, node: 'n1', most: 5, mostBytes: 1000, mostAgeMs: 100 },
      now: () => now,
      ...limits,
    })
  const pass = (ms: number) => {
    now += ms
  }
  return { folder, open, pass, reports: await open() }
}

const report = (name: string, content = 'x') =>
  ({ agent: 'a', title: 'A', name, format: 'markdown', content }) as const

describe('the folder of reports', () => {
  test('keeps each version, also when the program starts again', async (t) => {
    const { reports, open, pass } = await opened(t)
    await reports.write(report('one.md', 'first ü'))
    pass(1)
    await reports.write(report('one.md', 'second'))
    await reports.write(report('two.md'))
    const listed = await reports.list()
    assert.deepEqual(
      listed.map(({ name, version, bytes, node, at }) => [name, version, bytes, node, at]),
      [
        ['two.md', 1, 1, 'n1', 1001],
        ['one.md', 2, 6, 'n1', 1001],
        ['one.md', 1, 8, 'n1', 1000],
      ],
    )
    assert.equal(new Set(listed.map(({ id }) => id)).size, 3)
    const again = await open()
    assert.deepEqual((await again.list()).map(({ id }) => id).sort(), listed.map(({ id }) => id).sort())
    const { content } = await again.read(listed[2]?.id ?? '')
    assert.equal(content.toString(), 'first ü')
    assert.equal((await again.write(report('one.md'))).version, 3)
  })

  test('deletes them', async (t) => {
    const { reports, folder } = await opened(t)
    const { id } = await reports.write(report('one.md'))
    await reports.delete(id)
    assert.deepEqual(readdirSync(folder), [])
    await assert.rejects(reports.delete(id), { code: 'E_NOT_FOUND' })
    await assert.rejects(reports.read('../../etc/passwd'), { code: 'E_NOT_FOUND' })
  })

  test('lets the oldest go when they are too many, too large or too old', async (t) => {
    const { reports, pass, folder } = await opened(t)
    const names = async () => (await reports.list()).map(({ name }) => name)
    for (let n = 0; n < 7; n++) await reports.write(report(`${n}.md`))
    assert.deepEqual(await names(), ['6.md', '5.md', '4.md', '3.md', '2.md'])
    await reports.write(report('large.md', 'x'.repeat(997)))
    assert.deepEqual(await names(), ['large.md', '6.md', '5.md', '4.md'])
    assert.equal(reports.dropped, 4)
    pass(101)
    assert.deepEqual(await names(), [])
    assert.deepEqual(readdirSync(folder), [])
    assert.equal(reports.dropped, 4)
    await assert.rejects(reports.write(report('larger.md', 'x'.repeat(1001))), { code: 'E_HELPER_REFUSED' })
  })

  test('leaves alone what is not its own, and what is half written', async (t) => {
    const { folder, open } = await opened(t)
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    writeFileSync(join(folder, 'a.report.json'), '{"id":')
    writeFileSync(join(folder, 'b.report.json'), '{"id":"../c"}')
    writeFileSync(join(folder, 'b.new'), '{')
    assert.deepEqual(await (await open()).list(), [])
    assert.deepEqual(readdirSync(folder).sort(), ['a.report.json', 'b.report.json', 'notes.txt'])
  })
})
