import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY } from '../testing/remora.ts'

describe('the end of a program', () => {
  test('closes everything in reverse order, whatever fails, and says so with its exit code', async () => {
    const good = await ended(
      `shutdown.add('bus', () => say('bus closed'))
       shutdown.add('hub', async () => { await later(50); say('hub closed') })`,
      ['SIGTERM'],
    )
    assert.deepEqual(good, { code: 0, signal: null, said: ['ends', 'hub closed', 'bus closed'] })
    const bad = await ended(
      `shutdown.add('bus', () => say('bus closed'))
       shutdown.add('hub', () => { throw new Error('stuck') })`,
      ['SIGHUP'],
    )
    assert.deepEqual(bad, { code: 1, signal: null, said: ['ends', 'does not close', 'bus closed'] })
  })

  test('comes at once at the second signal', async () => {
    const { code, said } = await ended(`shutdown.add('hub', () => new Promise(() => {}))`, [
      'SIGTERM',
      'SIGINT',
    ])
    assert.equal(code, 130)
    assert.deepEqual(said, ['ends', 'ends at once'])
  })

  test('comes when the deadline has passed', async () => {
    const { code, said } = await ended(`shutdown.add('hub', () => new Promise(() => {}))`, ['SIGTERM'], 100)
    assert.equal(code, 1)
    assert.deepEqual(said, ['ends', 'does not wait any longer'])
  })

  test('comes without a signal, too, and stops what waits', async () => {
    const { code, said } = await ended(
      `shutdown.signal.addEventListener('abort', () => say('stopped'))
       shutdown.add('hub', () => say('hub closed'))
       process.exitCode = await shutdown.end('done', 2)
       clearInterval(alive)`,
      [],
    )
    assert.equal(code, 2)
    assert.deepEqual(said, ['ends', 'stopped', 'hub closed'])
  })
})

/** One Ctrl-C may come several times within a shorter time. */
const APART_MS = 500

/** Runs a program to its end; each signal is sent when it has said one thing more. */
async function ended(program: string, signals: readonly NodeJS.Signals[], deadlineMs = 60_000) {
  const script = `
    import { setTimeout as later } from 'node:timers/promises'
    import { Shutdown } from ${JSON.stringify(join(REPOSITORY, 'src/cli/shutdown.ts'))}
    const say = (text) => console.log(text)
    const alive = setInterval(() => {}, 1000)
    const shutdown = new Shutdown({ tell: say, deadlineMs: ${deadlineMs} })
    say('ready')
    ${program}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: string[] = []
  const waiting = [...signals]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) {
      said.push(line)
      const next = waiting.shift()
      // Those that come together are one.
      if (next !== undefined) setTimeout(() => child.kill(next), APART_MS)
    }
  })
  const [code, signal] = await once(child, 'close')
  return { code, signal, said: said.slice(1) }
}
