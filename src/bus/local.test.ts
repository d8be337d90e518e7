import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { bytes, describeBus, refused, streamOptions, text } from '../testing/describe-bus.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { StreamMessage } from './bus.ts'
import { type LocalBus, openLocalBus } from './local.ts'

describeBus('a bus in one process', async (t) => {
  const folder = await tempFolder(t)
  let bus: LocalBus | undefined
  t.after(() => bus?.close())
  return {
    async programs(count) {
      const opened = openLocalBus({ folder })
      bus = opened
      return Array.from({ length: count }, () => opened)
    },
    async restart() {
      await bus?.close()
      bus = openLocalBus({ folder })
      return bus
    },
  }
})

describe('a local bus', () => {
  it('says which process uses its folder', async (t) => {
    const folder = await tempFolder(t)
    const bus = openLocalBus({ folder })
    t.after(() => bus.close())
    const mine = await refused('E_STORE', async () => openLocalBus({ folder }))
    assert.match(mine.message, /in use by this process/)
    const child = spawn(process.execPath, ['-e', OPEN, import.meta.resolve('./local.ts'), folder])
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    await once(child, 'close')
    assert.match(said, new RegExp(`E_STORE .*in use by process ${process.pid}$`, 'm'))
  })

  it('does not touch a damaged file, and says what to do', async (t) => {
    const folder = await tempFolder(t)
    const path = join(folder, 'bus.db')
    writeFileSync(path, 'this is no database, and it is longer than a header of one would be'.repeat(100))
    const before = readFileSync(path)
    const mistake = await refused('E_STORE', async () => openLocalBus({ folder }))
    assert.match(mistake.message, /bus\.db/)
    assert.match(mistake.hint ?? '', /Move it/)
    assert.deepEqual(readFileSync(path), before)
  })

  it('has what was appended, and knows what was begun, after a kill -9', async (t) => {
    const folder = await tempFolder(t)
    const child = spawn(process.execPath, ['-e', APPEND, import.meta.resolve('./local.ts'), folder])
    t.after(() => child.kill('SIGKILL'))
    let said = ''
    for await (const chunk of child.stdout) {
      said += chunk
      if (/taking/.test(said) && /appended 20\b/.test(said)) break
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    const appended = [...said.matchAll(/appended (\d+)/g)].map(([, at]) => `${at}`)
    const bus = openLocalBus({ folder })
    t.after(() => bus.close())
    const stream = await bus.stream({ ...streamOptions(), name: 'actions' })
    const all: StreamMessage[] = []
    for await (const message of stream.read({ follow: false, signal: new AbortController().signal }))
      all.push(message)
    const kept = all.map(({ payload }) => text(payload))
    assert.deepEqual(kept.slice(0, appended.length), appended)
    const end = new AbortController()
    const taken: string[] = []
    await stream.consume(
      'hub',
      async ({ payload, redelivered }) => {
        taken.push(`${text(payload)} ${redelivered}`)
        if (taken.length === 2) end.abort()
      },
      end.signal,
    )
    assert.deepEqual(taken, ['3 true', '4 false'])
  })

  it('counts what is published beyond what it puts by', async (t) => {
    const bus = openLocalBus({ folder: null })
    t.after(() => bus.close())
    let heard = 0
    bus.subscribe('a', () => heard++)
    for (let at = 0; at < 100_010; at++) bus.publish('a', bytes('x'))
    await bus.close()
    assert.equal(heard, 100_000)
    assert.deepEqual(bus.dropped, { behind: 10 })
  })
})

const OPEN = `
  const { openLocalBus } = await import(process.argv[1])
  try { openLocalBus({ folder: process.argv[2] }) }
  catch (error) { console.log(error.code, error.message) }`

const APPEND = `
  const { openLocalBus } = await import(process.argv[1])
  const bus = openLocalBus({ folder: process.argv[2] })
  const stream = await bus.stream({ name: 'actions', mostMessages: 1e6, mostBytes: 1e9, mostAgeMs: 1e9, rememberIdsMs: 60000 })
  stream.consume('hub', async ({ payload }) => {
    if (Buffer.from(payload).toString() !== '3') return
    console.log('taking')
    await new Promise(() => undefined)
  }, new AbortController().signal)
  for (let at = 0; ; at++) {
    await stream.append('actions.a', Buffer.from(String(at)), { id: String(at) })
    console.log('appended', at)
  }`
