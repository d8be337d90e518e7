import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readHeader } from './header.ts'

const GOOD = `// Failed calls
//
// Tells of calls
// that failed.
//
// And of others.
//
// @category Alerts
// @env SLACK_WEBHOOK Where to
// @env? LIMIT How many
// @hosts env.SLACK_WEBHOOK, api.example.com
// @files failures/
// @allow hosts api.example.com
// @rate vendor.slack 10/min
// @sample [n-0] one
// @sample [n-0]   two

var code = 1
// @category Nothing
`

describe('the header of a template', () => {
  test('says what the template is, and needs', () => {
    assert.deepEqual(readHeader(GOOD, 'a.js'), {
      title: 'Failed calls',
      description: 'Tells of calls that failed.\n\nAnd of others.',
      category: 'Alerts',
      env: [
        { name: 'SLACK_WEBHOOK', description: 'Where to', optional: false },
        { name: 'LIMIT', description: 'How many', optional: true },
      ],
      rights: { hosts: ['env.SLACK_WEBHOOK', 'api.example.com'], files: ['failures/'] },
      sample: '[n-0] one\n[n-0]   two',
    })
  })

  const wrong: Readonly<Record<string, readonly [change: (code: string) => string, message: RegExp]>> = {
    'has no title': [() => 'var code = 1', /^a\.js:1: expected the title/],
    'has text right below its title': [(code) => code.replace('//\n', ''), /^a\.js:2: expected an empty/],
    'does not say what it does': [() => '// A\n//\n// @category Start\n', /^a\.js:3: expected what it does/],
    'has no category': [
      (code) => code.replace(/\/\/ @category Alerts\n/, ''),
      /^a\.js:1: expected a line \/\/ @cat/,
    ],
    'has two categories': [
      (code) => code.replace(/(\/\/ @cat.*\n)/, '$1$1'),
      /^a\.js:9: there is a category/,
    ],
    'has a category of its own': [
      (code) => code.replace('Alerts', 'alerts'),
      /^a\.js:8: "alerts" is none of Start, /,
    ],
    'has a tag that there is not': [
      (code) => code.replace('@files', '@file'),
      /^a\.js:12: expected one of @category/,
    ],
    'has a tag without a value': [
      (code) => code.replace('@files failures/', '@files'),
      /^a\.js:12: expected one of/,
    ],
    'has text among its tags': [
      (code) => code.replace('// @files', '// and\n// @files'),
      /^a\.js:12: expected one of/,
    ],
    'has an env key without words': [(code) => code.replace(' Where to', ''), /^a\.js:9: expected NAME/],
    'lists words without commas': [(code) => code.replace(', api', ' api'), /^a\.js:11: expected words/],
    'has no blank after its slashes': [
      (code) => code.replace('// that', '//that'),
      /^a\.js:4: expected a blank/,
    ],
  }
  for (const [what, [change, message]] of Object.entries(wrong))
    test(`is refused when it ${what}`, () => {
      assert.throws(() => readHeader(change(GOOD), 'a.js'), { message })
    })
})
