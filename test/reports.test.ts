import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** Two versions of a page, from a worker; a list, from the hub. */
const SCRIPT = `// Reporter
if (utils.nodeName() === 'hub') report.write('hub', ['from', 'the hub'])
else {
  report.write('page.html', '<script>alert(1)</script>')
  report.write('page.html', '<p>' + new Array(300001).join('ü') + '</p>')
}
`

describe('reports', () => {
  test('are listed, downloaded and deleted through the hub', async (t) => {
    const folder = await tempFolder(t)
    writeFileSync(join(folder, 'reporter.js'), SCRIPT)
    writeFileSync(join(folder, 'remora.yaml'), 'scripting: { active: [Reporter], source: . }\n')
    const tap = new Running(t, folder, ['tap', '--pcap', SAMPLE, '--node-name', 'n1'])
    const client = await tap.client(t)
    await until(async () => (await client.reports()).reports.length === 3)
    const { reports, missing } = await client.reports()
    assert.deepEqual(missing, [])
    const page = reports.find(({ name, version }) => name === 'page.html' && version === 2)
    const list = reports.find(({ name }) => name === 'hub')
    assert.deepEqual(
      [page?.node, page?.format, page?.title, page?.bytes],
      ['n1', 'html', 'Reporter', 600_007],
    )
    assert.deepEqual([list?.node, list?.format, list?.version], ['hub', 'json', 1])

    const url = `${tap.apiUrl}/api/v1/reports/n1/${page?.id}`
    const response = await fetch(url)
    assert.equal(await response.text(), `<p>${'ü'.repeat(300_000)}</p>`)
    assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="page\.html"/)
    assert.match(response.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'/)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal((await fetch(`${tap.apiUrl}/api/v1/reports/n1/none`)).status, 404)
    assert.equal((await fetch(`${tap.apiUrl}/api/v1/reports/nowhere/${page?.id}`)).status, 404)
    assert.equal((await fetch(`${tap.apiUrl}/api/v1/reports/n1/..%2Fa`)).status, 400)

    const hub = ['--hub-url', tap.apiUrl]
    const table = await remora(['reports', 'list', ...hub])
    assert.match(table.stdout, /page\.html +2 +html +600007 +Reporter +n1/)
    const got = await remora(['reports', 'get', 'hub', ...hub])
    assert.deepEqual(JSON.parse(got.stdout), ['from', 'the hub'])
    const file = join(folder, 'page.html')
    assert.equal((await remora(['reports', 'get', 'page.html', '-o', file, ...hub])).code, 0)
    assert.equal(readFileSync(file, 'utf8').length, 300_007)
    const deleted = await remora(['reports', 'delete', 'page.html', ...hub])
    assert.equal(deleted.stdout, 'deleted page.html, version 2 on n1\n', deleted.stderr)
    assert.equal((await remora(['reports', 'delete', 'hub', ...hub])).code, 0)
    assert.equal((await remora(['reports', 'get', 'hub', ...hub])).code, 2)
    const { reports: left } = await client.reports()
    assert.deepEqual(
      left.map(({ name, version }) => [name, version]),
      [['page.html', 1]],
    )
    assert.equal(await tap.stop(), 0)
  })

  test('are files that a run names, and nothing in a dry run', async () => {
    await withFiles({ 'reporter.js': SCRIPT }, async (folder) => {
      const args = ['run', 'reporter.js', '--pcap', SAMPLE, '--hub', 'never']
      const { code, stderr } = await remora(args, { cwd: folder })
      assert.equal(code, 0, stderr)
      const path = /report page\.html, version 1: (\S+)/.exec(stderr)?.[1]
      assert.equal(readFileSync(path ?? '', 'utf8'), '<script>alert(1)</script>')
      const dry = await remora([...args, '--dry-run'], { cwd: folder })
      assert.match(dry.stdout, /report\.write/)
      assert.doesNotMatch(dry.stderr, /version/)
    })
  })
})
