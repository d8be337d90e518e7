import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isStandIn, Secrets, withoutSecrets } from './secrets.ts'

const ENV = {
  TOKEN: 'abc',
  SLACK: 'https://hooks.slack.com/services/T0/B0/xyz',
  HOME: 'https://example.com',
  CLUSTER: 'shop',
  LIMIT: 10,
  s3: { store: 'my-long-store', keys: ['"quoted" & more'] },
}

describe('secrets of env', () => {
  test('are masked by their names, wherever they stand and however they are spelt', () => {
    const secrets = new Secrets(ENV)
    assert.equal(secrets.masked('Bearer abc'), 'Bearer [env.TOKEN]')
    assert.equal(secrets.masked(`POST ${ENV.SLACK}`), 'POST https://hooks.slack.com/[env.SLACK]')
    assert.equal(secrets.masked(JSON.stringify({ key: ENV.s3.keys[0] })), '{"key":"[env.s3.keys.0]"}')
    assert.equal(secrets.masked(encodeURIComponent(ENV.SLACK)), 'https://hooks.slack.com/[env.SLACK]')
  })

  test('are known in base64, in hexadecimal, in forms and by their parts', () => {
    const token = 'q8Zr+7Lw/3xYt K1'
    const secrets = new Secrets({
      TOKEN: token,
      DB: 'postgres://app:s3cr3t%2Fpw@db:5432/shop',
      PIN_KEY: 40_718_263,
    })
    for (const around of ['', 'a', 'ab', 'abc'])
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const shown = secrets.masked(Buffer.from(`${around}${token}${around}`).toString(encoding))
        assert.match(shown, /\[env\.TOKEN\]/, `${around} ${encoding}`)
        assert.ok(shown.length < 14 + 4 * around.length + 4, shown)
      }
    assert.equal(secrets.masked(new URLSearchParams({ t: token }).toString()), 't=[env.TOKEN]')
    assert.equal(secrets.masked('pin 40718263 s3cr3t%2Fpw s3cr3t/pw'), 'pin [env.PIN_KEY] [env.DB] [env.DB]')
    assert.equal(secrets.masked(JSON.stringify(JSON.stringify({ token }))).includes('[env.TOKEN]'), true)
  })

  test('are known in an address without its host, in a line of a key, and in JSON that is a text', () => {
    const pem = `-----BEGIN KEY-----\n${'A'.repeat(30)}b\n${'C'.repeat(30)}d\n-----END KEY-----\n`
    const secrets = new Secrets({
      ...ENV,
      PEM: pem,
      GOOGLE: JSON.stringify({ type: 'account', private_key: 'k3y-k3y-k3y' }),
    })
    assert.equal(secrets.masked('POST /services/T0/B0/xyz failed'), 'POST /[env.SLACK] failed')
    assert.equal(secrets.masked(`line ${'C'.repeat(30)}d`), 'line [env.PEM]')
    assert.equal(secrets.masked('k3y-k3y-k3y of an account'), '[env.GOOGLE.private_key] of an account')
  })

  test('are found in pieces with blanks between them, and where they overlap', () => {
    const secrets = new Secrets({ A_TOKEN: 'abcdefghijkl', B_TOKEN: 'ijklmnopqrst' })
    assert.equal(secrets.masked('x abcdef ghi\njkl y'), 'x [env.A_TOKEN] y')
    assert.equal(secrets.masked('abcdefghijklmnopqrst.'), '[env.A_TOKEN].')
  })

  test('cost a line the same, however many there are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [`K${at}`, `sk-live-${at}-${(at * 7919).toString(36)}-xyz`]),
    )
    const secrets = new Secrets(many)
    const text = JSON.stringify(many)
    const shown = secrets.masked(text)
    for (const value of Object.values(many)) assert.ok(!shown.includes(value), value)
    assert.equal(secrets.masked('sk-live-and nothing else'), 'sk-live-and nothing else')
  })

  test('are no words, numbers and addresses of hosts', () => {
    const text = 'shop https://example.com 10'
    assert.equal(new Secrets(ENV).masked(text), text)
  })

  test('are not what says where things are, unless its name says more', () => {
    const env = {
      S3_BUCKET: 'traffic',
      AWS_REGION: 'eu-west-1',
      RECORDING_KFL: 'http and dns',
      BUCKET_KEY: 'planted',
    }
    const shown = new Secrets(env).masked('https://traffic.s3.eu-west-1.amazonaws.com/?http and dns&planted')
    assert.equal(shown, 'https://traffic.s3.eu-west-1.amazonaws.com/?http and dns&[env.BUCKET_KEY]')
  })

  test('leave JSON in text what it is, as scripts parse it', () => {
    const key = { type: 'x', client_email: 'a@b.example', list: ['planted-secret', 5] }
    const { KEY } = withoutSecrets({ KEY: JSON.stringify(key) })
    assert.deepEqual(JSON.parse(String(KEY)), {
      type: 'x',
      client_email: '[env.KEY.client_email]',
      list: ['[env.KEY.list.0]', 5],
    })
    assert.ok(isStandIn(String(KEY)) && isStandIn({ a: '[env.A]' }) && !isStandIn('env.A') && !isStandIn({}))
    assert.deepEqual(withoutSecrets({ TEXT: '{not JSON' }), { TEXT: '[env.TEXT]' })
  })

  test('have stand-ins that are masked like what they stand for', () => {
    const standIns = withoutSecrets(ENV)
    assert.deepEqual(standIns, {
      ...ENV,
      TOKEN: '[env.TOKEN]',
      SLACK: 'https://hooks.slack.com/[env.SLACK]',
      s3: { store: '[env.s3.store]', keys: ['[env.s3.keys.0]'] },
    })
    assert.doesNotThrow(() => new URL(String(standIns.SLACK)))
    const text = JSON.stringify(standIns)
    assert.equal(new Secrets(standIns).masked(text), text)
  })
})
