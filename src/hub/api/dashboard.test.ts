import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { request } from 'undici'
import { startTestApi, WITH_TOKENS } from '../../testing/api.ts'
import { tempFolder } from '../../testing/temp-folder.ts'

const PAGE = '<!doctype html><title>Remora</title>'
const SCRIPT = 'console.log("of the dashboard")'
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

/** A hub with a dashboard that was built, in a folder with something beside it. */
async function startWithDashboard(t: TestContext, options: Parameters<typeof startTestApi>[1] = {}) {
  const root = await tempFolder(t)
  const folder = join(root, 'dashboard')
  await mkdir(join(folder, 'assets'), { recursive: true })
  await writeFile(join(root, 'secret.txt'), 'of somebody else')
  await writeFile(join(folder, 'index.html'), PAGE)
  await writeFile(join(folder, 'icon.svg'), '<svg/>')
  await writeFile(join(folder, '.hidden'), 'not part of it')
  await writeFile(join(folder, 'assets', 'main-1a2b3c.js'), SCRIPT)
  await writeFile(join(folder, 'assets', 'main-1a2b3c.js.br'), brotliCompressSync(SCRIPT))
  await writeFile(join(folder, 'assets', 'main-1a2b3c.js.gz'), gzipSync(SCRIPT))
  return startTestApi(t, { ...options, dashboard: folder })
}

async function get(url: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  const { statusCode, headers: answered, body } = await request(`${url}${path}`, { headers })
  return { status: statusCode, headers: answered, text: await body.text() }
}

test('every address of the dashboard is its page, which is asked for anew each time', async (t) => {
  const { url } = await startWithDashboard(t)
  for (const path of [
    '/',
    '/traffic?q=http',
    '/agents',
    '/agents/a%20b.js',
    '/map',
    '/recordings',
    '/alerts',
    '/x/y/z',
  ]) {
    const { status, text, headers } = await get(url, path, HTML)
    assert.equal(status, 200, path)
    assert.equal(text, PAGE)
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(headers['cache-control'], 'no-cache')
  }
})

test('files are compressed as the browser can take them, and kept for good when their names have a hash', async (t) => {
  const { url } = await startWithDashboard(t)
  const plain = await get(url, '/assets/main-1a2b3c.js')
  assert.equal(plain.text, SCRIPT)
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable')
  for (const encoding of ['br', 'gzip']) {
    const { status, headers } = await get(url, '/assets/main-1a2b3c.js', { 'accept-encoding': encoding })
    assert.equal(status, 200)
    assert.equal(headers['content-encoding'], encoding)
    assert.match(String(headers['content-type']), /javascript/)
    assert.match(String(headers.vary), /accept-encoding/i)
  }
  const icon = await get(url, '/icon.svg')
  assert.equal(icon.headers['cache-control'], 'no-cache')
  assert.match(String(icon.headers['content-type']), /image\/svg/)
  const { etag } = icon.headers
  assert.equal((await get(url, '/icon.svg', { 'if-none-match': String(etag) })).status, 304)
})

test('all of it comes with a policy that lets nothing in from elsewhere', async (t) => {
  const { url } = await startWithDashboard(t)
  for (const path of ['/', '/traffic', '/icon.svg', '/assets/main-1a2b3c.js']) {
    const { headers } = await get(url, path, HTML)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /script-src 'self'(;|$)/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  }
})

test('the first page is also for who takes anything', async (t) => {
  const { url } = await startWithDashboard(t)
  for (const headers of [{}, { accept: '*/*' }]) {
    const { status, headers: given } = await get(url, '/', headers)
    assert.equal(status, 200)
    assert.match(String(given['content-type']), /text\/html/)
  }
  assert.equal((await get(url, '/', { accept: 'application/json' })).status, 404)
})

test('what is no file of it is not found, and no page for programs', async (t) => {
  const { url } = await startWithDashboard(t)
  for (const [path, headers] of [
    ['/assets/main-gone.js', {}],
    ['/traffic', { accept: 'application/json' }],
    ['/api/v1/nothing', HTML],
    ['/api', HTML],
  ] as const) {
    const { status, text } = await get(url, path, headers)
    assert.equal(status, 404, path)
    assert.equal(JSON.parse(text).code, 'E_NOT_FOUND')
  }
  const { statusCode } = await request(`${url}/traffic`, { method: 'POST', headers: HTML })
  assert.equal(statusCode, 404)
})

test('nothing outside of its folder is reached, whatever the address', async (t) => {
  const { url } = await startWithDashboard(t)
  for (const path of [
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//secret.txt',
    '/.hidden',
    '/assets/%00',
    '/assets',
    '/assets/',
  ]) {
    // As it stands: clients tidy addresses up.
    const answer = await raw(url, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
    assert.doesNotMatch(answer, /somebody else|not part of it/, path)
    assert.match(answer, /^HTTP\/1\.1 (400|403|404) /, path)
  }
})

test('what older tools ask for is still theirs', async (t) => {
  const { url } = await startWithDashboard(t)
  const scripts = await get(url, '/scripts', HTML)
  assert.equal(scripts.status, 200)
  assert.match(String(scripts.headers['content-type']), /json/)
  assert.equal((await get(url, '/echo', HTML)).text, 'Remora')
})

test('the page needs no token, and the API does', async (t) => {
  const { url } = await startWithDashboard(t, WITH_TOKENS)
  assert.equal((await get(url, '/', HTML)).text, PAGE)
  assert.equal((await get(url, '/assets/main-1a2b3c.js')).status, 200)
  assert.equal((await get(url, '/api/v1/agents', HTML)).status, 401)
  assert.equal((await get(url, '/scripts', HTML)).status, 401)
})

test('where it is not built, a page says how to build it, until it is', async (t) => {
  const folder = await tempFolder(t)
  const { url } = await startTestApi(t, { dashboard: join(folder, 'dashboard') })
  const { status, text, headers } = await get(url, '/', HTML)
  assert.equal(status, 503)
  assert.match(text, /node scripts\/build-dashboard\.ts/)
  assert.equal(headers['cache-control'], 'no-store')
  await mkdir(join(folder, 'dashboard'))
  await writeFile(join(folder, 'dashboard', 'index.html'), PAGE)
  assert.equal((await get(url, '/', HTML)).text, PAGE)
})

async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
