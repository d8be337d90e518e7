import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { checkGrants, type Grants, Rates, readGrants, type WantedEffect } from './grants.ts'

describe('grants in the header of a script', () => {
  test('are lists of their kinds, wherever they stand in it', () => {
    const header = [
      '// Watch the shop',
      '// @allow hosts hooks.slack.com, *.example.com',
      '/* @allow buckets traffic-* */',
      '/**',
      ' * @allow hosts 10.0.0.0/8',
      ' * @allow paths reports/, *.pcap',
      ' * @allow helpers none',
      ' */',
      '//@rate vendor.webhook 10/min',
    ]
    for (const end of ['\n', '\r\n'])
      assert.deepEqual(readGrants(header.join(end)), {
        grants: {
          hosts: ['hooks.slack.com', '*.example.com', '10.0.0.0/8'],
          buckets: ['traffic-*'],
          paths: ['reports/', '*.pcap'],
          helpers: [],
          rates: [{ helper: 'vendor.webhook', calls: 10, perMs: 60_000 }],
        },
      })
  })

  test('are none where nobody writes any', () => {
    assert.deepEqual(readGrants('// Write to joe@allow.example\n// and @allowed things\n'), { grants: {} })
  })

  test('say what is wrong with them, where, and how to mend it', () => {
    const complaints = {
      '@allow host a.example': 'Did you mean @allow hosts?',
      '@allow hosts': 'Name some, or write: @allow hosts none',
      '@allow hosts https://a.example': 'hosts with commas',
      '@allow hosts a.example b.example': 'hosts with commas',
      '@allow paths ../x': 'paths with commas',
      '@rate vendor.webhook often': '@rate vendor.webhook 10/min',
      '@rate vendor.webhook 0/s': '@rate vendor.webhook 10/min',
    }
    for (const [line, hint] of Object.entries(complaints)) {
      const { problem } = readGrants(`// Title\n// ${line}\n`)
      assert.equal(problem?.at, 12, line)
      assert.ok(problem.hint.includes(hint), `${line}: ${problem.hint}`)
    }
  })
})

describe('an effect', () => {
  const refused = (grants: Grants, wanted: Partial<WantedEffect>) => {
    try {
      checkGrants(grants, { helper: 'vendor.s3.put', paths: [], ...wanted }, 'script')
      return ''
    } catch (error) {
      assert.ok(error instanceof Mistake)
      assert.equal(error.code, 'E_HELPER_REFUSED')
      return error.message
    }
  }

  test('is held to the lists that there are', () => {
    assert.equal(refused({}, {}), '')
    for (const helpers of [['vendor.s3'], ['vendor.*'], ['*'], ['vendor.s3.put']])
      assert.equal(refused({ helpers }, {}), '')
    for (const helpers of [[], ['vendor.s'], ['file.*'], ['vendor.s3.get']])
      assert.match(refused({ helpers }, {}), /^vendor\.s3\.put: the helper .* is not granted by the header/)
    const target = { text: '', hosts: [], bucket: 'traffic-eu' }
    assert.equal(refused({ buckets: ['traffic-*'] }, { target }), '')
    assert.match(refused({ buckets: ['traffic'] }, { target }), /the bucket traffic-eu/)
    assert.equal(refused({ buckets: [] }, {}), '', 'it writes to no bucket')
  })

  test('writes where it may', () => {
    const paths = ['reports/', '*.pcap', 'a.txt']
    for (const path of ['reports', 'reports/a', 'reports/a/b', '1.pcap', 'a.txt'])
      assert.equal(refused({ paths }, { paths: [path] }), '', path)
    for (const path of ['report', 'reports2/a', 'x/1.pcap', 'a.txt.b', 'b'])
      assert.match(refused({ paths }, { paths: [path] }), /the path/, path)
    assert.match(refused({ paths }, { paths: ['a.txt', 'b'] }), /the path b/)
  })
})

describe('rates', () => {
  const rate = { helper: 'vendor.*', calls: 2, perMs: 1000 }

  test('let so many through at once, and then as time goes on', () => {
    const rates = new Rates()
    const take = (at: number, agent = 'a', helper = 'vendor.slack') => rates.take(agent, helper, [rate], at)
    take(0)
    take(0)
    assert.throws(() => take(100), /more than 2 calls in 1 s; the next one may go in 0\.4 s/)
    take(100, 'b')
    take(100, 'a', 'file.write')
    take(500)
    assert.throws(() => take(500))
    take(5000)
    take(5000)
    assert.throws(() => take(5000))
    assert.throws(() => take(0), 'a clock that goes back gives nothing')
  })

  test('take nothing from one when another refuses', () => {
    const rates = new Rates()
    const both = [rate, { helper: 'vendor.slack', calls: 1, perMs: 1000 }]
    rates.take('a', 'vendor.slack', both, 0)
    assert.throws(() => rates.take('a', 'vendor.slack', both, 0))
    rates.take('a', 'vendor.webhook', both, 0)
    assert.throws(() => rates.take('a', 'vendor.webhook', both, 0))
  })
})
