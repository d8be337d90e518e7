import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { KnownTexts } from '../src/helpers/known-texts.ts'
import { httpCapture } from '../src/testing/http-capture.ts'
import { REPOSITORY, remora } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import type { Sent } from '../src/testing/tcp-packets.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'
import { splitEntries } from '../src/wire/entry-lines.ts'

const IN_ENV = 3000
const EXCHANGES = 500
const IN_EACH = 14

/** The same each time, and like nothing else. */
const secret = (kind: string, at: number) =>
  `s${createHash('sha256').update(`${kind} ${at}`).digest('hex').slice(0, 27)}`

/** Says all it knows, wherever something can be said. */
const LOUD = `// Loud
console.log(JSON.stringify(env))
console.log('in pieces', env.TOKEN_1.substr(0, 9), env.TOKEN_1.substr(9), encodeURIComponent(env.TOKEN_4))
var said = 0
function onItemCaptured(data) {
  data.tags = [env.TOKEN_7]
  if (said++ > 20) return
  console.error('one', env.TOKEN_10, env.nested[said].password)
  try {
    vendor.webhook('POST', 'http://127.0.0.1:9/' + env.TOKEN_13 + '?token=' + env.TOKEN_16, env.TOKEN_19, { Authorization: env.TOKEN_22 })
  } catch (error) { console.error(error) }
  try { vendor.webhook('POST', env.URL_2, { text: env.TOKEN_25 }) } catch (error) { console.error(error) }
  try { vendor.webhook.queue('POST', env.URL_5, { text: env.TOKEN_25 }) } catch (error) { console.error(error) }
  file.write(env.TOKEN_28 + '.txt', 'x')
  try { file.read('../' + env.TOKEN_31) } catch (error) { console.error(error) }
  throw new Error('failed with ' + env.TOKEN_34)
}
function onItemQueried(data) {
  if (data.response) data.response.statusText = env.TOKEN_37
  return data
}
jobs.schedule('loud', '* * * * * *', function () { throw new Error('job ' + env.TOKEN_40) })
`
const BROKEN = `// Broken
throw new Error('does not load: ' + env.TOKEN_43)
`

test('10,000 secrets in env, headers and bodies: none on any output', async (t) => {
  const folder = await tempFolder(t)
  const env = secretEnv()
  const planted = [...secretsIn(env), ...trafficSecrets()]
  assert.equal(new Set(planted).size, IN_ENV + EXCHANGES * IN_EACH)
  const finder = new KnownTexts(planted.map((each) => [each, each]))
  await writeFile(
    join(folder, 'traffic.pcap'),
    httpCapture(Array.from({ length: EXCHANGES }, (_, at) => exchange(at))),
  )
  await mkdir(join(folder, 'agents'))
  await cp(join(REPOSITORY, 'templates/redact-sensitive-data.js'), join(folder, 'agents/a-redact.js'))
  await writeFile(join(folder, 'agents/b-loud.js'), LOUD)
  await writeFile(join(folder, 'agents/c-broken.js'), BROKEN)
  const active = ['Redact sensitive data', 'Loud', 'Broken']
  await writeFile(
    join(folder, 'remora.yaml'),
    JSON.stringify({
      scripting: { env, source: 'agents', active },
      logLevel: 'debug',
      tap: { misc: { jsonTTL: '24h' } },
    }),
  )

  const tap = new Running(t, folder, ['tap', '--pcap', 'traffic.pcap', '--node-name', 'n1'])
  await tap.says(/the API is at \S+,/)
  const outputs = new Map<string, string>()
  const api = tap.apiUrl
  const get = async (path: string, init: RequestInit = {}) => {
    const reply = await fetch(`${api}${path}`, init)
    const text = await reply.text()
    outputs.set(`${init.method ?? 'GET'} ${path}`, `${text}${JSON.stringify([...reply.headers])}`)
    return { status: reply.status, text }
  }
  const post = (path: string, body: object) =>
    get(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  const sockets = ['/api/ws', '/api/wsFull', '/api/scripts/logs'].map((path) => listening(t, api, path))
  const entries: string[] = []
  await until(async () => {
    entries.splice(0, entries.length, ...splitEntries((await get('/api/v1/entries?limit=1000')).text).entries)
    return entries.length >= EXCHANGES
  })
  await until(async () => /job /.test((await get('/api/v1/console')).text))
  await post('/api/v1/recordings', { name: 'all', filter: 'http', lastMinutes: 5 })
  await until(async () => JSON.parse((await get('/api/v1/recordings/all')).text).state === 'done')
  await get('/api/v1/entries?source=recording:all&limit=1000')
  for (const text of entries.slice(0, 30)) {
    const { worker, id } = JSON.parse(text)
    await get(`/api/v1/entries/${worker}/${id}`)
    await get(`/api/v1/entries/${worker}/${id}/har`)
    await get(`/api/item/${worker}/${id}`)
    await post('/api/mcp/tools/get_api_call_details', { id, worker })
  }
  const lists = [
    'agents',
    'scripting',
    'shared',
    'jobs',
    'outbox',
    'outbox/dead',
    'har',
    'nodes',
    'me',
    'settings',
    'status',
  ]
  for (const path of [
    ...lists,
    'recordings',
    'alerts',
    'effects?limit=1000',
    'audit',
    'captures',
    'active-titles',
  ])
    assert.equal((await get(`/api/v1/${path}`)).status, 200, path)
  await get('/api/scripts')
  await get('/api/mcp/calls')
  const trial = await post('/api/v1/trials', { code: LOUD, source: { kind: 'sample' } })
  assert.equal(trial.status, 200, trial.text)
  const [trialId] = /"id":"([^"]+)"/.exec(trial.text)?.slice(1) ?? []
  await post(`/api/v1/trials/${trialId}/fixture`, {})
  const metrics = /metrics at (\S+)/.exec(tap.stderr)?.[1] ?? ''
  outputs.set('metrics', await (await fetch(metrics)).text())
  for (const args of [
    ['entries', '--json'],
    ['audit'],
    ['audit', '--json'],
    ['agents'],
    ['jobs', 'list'],
    ['config'],
  ]) {
    const { stdout, stderr } = await remora([...args, ...(args[0] === 'config' ? [] : ['--hub-url', api])], {
      cwd: folder,
    })
    outputs.set(`remora ${args.join(' ')}`, stdout + stderr)
  }
  for (const { path, heard } of sockets) outputs.set(path, heard.join('\n'))
  assert.equal(await tap.stop(), 0, tap.stderr)
  outputs.set('stdout', tap.stdout)
  outputs.set('stderr', tap.stderr)
  for (const place of await auditFiles(join(folder, '.remora/state')))
    outputs.set(place, await readFile(place, 'utf8'))

  // They would be missing as well if nothing had been said.
  const all = [...outputs.values()].join('\n')
  for (const word of [
    '[env.TOKEN_1]',
    '[env.TOKEN_10]',
    '[env.TOKEN_28]',
    '[env.TOKEN_34]',
    '[env.TOKEN_40]',
    '[env.TOKEN_43]',
    '[redacted]',
  ])
    assert.ok(all.includes(word), word)
  const leaks = [...outputs].flatMap(([name, text]) =>
    finder
      .placesIn(text)
      .map(({ start, end }) => `${name}: …${text.slice(Math.max(0, start - 60), end + 10)}`),
  )
  t.diagnostic(`${outputs.size} outputs, ${Math.round(all.length / 1e6)} MB`)
  assert.deepEqual([leaks.length, ...leaks.slice(0, 12)], [0])
})

function secretEnv() {
  const env: Record<string, unknown> = { CLUSTER: 'shop' }
  const count = IN_ENV / 3
  for (let at = 0; at < count; at++) {
    env[`TOKEN_${at}`] = secret('token', at)
    env[`URL_${at}`] = `https://127.0.0.1:9/services/${secret('url', at)}`
  }
  env.nested = Array.from({ length: count }, (_, at) => ({ user: 'app', password: secret('nested', at) }))
  return env
}

function secretsIn({ nested, ...env }: Readonly<Record<string, unknown>>): string[] {
  const passwords = (nested as readonly { readonly password: string }[]).map(({ password }) => password)
  return [...Object.keys(env).flatMap((name) => nameToSecret(name)), ...passwords]
}

function nameToSecret(name: string): string[] {
  const [kind = '', at] = name.split('_')
  return at === undefined ? [] : [secret(kind.toLowerCase(), Number(at))]
}

function trafficSecrets(): string[] {
  return Array.from({ length: EXCHANGES * IN_EACH }, (_, at) => secret('traffic', at))
}

function exchange(at: number): Sent[] {
  const secrets = Array.from({ length: IN_EACH }, (_, number) => secret('traffic', at * IN_EACH + number))
  const next = () => secrets.pop() ?? ''
  const headers = [
    `Authorization: Bearer ${next()}`,
    `Cookie: theme=dark; sid=${next()}`,
    `X-Api-Key: ${next()}`,
    `x-auth-token: ${next()}`,
  ]
  const asked = bodyOf(at, next)
  const answered = bodyOf(at + 1, next)
  const request = [
    `POST /login/${at}?page=2&token=${next()} HTTP/1.1`,
    'Host: shop.example',
    ...headers,
    `Content-Type: ${asked.type}`,
    `Content-Length: ${asked.text.length}`,
  ]
  const reply = [
    'HTTP/1.1 200 OK',
    `Set-Cookie: sid=${next()}; Path=/`,
    `Content-Type: ${answered.type}`,
    `Content-Length: ${answered.text.length}`,
  ]
  assert.equal(secrets.length, 0)
  return [
    ['client', `${request.join('\r\n')}\r\n\r\n${asked.text}`],
    ['server', `${reply.join('\r\n')}\r\n\r\n${answered.text}`],
  ]
}

/** Four secrets. */
function bodyOf(at: number, next: () => string): { readonly type: string; readonly text: string } {
  if (at % 3 === 0) {
    const value = {
      user: 'ann',
      password: next(),
      deep: [{ Access_Token: next(), pin: next() }],
      api_key: { old: next() },
    }
    return { type: 'application/json', text: JSON.stringify(value) }
  }
  if (at % 3 === 1)
    return {
      type: 'application/x-www-form-urlencoded',
      text: `user=ann&password=${next()}&secret=${next()}&refresh_token=${next()}&apikey=${next()}`,
    }
  return {
    type: 'text/plain; charset=utf-8',
    text: `user: ann\npassword: ${next()}\ntoken=${next()}; secret = "${next()}"\nAuthorization: Bearer ${next()}\n`,
  }
}

function listening(t: TestContext, api: string, path: string) {
  const heard: string[] = []
  const socket = new WebSocket(`${api.replace('http', 'ws')}${path}`)
  t.after(() => socket.terminate())
  socket.on('open', () => socket.send('http or true'))
  socket.on('message', (data) => heard.push(String(data)))
  socket.on('error', (error) => heard.push(String(error)))
  return { path, heard }
}

async function auditFiles(state: string): Promise<string[]> {
  const all = await readdir(state, { recursive: true })
  return all.filter((name) => name.endsWith('.jsonl')).map((name) => join(state, name))
}
