import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import { openDataFolder } from '../helpers/data-folder.ts'
import { TestGroup, testAgent } from '../testing/group.ts'
import { httpServer } from '../testing/http-server.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { until } from '../testing/until.ts'
import { HelperBroker } from './broker.ts'
import { TemporaryFiles } from './temporary-files.ts'

describe('temporary files', () => {
  test('go with the agent that has made them, but for what it has moved, others have, and what waits to be sent', async (t) => {
    const folder = await tempFolder(t)
    const data = join(folder, 'data')
    const statuses = [503]
    const sink = await httpServer(t, (_, reply) =>
      reply.writeHead(statuses.shift() ?? 200, { etag: '"1"' }).end(),
    )
    const { config } = configOf({
      set: [`scripting.data=${data}`, `scripting.env.AWS_ENDPOINT_URL=${sink.url}`],
    })
    const broker = new HelperBroker({
      config,
      nodeName: 'hub',
      link: { action() {}, alert() {}, targeted: () => ({ targets: [], excluded: [] }), health: () => ({}) },
      outbox: { folder: join(folder, 'outbox'), report() {} },
    })
    t.after(() => broker.close())
    const script = `file.mkdir('kept')
      var left = file.temp('left', '.', 'json')
      file.write(left, 'x')
      var inside = file.mkdirTemp('inside', 'kept')
      file.write(inside + '/note.txt', 'x')
      file.move(file.temp('moved'), 'kept/moved.txt')
      file.write('own.txt', 'x')
      vendor.s3.put.queue('bucket', left, 'us-east-1', 'AKIA', 'secret')
      console.log('ready')`
    const told = new TestGroup(t, {
      agents: [testAgent(0, script), testAgent(1, `file.temp('other', '', 'txt')`)],
    })
    told.answer = (call) => broker.call(call)
    told.onEnded = (...who) => broker.ended(...who)
    await told.begin()
    assert.deepEqual(
      told.lines.map(({ text }) => text),
      ['ready'],
    )
    await told.group.remove(0)
    await until(() => !readdirSync(data).some((name) => name.startsWith('left')))
    await until(() => readdirSync(join(data, 'kept')).length === 1)
    assert.deepEqual(readdirSync(join(data, 'kept')), ['moved.txt'])
    assert.match(
      readdirSync(data)
        .filter((name) => !name.startsWith('.'))
        .join(),
      /^kept,other\w+\.txt,own\.txt$/,
    )
    assert.equal(await broker.queued?.outbox?.drained(20_000), 0)
    assert.equal(sink.seen.at(-1)?.body, 'x')
    assert.equal(broker.queued?.figures()[0]?.delivered, 1)
    broker.tidy()
    await broker.close()
    assert.ok(!readdirSync(data).some((name) => name.startsWith('other')))
  })

  test('are forgotten when they are gone, however many there were', async (t) => {
    const root = await tempFolder(t)
    const files = new TemporaryFiles()
    const make = async (name: string) => {
      writeFileSync(join(root, name), '')
      await files.add('a', join(root, name))
    }
    await make('kept')
    for (let n = 0; n < 2500; n++) {
      await make(`n${n}`)
      await rm(join(root, `n${n}`))
    }
    assert.ok(files.known < 1000, `${files.known} are known`)
    assert.deepEqual(await files.remove('a', openDataFolder(root, 1e6)), [])
    assert.deepEqual(readdirSync(root), [])
    assert.equal(files.known, 0)
  })
})
