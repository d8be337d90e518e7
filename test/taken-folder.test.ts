import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../src/testing/ports.ts'
import { REPOSITORY, remora } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'

test('a folder for entries that another program uses is a mistake that is told, with how to mend it', async (t) => {
  const cwd = await tempFolder(t)
  mkdirSync(join(cwd, '.remora/entries'), { recursive: true })
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(cwd, '.remora/entries/writer.lock'), `${process.pid} ${started}`)
  const port = await freePort()
  const { code, stderr } = await remora(
    [
      'tap',
      ...['--pcap', join(REPOSITORY, 'samples/sample.pcap')],
      ...['--set', `tap.proxy.front.port=${port}`],
      ...['--set', 'tap.metrics.port=0', '--set', 'hub.metricsPort=0'],
    ],
    { cwd },
  )
  assert.match(stderr, /^remora: process \d+ keeps entries in .* already\n {8}set entries.folder to/m)
  assert.doesNotMatch(stderr, / {4}at /)
  assert.equal(code, 2)
})
