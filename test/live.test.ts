import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { httpServer } from '../src/testing/http-server.ts'
import { canCapture, fetchOnce } from '../src/testing/live-run.ts'
import { remora, withFiles } from '../src/testing/remora.ts'

const agent = (name: string) =>
  `function onItemCaptured(data) { if (data.request) console.log("${name}", data.request.path, data.response && data.response.status) }`

describe('remora run --interface', () => {
  test('follows agents as they change, and ends with a summary on Ctrl-C', async (t) => {
    if (!canCapture(t)) return
    const server = await httpServer(t, (_, response) => response.end('hello'))
    const get = (path: string) => fetchOnce(server.port, path)
    await withFiles({ 'a.js': agent('first'), 'b.js': agent('other') }, async (folder) => {
      const save = (name: string, source: string) => writeFileSync(join(folder, name), source)
      const { code, stdout, stderr } = await remora(
        ['run', folder, '--interface', 'lo', '--filter', `tcp port ${server.port}`, '--node-name', 'n'],
        {
          cwd: folder,
          meanwhile: async (pid, output) => {
            const until = (words: RegExp) =>
              waitFor(
                () => words.test(output()),
                () => `${words} in ${output()}`,
              )
            await waitFor(
              async () => {
                await get('/probe')
                return /first \/probe 200/.test(output())
              },
              () => 'the capture to begin',
            )

            save('a.js', 'function onItemCaptured(data) { let x }')
            await until(/a\.js:1:37: [\s\S]*The old version keeps running/)
            await get('/one')
            await until(/\[n-0\] first \/one 200/)

            save('a.js', 'missing()')
            await until(/a\.js does not load, the old version keeps running: ReferenceError: missing/)
            await get('/two')
            await until(/\[n-0\] first \/two 200/)

            save('a.js', agent('second'))
            await until(/a\.js was reloaded/)
            await get('/three')
            await until(/\[n-0\] second \/three 200/)

            save('c.js', 'function onItemCaptured() { for (;;) {} }')
            await until(/c\.js was reloaded/)
            await get('/four')
            await until(/\[n-2:ERROR\] stopped: it ran for more than 150 ms/)
            save('c.js', agent('mended'))
            await waitFor(
              async () => {
                await get('/five')
                return /\[n-2\] mended \/five 200/.test(output())
              },
              () => 'an agent that was stopped to be armed again',
            )

            rmSync(join(folder, 'c.js'))
            await until(/c\.js is gone/)
            await get('/six')
            await until(/\[n-1\] other \/six 200/)
            process.kill(pid, 'SIGINT')
          },
        },
      )
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^Capture {2}interface lo/m)
      assert.match(stdout, /^Ledger {2}everything adds up$/m)
      assert.match(stdout, /not captured {2}nothing that we know of/)
      for (const path of ['one', 'two', 'three', 'four', 'six'])
        assert.equal(stdout.match(new RegExp(`other /${path} 200`, 'g'))?.length, 1, path)
      assert.doesNotMatch(stdout, /first \/three|mended \/six/)
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace')
    })
  })

  test('does not show agents what their own helpers send', async (t) => {
    if (!canCapture(t)) return
    const server = await httpServer(t, (_, response) => response.end('hello'))
    const source = `function onItemCaptured(data) {
  vendor.webhook("POST", "http://127.0.0.1:${server.port}/report", "seen");
  console.log("seen", data.request && data.request.path);
}`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(
        ['run', folder, '--interface', 'lo', '--filter', `tcp port ${server.port}`],
        {
          cwd: folder,
          meanwhile: async (pid, output) => {
            await waitFor(
              async () => {
                await fetchOnce(server.port, '/probe')
                return /seen \/probe/.test(output())
              },
              () => 'the capture to begin',
            )
            await setTimeout(1000)
            process.kill(pid, 'SIGINT')
          },
        },
      )
      assert.doesNotMatch(stdout, /seen \/report/)
      assert.match(stdout, /; (\d+ requests and )?\d+ packets of our own left out$/m)
      assert.match(stdout, /^Ledger {2}everything adds up$/m)
    })
  })

  test('runs jobs, and ends, on an interface where nothing happens', async (t) => {
    if (!canCapture(t)) return
    const source = `jobs.schedule("tick", "* * * * * *", function () { console.log("tick") })`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { code, stdout } = await remora(['run', folder, '--interface', 'lo', '--filter', 'tcp port 1'], {
        cwd: folder,
        meanwhile: async (pid, output) => {
          await waitFor(() => /\] tick/.test(output()), output)
          process.kill(pid, 'SIGINT')
        },
      })
      assert.equal(code, 0)
      assert.match(stdout, /packets {2,}0 {2}/)
      assert.match(stdout, /^Ledger {2}everything adds up$/m)
    })
  })

  test('tells of a question that nobody answers, where nothing else happens', async (t) => {
    if (!canCapture(t)) return
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    t.after(() => silent.close())
    await once(silent, 'listening')
    const { port } = silent.address()
    const source =
      'function onItemCaptured(data) { console.log(data.request.questions[0].name, data.error.msg) }'
    const question = Buffer.from('00010100000100000000000004746573740000010001', 'hex')
    await withFiles({ 'a.js': source }, async (folder) => {
      const patient = ['--set', 'tap.misc.tcpStreamChannelTimeoutMs=1000']
      const filter = `udp port ${port}`
      const { stdout } = await remora(['run', folder, '--interface', 'lo', '--filter', filter, ...patient], {
        cwd: folder,
        meanwhile: async (pid, output) => {
          await waitFor(() => existsSync(join(folder, '.remora/data')), output)
          await setTimeout(2000)
          silent.send(question, port, '127.0.0.1')
          await waitFor(() => /\] test no reply/.test(output()), output)
          process.kill(pid, 'SIGINT')
        },
      })
      assert.match(stdout, /packets {2,}1 {2}/)
    })
  })

  test('refuses a filter that is none', async (t) => {
    if (!canCapture(t)) return
    await withFiles({ 'a.js': agent('a') }, async (folder) => {
      const { code, stderr } = await remora(
        ['run', 'a.js', '--interface', 'lo', '--filter', 'port of call'],
        {
          cwd: folder,
        },
      )
      assert.equal(code, 2)
      assert.match(stderr, /port of call/)
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace')
    })
  })
})

async function waitFor(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(50)) {
    if (await condition()) return
    if (Date.now() > end) throw new Error(`waited in vain for ${what()}`)
  }
}

const PATIENCE_MS = 20_000
