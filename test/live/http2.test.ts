import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { httpServer } from '../../src/testing/http-server.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { freePort } from '../../src/testing/ports.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

describe('HTTP/2 between real clients and servers', () => {
  test('nginx: what h2load and curl ask for is what its log has', async (t) => {
    if (!hasTools(t, 'tcpdump', 'nginx', 'h2load', 'curl')) return
    await withFiles(
      { 'html/a.json': '{"a":1}', 'html/big.txt': 'x'.repeat(400_000), 'up.txt': 'y'.repeat(100_000) },
      async (folder) => {
        const port = await freePort()
        // nginx hands a request on when all of it is there; what it answers by itself it answers at once.
        const behind = await httpServer(t, (_, response) => response.end('got it'))
        writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder, port, behind.port))
        const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
        t.after(() => nginx.kill('SIGKILL'))
        await listens(port)
        const url = `http://127.0.0.1:${port}`
        const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
          await run('h2load', ['-n', '600', '-c', '4', '-m', '20', `${url}/a.json?n=1`, `${url}/nowhere`])
          const curl = (...args: string[]) =>
            run('curl', ['-s', '-o', '/dev/null', '--http2-prior-knowledge', ...args])
          await curl(`${url}/big.txt`, '-o', '/dev/null', `${url}/a.json`)
          await curl('-I', `${url}/a.json`)
          await curl('--compressed', `${url}/big.txt`)
          await curl('-T', join(folder, 'up.txt'), `${url}/up`)
          await curl('-d', 'a=1&b=2', `${url}/up`)
          await curl('-T', join(folder, 'up.txt'), `${url}/refused`)
          await curl('-r', '0-99', `${url}/big.txt`)
        })
        nginx.kill('SIGQUIT')
        await once(nginx, 'exit')
        const log = readFileSync(join(folder, 'access.log'), 'utf8')
        const { entries, counters } = await readCapture(path as string)
        assert.deepEqual(counters.dissection.invalid, {})
        const ours = entries.map(({ request, response }) => {
          const { method, url } = request as Message
          return `${method} ${url} ${(response as Message).status} ${(response as Message).bodySize}`
        })
        assert.deepEqual(ours.sort(), log.trim().split('\n').sort())
        assert.ok(ours.length > 600, `${ours.length} requests`)
        const post = entries.find(({ request }) => (request as Message).bodySize === 7)
        assert.equal((post?.request as Message | undefined)?.postData.text, 'a=1&b=2')
      },
    )
  })

  test('nghttpd: pushes, trailers, padding, small tables, and heads of several frames', async (t) => {
    if (!hasTools(t, 'tcpdump', 'nghttpd', 'nghttp')) return
    const files = { 'html/index.html': '<p>', 'html/a.css': 'p{}', 'html/b.txt': 'b'.repeat(30_000) }
    await withFiles(files, async (folder) => {
      const port = await freePort()
      const nghttpd = spawn(
        'nghttpd',
        [
          ...['--no-tls', '-a', '127.0.0.1', '-d', join(folder, 'html'), '-p', '/index.html=/a.css'],
          ...['--trailer', 'x-checksum: abc', '-b', '50', String(port)],
        ],
        { stdio: 'ignore' },
      )
      t.after(() => nghttpd.kill('SIGKILL'))
      await listens(port)
      const url = `http://127.0.0.1:${port}`
      const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
        await run('nghttp', ['-n', `${url}/index.html`, `${url}/b.txt`])
        await run('nghttp', ['-n', '-b', '200', '--header-table-size=100', `${url}/a.css`, `${url}/none`])
        await run('nghttp', [
          '-n',
          `-Hx-long: ${'q'.repeat(9000)}`,
          `-Hx-more: ${'r'.repeat(9000)}`,
          `${url}/a.css`,
        ])
        await run('nghttp', [
          '-n',
          '-d',
          join(folder, 'html/b.txt'),
          '--trailer',
          'x-sent: yes',
          `${url}/index.html`,
        ])
      })
      const { entries } = await readCapture(path as string)
      const lines = entries.map(
        (entry) => `${entry.protocol.abbr} ${entry.base.method} ${entry.base.summary} ${entry.base.status}`,
      )
      assert.deepEqual(lines.sort(), [
        ...[
          'HTTP/2 GET /a.css 200',
          'HTTP/2 GET /a.css 200',
          'HTTP/2 GET /a.css 200',
          'HTTP/2 GET /a.css 200',
        ],
        'HTTP/2 GET /b.txt 200',
        'HTTP/2 GET /index.html 200',
        'HTTP/2 GET /none 404',
        'HTTP/2 POST /index.html 200',
      ])
      const replies = entries
        .filter(({ protocol }) => protocol.abbr === 'HTTP/2')
        .map(({ response }) => response as Message)
      assert.deepEqual(new Set(replies.map(({ headers }) => headers['x-checksum'])), new Set(['abc']))
      const long = entries.map(({ request }) => (request as Message).headers['x-long']?.length ?? 0)
      assert.ok(long.includes(9000))
      const posted = entries.find(({ base }) => base.method === 'POST')?.request as Message
      assert.deepEqual([posted.headers['x-sent'], posted.bodySize], ['yes', 30_000])
    })
  })

  test('lighttpd: nghttp and curl that upgrade', async (t) => {
    if (!hasTools(t, 'tcpdump', 'lighttpd', 'nghttp', 'curl')) return
    await withFiles({ 'html/a.css': 'p{}', 'html/b.txt': 'b'.repeat(30_000) }, async (folder) => {
      const port = await freePort()
      const config = `server.document-root = "${folder}/html"\nserver.port = ${port}\nserver.bind = "127.0.0.1"\n`
      writeFileSync(join(folder, 'lighttpd.conf'), config)
      const lighttpd = spawn('lighttpd', ['-D', '-f', join(folder, 'lighttpd.conf')], { stdio: 'ignore' })
      t.after(() => lighttpd.kill('SIGKILL'))
      await listens(port)
      const url = `http://127.0.0.1:${port}`
      const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
        await run('nghttp', ['-nu', `${url}/a.css`, `${url}/b.txt`])
        await run('curl', [
          '-s',
          '--http2',
          '-o',
          '/dev/null',
          `${url}/b.txt`,
          '-o',
          '/dev/null',
          `${url}/none`,
        ])
      })
      const { entries } = await readCapture(path as string)
      assert.deepEqual(
        entries
          .map(
            ({ protocol, base, request }) =>
              `${protocol.abbr} ${base.summary} ${base.status} ${(request as Message).httpVersion}`,
          )
          .sort(),
        [
          'HTTP /a.css 101 HTTP/1.1',
          'HTTP /b.txt 101 HTTP/1.1',
          'HTTP/2 /a.css 200 HTTP/1.1',
          'HTTP/2 /b.txt 200 HTTP/1.1',
          'HTTP/2 /b.txt 200 HTTP/2.0',
          'HTTP/2 /none 404 HTTP/2.0',
        ],
      )
    })
  })

  test('Node: pushes, interim replies, resets, trailers and a goodbye', async (t) => {
    if (!hasTools(t, 'tcpdump', 'nghttp')) return
    await withFiles({}, async (folder) => {
      const server = await nodeServer(t)
      const { port } = server.address() as AddressInfo
      const url = `http://127.0.0.1:${port}`
      const path = await captureLoopback(t, folder, `tcp port ${port}`, async () => {
        await run('nghttp', ['-n', `${url}/push`, `${url}/early`, `${url}/reset`, `${url}/trailers`])
        await run('nghttp', ['-n', `${url}/goodbye`])
      })
      const { entries } = await readCapture(path as string)
      assert.deepEqual(
        entries
          .map(({ base, error }) =>
            `${base.method} ${base.summary} ${base.status} ${error?.msg ?? ''}`.trim(),
          )
          .sort(),
        [
          'GET /early 200',
          'GET /goodbye 0 GOAWAY: ENHANCE_YOUR_CALM',
          'GET /push 200',
          'GET /pushed 203',
          'GET /reset 200 RST_STREAM: INTERNAL_ERROR',
          'GET /trailers 200',
        ],
      )
      const trailers = entries.find(({ base }) => base.summary === '/trailers')?.response as
        | Message
        | undefined
      assert.equal(trailers?.headers['x-late'], 'yes')
    })
  })
})

interface Message {
  readonly httpVersion: string
  readonly method: string
  readonly url: string
  readonly status: number
  readonly bodySize: number
  readonly headers: Readonly<Record<string, string>>
  readonly postData: { readonly text: string }
}

function nginxConfig(folder: string, port: number, behind: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/errors.log; user root; events {}
http {
  ${temporary.join(' ')}
  log_format seen '$request_method $request_uri $status $body_bytes_sent';
  access_log ${folder}/access.log seen;
  gzip on; gzip_types text/plain; types { application/json json; text/plain txt; }
  server {
    listen 127.0.0.1:${port} http2;
    root ${folder}/html;
    location /up { client_max_body_size 1m; proxy_pass http://127.0.0.1:${behind}; }
    location /refused { return 403 'no'; }
  }
}`
}

/** A server that does what others rarely do. */
async function nodeServer(t: TestContext): Promise<Http2Server> {
  const server = createServer({ paddingStrategy: constants.PADDING_STRATEGY_MAX })
  server.on('stream', (stream, headers) => void answer(stream as ServerHttp2Stream, String(headers[':path'])))
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return server
}

async function answer(stream: ServerHttp2Stream, path: string): Promise<void> {
  stream.on('error', () => {})
  switch (path) {
    case '/push':
      stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
        if (error !== null) return
        pushed.respond({ ':status': 203 })
        pushed.end('pushed')
        stream.respond({ ':status': 200 })
        stream.end('done')
      })
      return
    case '/early':
      stream.additionalHeaders({ ':status': 103, link: '</a>' })
      stream.respond({ ':status': 200 })
      stream.end()
      return
    case '/reset':
      stream.respond({ ':status': 200 })
      stream.write('some')
      await setTimeout(50)
      stream.destroy(new Error('as if something had gone wrong'))
      return
    case '/trailers':
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-late': 'yes' }))
      stream.end('body')
      return
    default:
      stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0)
      await setTimeout(50)
      stream.session?.destroy()
  }
}

async function listens(port: number): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await setTimeout(50)) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
  }
  throw new Error(`nothing listens on ${port}`)
}

const PATIENCE_MS = 10_000

/** A client, to its end, however that is. */
async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore', timeout: PATIENCE_MS })
  await once(child, 'close')
}
