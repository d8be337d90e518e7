import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../testing/temp-folder.ts'
import { scratchFolder } from './scratch-folder.ts'

test('folders of processes that were killed go, and those of others stay', async (t) => {
  const parent = await tempFolder(t)
  const { pid } = spawnSync('true')
  const put = (name: string, hours: number) => {
    const path = join(parent, name)
    mkdirSync(path)
    writeFileSync(join(path, 'entries'), 'x')
    const at = Date.now() / 1000 - hours * 3600
    utimesSync(path, at, at)
    return name
  }
  put(`remora-input-${pid}-abc123`, 2)
  const stays = [
    put(`remora-input-${process.pid}-abc123`, 2),
    put(`remora-trial-${pid}-justno`, 0),
    put('remora-abc123', 2),
    put(`mine-${pid}-abc123`, 2),
  ]
  const made = scratchFolder('trial', parent)
  assert.match(made, new RegExp(`/remora-trial-${process.pid}-\\w{6}$`))
  assert.deepEqual(readdirSync(parent).sort(), [...stays, made.slice(parent.length + 1)].sort())
})
