import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import type { Effect } from '../wire/trials.ts'
import { openDataFolder } from './data-folder.ts'
import type { HttpRequest } from './helper.ts'
import { namespaces } from './index.ts'
import { Rehearsal } from './rehearsal.ts'

/** A rehearsal in front of a host that sends nothing, and what it tells. */
async function rehearse(t: TestContext, check: (request: HttpRequest) => void = () => {}) {
  const effects: Effect[] = []
  const env = { KEY: 'very-secret', SLACK: 'https://hooks.slack.com/services/x' }
  const rehearsal = new Rehearsal({ namespaces, env, tell: (effect) => effects.push(effect), check })
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20))
  const call = (path: string, ...args: unknown[]) => rehearsal.dispatch({ path, args, entry: 'w/s-0' }, host)
  return { effects, host, call, rehearsal }
}

describe('a rehearsal', () => {
  test('answers requests without sending them, and says what would have been sent', async (t) => {
    const { effects, call } = await rehearse(t)
    const headers = { Authorization: 'Bearer very-secret', 'X-Team': 'shop' }
    const answer = await call(
      'vendor.webhook',
      'post',
      'https://hooks.slack.com/services/x',
      { a: 'very-secret' },
      headers,
    )
    assert.equal(answer, '{}')
    const [effect] = effects
    assert.deepEqual(effect, {
      helper: 'vendor.webhook',
      kind: 'network',
      target: 'POST https://hooks.slack.com/[env.SLACK]',
      arguments: [
        { name: 'method', value: '"post"' },
        { name: 'url', value: '"https://hooks.slack.com/[env.SLACK]"' },
        { name: 'body', value: '{"a":"[env.KEY]"}' },
        { name: 'headers', value: '{"Authorization":"Bearer [env.KEY]","X-Team":"shop"}' },
      ],
      sent: {
        method: 'POST',
        url: 'https://hooks.slack.com/[env.SLACK]',
        headers: { Authorization: '[secret]', 'X-Team': 'shop', 'content-type': 'application/json' },
        body: '{"a":"[env.KEY]"}',
        bodyBytes: 19,
      },
      answer: '"{}"',
      at: 1_767_225_600_123,
      node: 'node-a',
      title: 'test agent',
      entry: 'w/s-0',
    })
  })

  test('refuses what would be refused, and tells of it', async (t) => {
    const { effects, call } = await rehearse(t, () => {
      throw new Mistake('E_HELPER_REFUSED', 'POST example.com: the host is on the deny list')
    })
    await assert.rejects(call('vendor.webhook', 'POST', 'https://example.com/'), /deny list/)
    await assert.rejects(call('vendor.webhook', 'POST', 'no address'), /url/)
    assert.deepEqual(
      effects.map(({ target, error }) => [target, error?.includes('deny list')]),
      [
        ['POST', true],
        ['POST', false],
      ],
    )
  })

  test('tells of forms the same each time', async (t) => {
    const { effects, call } = await rehearse(t)
    for (let times = 0; times < 2; times++)
      await call('vendor.webhookForm', 'POST', 'https://example.com/', { name: 'x' })
    assert.deepEqual(effects[0]?.sent, effects[1]?.sent)
    assert.match(effects[0]?.sent?.body ?? '', /--boundary/)
  })

  test('writes files where it is told to, and gives new ones names that are the same each time', async (t) => {
    const { effects, call, host } = await rehearse(t)
    await call('file.write', 'a.txt', 'hello')
    assert.equal(await call('file.read', 'a.txt'), 'hello')
    assert.equal(await call('file.temp', 'report'), `${host.files.root}/reportrehearsed1.txt`)
    assert.deepEqual(
      effects.map(({ helper, kind, target, answer }) => [helper, kind, target, answer]),
      [
        ['file.write', 'file', 'a.txt', null],
        ['file.temp', 'file', 'report', '"data/reportrehearsed1.txt"'],
      ],
    )
  })

  test('says nothing of what only looks', async (t) => {
    const { effects, call } = await rehearse(t)
    await call('utils.health')
    await call('file.list')
    await call('cluster.counter.value', 'calls')
    assert.deepEqual(effects, [])
  })

  test('cuts what is long', async (t) => {
    const { effects, call } = await rehearse(t)
    await call('file.write', 'a.txt', 'x'.repeat(100_000))
    assert.ok(JSON.stringify(effects).length < 5000)
    assert.match(effects[0]?.arguments[1]?.value ?? '', /… \(100002 characters\)$/)
  })
})
