import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Secrets, withoutSecrets } from './secrets.ts'

const ENV = {
  TOKEN: 'abc',
  SLACK: 'https://hooks.slack.com/services/T0/B0/xyz',
  HOME: 'https://example.com',
  CLUSTER: 'shop',
  LIMIT: 10,
  s3: { bucket: 'my-long-bucket', keys: ['"quoted" & more'] },
}

describe('secrets of env', () => {
  test('are masked by their names, wherever they stand and however they are spelt', () => {
    const secrets = new Secrets(ENV)
    assert.equal(secrets.masked('Bearer abc'), 'Bearer [env.TOKEN]')
    assert.equal(secrets.masked(`POST ${ENV.SLACK}`), 'POST https://hooks.slack.com/[env.SLACK]')
    assert.equal(secrets.masked(JSON.stringify({ key: ENV.s3.keys[0] })), '{"key":"[env.s3.keys.0]"}')
    assert.equal(secrets.masked(encodeURIComponent(ENV.SLACK)), 'https://hooks.slack.com/[env.SLACK]')
  })

  test('are no words, numbers and addresses of hosts', () => {
    const text = 'shop https://example.com 10'
    assert.equal(new Secrets(ENV).masked(text), text)
  })

  test('have stand-ins that are masked like what they stand for', () => {
    const standIns = withoutSecrets(ENV)
    assert.deepEqual(standIns, {
      ...ENV,
      TOKEN: '[env.TOKEN]',
      SLACK: 'https://hooks.slack.com/[env.SLACK]',
      s3: { bucket: '[env.s3.bucket]', keys: ['[env.s3.keys.0]'] },
    })
    assert.doesNotThrow(() => new URL(String(standIns.SLACK)))
    const text = JSON.stringify(standIns)
    assert.equal(new Secrets(standIns).masked(text), text)
  })
})
