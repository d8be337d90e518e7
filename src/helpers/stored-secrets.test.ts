import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { StoredSecrets } from './stored-secrets.ts'

const ENV = {
  TOKEN: 'abc',
  SLACK: 'https://hooks.slack.com/services/T0/B0/xyz',
  CLUSTER: 'shop',
  s3: { 'the key': ['"quoted" & more'] },
}

describe('secrets on disk', () => {
  test('are not there, however they are spelt', () => {
    const stored = new StoredSecrets(ENV)
    const key = ENV.s3['the key'][0] ?? ''
    const args = [
      ENV.SLACK,
      `Bearer ${ENV.TOKEN}`,
      { [key]: JSON.stringify({ key }) },
      `?to=${encodeURIComponent(ENV.SLACK)}`,
      Buffer.from(key).toString('base64'),
    ]
    const marked = stored.marked(JSON.stringify(args))
    assert.doesNotMatch(marked, /abc|xyz|quoted|cXVvdGVk/)
    assert.deepEqual(JSON.parse(stored.filled(marked, 'p')), args)
  })

  test('are those of the moment', () => {
    const marked = new StoredSecrets(ENV).marked('["Bearer abc","shop"]')
    assert.equal(new StoredSecrets({ TOKEN: 'a"b' }).filled(marked, 'p'), '["Bearer a\\"b","shop"]')
    // Also where it is no secret any more.
    assert.equal(new StoredSecrets({ TOKEN: 'x' }).filled(marked, 'p'), '["Bearer x","shop"]')
    assert.throws(() => new StoredSecrets({}).filled(marked, 'vendor.webhook'), /vendor\.webhook: env\.TOKEN/)
  })

  test('come back as they were, whatever the text', () => {
    const stored = new StoredSecrets(ENV)
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        ENV.TOKEN,
        ENV.SLACK,
        ...ENV.s3['the key'],
        '\uE0A7',
        '\uE0A8',
        '"',
        '\\',
        '\uE0A70:TOKEN\uE0A8',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const json = JSON.stringify([pieces.join(''), { [pieces.join(' ')]: pieces }])
        const marked = stored.marked(json)
        assert.doesNotThrow(() => JSON.parse(marked))
        assert.equal(stored.filled(marked, 'p'), json)
      }),
    )
  })
})
