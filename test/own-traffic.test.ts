import assert from 'node:assert/strict'
import type { createServer, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { certificate } from '../src/testing/certificate.ts'
import { httpServer } from '../src/testing/http-server.ts'
import { canCapture, fetchOnce } from '../src/testing/live-run.ts'
import { remora, withFiles } from '../src/testing/remora.ts'

/** Sends something for each packet and each entry that it sees: were it shown its own, it would never end. */
const ECHO = `// Answer everything
function onPacketCaptured(info) {
  if (info.srcPort === PORT || info.dstPort === PORT) console.log('packet', info.tcpFlags)
}
function onItemCaptured(data) {
  console.log('entry', data.dst.port, data.request && data.request.path)
  try { vendor.webhook('POST', 'http://127.0.0.1:PORT/echo', 'x') } catch (error) { console.log(String(error)) }
  try { vendor.webhook('POST', 'https://127.0.0.1:TLS/echo', 'x') } catch (error) { console.log('tls') }
}`

test('what Remora sends and receives itself is not captured, whatever protocol it is', async (t) => {
  if (!canCapture(t)) return
  const sink = await httpServer(t, (_, response) => response.end('ok'))
  const { cert, key } = await certificate(t)
  const secure = createTlsServer({ cert, key }, (socket) => socket.end())
  const tls = await listen(t, secure)
  const seen = await httpServer(t, (_, response) => response.end('hello'))
  const code = ECHO.replaceAll('PORT', String(sink.port)).replaceAll('TLS', String(tls))
  await withFiles({ 'a.js': code }, async (folder) => {
    const {
      code: exit,
      stdout,
      stderr,
    } = await remora(['run', folder, '--interface', 'lo', '--json'], {
      cwd: folder,
      meanwhile: async (pid, output) => {
        for (let tries = 0; !output().includes('/probe') && tries < 100; tries++) {
          await fetchOnce(seen.port, '/probe')
          await setTimeout(100)
        }
        for (let at = 0; at < 20; at++) await fetchOnce(seen.port, `/n${at}`)
        await setTimeout(1500)
        process.kill(pid, 'SIGINT')
      },
    })
    assert.equal(exit, 0, stderr)
    const lines = stdout.split('\n').filter((line) => line.includes('"console"'))
    const texts = lines.map((line) => String(JSON.parse(line).text))
    const own = texts.filter(
      (text) => text.startsWith(`entry ${sink.port}`) || text.startsWith(`entry ${tls}`),
    )
    assert.deepEqual(own, [])
    assert.ok(texts.filter((text) => /^entry \d+ \/n/.test(text)).length === 20, stdout)
    assert.ok(sink.seen.length >= 20)
    const packets = texts.filter((text) => text.startsWith('packet'))
    t.diagnostic(`${packets.length} packets of our own seen, ${sink.seen.length} sent`)
    const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    assert.ok(JSON.stringify(summary).includes('"ownPackets":'), stdout)
    t.diagnostic(JSON.stringify(summary).match(/"ownPackets":\d+,"ownRequests":\d+/)?.[0] ?? '')
  })
})

async function listen(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => open.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as { readonly port: number }).port
}
