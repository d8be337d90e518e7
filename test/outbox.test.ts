import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { httpServer } from '../src/testing/http-server.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { until } from '../src/testing/until.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

describe('the outbox', () => {
  test('of a run is sent by the next one', async (t) => {
    let status = 503
    const sink = await httpServer(t, (_, response) => response.writeHead(status).end())
    const script = `for (var n = 0; n < 20; n++) vendor.webhook.queue('POST', '${sink.url}/' + n)`
    await withFiles({ 'queues.js': script, 'idle.js': '' }, async (folder) => {
      const first = await remora(['run', 'queues.js', '--pcap', SAMPLE], { cwd: folder })
      assert.equal(first.code, 0, first.stderr)
      assert.match(
        first.stderr,
        /20 queued calls of helpers have not arrived yet \(.*answered 503\): they wait in .*outbox/,
      )
      const before = sink.seen.length
      status = 200
      const second = await remora(['run', 'idle.js', '--pcap', SAMPLE], { cwd: folder })
      assert.equal(second.code, 0, second.stderr)
      assert.doesNotMatch(second.stderr, /queued calls/)
      assert.deepEqual(
        sink.seen.slice(before).map(({ path }) => path),
        Array.from({ length: 20 }, (_, n) => `/${n}`),
      )
      assert.equal(new Set(sink.seen.map(({ headers }) => headers['idempotency-key'])).size, 20)
    })
  })

  test('outlives kill -9, and is shown and changed from the command line', async (t) => {
    const folder = await tempFolder(t)
    let status = 503
    const sink = await httpServer(t, ({ path }, response) =>
      response.writeHead(path === '/never' ? 400 : status).end('no'),
    )
    writeFileSync(
      join(folder, 'queues.js'),
      `// Queues
       var isDone = false
       function onItemCaptured() {
         if (isDone) return
         isDone = true
         vendor.webhook.queue('POST', '${sink.url}/never')
         for (var n = 0; n < 50; n++) vendor.webhook.queue('POST', '${sink.url}/' + n, { token: env.TOKEN })
         console.log('queued')
       }`,
    )
    const tap = () =>
      new Running(t, folder, [
        'tap',
        'queues.js',
        '--pcap',
        SAMPLE,
        '--set',
        'scripting.env.TOKEN=s3cret-token',
      ])
    const first = tap()
    await first.says(/queued/)
    await until(() => sink.seen.length >= 2)
    await first.stop('SIGKILL')

    writeFileSync(join(folder, 'queues.js'), '// Queues\n')
    const second = tap()
    const client = await second.client(t)
    const list = () => remora(['outbox', 'list', '--hub-url', second.apiUrl])
    await until(async () => /answered 503/.test((await list()).stdout))
    assert.match((await list()).stdout, /Queues +vendor\.webhook +http:\/\/127\.0\.0\.1:\d+ +50 /)
    const dead = await remora(['outbox', 'dead', '--json', '--hub-url', second.apiUrl])
    const [call] = dead.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.match(call.reason, /answered 400/)
    assert.equal((await remora(['outbox', 'drop', '--hub-url', second.apiUrl])).code, 2)

    status = 200
    await until(() => sink.seen.filter(({ path }) => path === '/49').length > 0)
    const retried = await remora(['outbox', 'retry', call.id, '--hub-url', second.apiUrl])
    assert.equal(retried.stdout, 'will send again 1 call\n')
    const worker = async () => (await client.nodes()).find(({ component }) => component === 'worker')
    await until(async () => (await worker())?.outbox?.[0]?.delivered === 50)
    await until(async () => (await worker())?.outbox?.[0]?.dead === 1)
    const dropped = await remora(['outbox', 'drop', '--all', '--hub-url', second.apiUrl])
    assert.equal(dropped.stdout, 'deleted 1 call\n')
    const figures = (await worker())?.outbox?.[0]
    assert.deepEqual([figures?.queued, figures?.waiting, figures?.dropped], [51, 0, 0])

    const metrics = /metrics at (\S+)/.exec(second.stderr)?.[1] ?? ''
    const page = await (await fetch(metrics)).text()
    assert.match(
      page,
      /agent_outbox_calls_total\{(?=[^}]*agent="Queues")(?=[^}]*outcome="delivered")[^}]*helper="vendor\.webhook"[^}]*\} 50\n/,
    )
    const arrived = sink.seen.filter(({ path, body }) => path !== '/never' && body.includes('s3cret-token'))
    assert.ok(arrived.length >= 50)

    await client.deleteAgent('Queues')
    await until(async () => (await worker())?.outbox?.length === 0)
    assert.equal(await second.stop(), 0)
  })
})
