import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { type ConfigSources, loadConfig, printConfig } from './index.ts'

/** Configuration out of these files, in a folder and a home folder of their own. */
function load(files: { here?: string; home?: string }, more: Partial<ConfigSources> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'remora-config-'))
  try {
    mkdirSync(join(folder, '.remora'))
    if (files.here !== undefined) writeFileSync(join(folder, 'remora.yaml'), files.here)
    if (files.home !== undefined) writeFileSync(join(folder, '.remora/config.yaml'), files.home)
    return loadConfig({ cwd: folder, home: folder, env: {}, ...more })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('configuration', () => {
  test('has defaults', () => {
    const { config } = load({})
    assert.equal(config.scripting.language, 'es5')
    assert.equal(config.tap.misc.tcpStreamChannelTimeoutMs, 10_000)
    assert.ok(config.tap.enabledDissectors.includes('http'))
  })

  test('takes the later source where several say something', () => {
    const files = {
      home: 'scripting: {env: {A: home, B: home}}\nlogLevel: info\ntap: {misc: {tcpFlowTimeout: 1}}',
      here: 'scripting:\n  env:\n    B: here\n    N: 77\n    T: "10"\n',
    }
    const { config, origins } = load(files, {
      env: { REMORA_TAP_MISC_TCPFLOWTIMEOUT: '2' },
      set: ['tap.misc.udpFlowTimeout=3'],
    })
    assert.deepEqual(config.scripting.env, { A: 'home', B: 'here', N: 77, T: '10' })
    assert.deepEqual(
      [config.tap.misc.tcpFlowTimeout, config.tap.misc.udpFlowTimeout, config.logLevel],
      [2, 3, 'info'],
    )
    assert.equal(origins.get('scripting.env.B'), 'remora.yaml:3:5')
    assert.equal(origins.get('tap.misc.tcpFlowTimeout'), 'environment REMORA_TAP_MISC_TCPFLOWTIMEOUT')
  })

  test('takes numbers for sizes and times, text as it is, and nothing for empty keys', () => {
    const { config } = load(
      { here: 'tap:\n  # misc: {}\nscripting:\n  env:\n    A:\n  egress:\nnode:\n  name:\n' },
      {
        env: {
          REMORA_NODE_NAME: '007\n',
          REMORA_SCRIPTING_EGRESS_ALLOW: '[example.com, "::1/64"]',
          // As the chart puts a token together that was made of a file.
          REMORA_HUB_TOKENS: "[{name: admin, role: admin, token: 'one of our own tokens\n'}]",
        },
        set: ['tap.capture.raw.storageSize=1000000', 'tap.misc.pcapErrorTTL=0'],
      },
    )
    assert.equal(config.tap.capture.raw.storageSize, '1000000')
    assert.equal(config.tap.misc.pcapErrorTTL, '0')
    assert.equal(config.node.name, '007')
    assert.equal(config.hub.tokens[0]?.token, 'one of our own tokens')
    assert.deepEqual(config.scripting.env, { A: null })
    assert.deepEqual(config.scripting.egress.allow, ['example.com', '::1/64'])
  })

  test('says where a value came from, and keeps secrets', () => {
    const loaded = load({ here: 'scripting:\n  env:\n    SLACK_AUTH_TOKEN: xoxb-1\n    NAME: me\n' })
    const text = printConfig(loaded, { showSecrets: false })
    assert.match(text, /SLACK_AUTH_TOKEN: "\*+" {2}# from remora\.yaml:3:5/)
    assert.match(text, /NAME: "me"/)
    assert.doesNotMatch(text, /xoxb/)
    assert.match(printConfig(loaded, { showSecrets: true }), /xoxb-1/)
  })

  test('keeps headers for receivers of telemetry, where their keys are', () => {
    const here =
      'scripting:\n  env:\n    OTEL_EXPORTER_OTLP_HEADERS: a=k-1\n  otel:\n    headers: { x-team: k-2 }\n'
    assert.doesNotMatch(printConfig(load({ here }), { showSecrets: false }), /k-[12]/)
  })

  test('takes all that YAML can say for values of scripts', () => {
    const here =
      'scripting:\n  env:\n    S3: { bucket: b, keys: [k1] }\n    HOSTS: [{ name: h, token: t1 }, 2]\n'
    const loaded = load({ here }, { set: ['scripting.env.S3.secretKey=k2'] })
    assert.deepEqual(loaded.config.scripting.env, {
      S3: { bucket: 'b', keys: ['k1'], secretKey: 'k2' },
      HOSTS: [{ name: 'h', token: 't1' }, 2],
    })
    const text = printConfig(loaded, { showSecrets: false })
    assert.match(text, /bucket: "b"/)
    assert.doesNotMatch(text, /k1|k2|t1/)
  })

  test('names what does not fit, where, and what was meant', () => {
    const wrong: readonly (readonly [{ here?: string }, Partial<ConfigSources>, RegExp, RegExp])[] = [
      [{ here: 'tap:\n  mics: {}\n' }, {}, /remora\.yaml:2:3: there is no key tap\.mics/, /tap\.misc/],
      [{ here: 'scripting:\n  language: es6\n' }, {}, /remora\.yaml:2:3: scripting\.language/, /config/],
      [{ here: 'a: [' }, {}, /remora\.yaml:1:\d+/, /YAML/],
      [{ here: 'a: 1\na: 2' }, {}, /remora\.yaml:2:1/, /YAML/],
      [{ here: '- a' }, {}, /expected keys/, /^$/],
      [{}, { set: ['tap.bodies.maxSize'] }, /not key=value/, /example/],
      [{}, { set: ['tap.bodies.maxSize=big'] }, /--set: tap\.bodies\.maxSize/, /config/],
      [{}, { env: { REMORA_LOGLEVL: 'info' } }, /REMORA_LOGLEVL/, /REMORA_LOGLEVEL/],
      [
        {},
        { env: { REMORA_TAP_ENABLEDDISSECTORS: '[a' } },
        /environment REMORA_TAP_ENABLEDDISSECTORS/,
        /YAML/,
      ],
      [{}, { env: { REMORA_TAP_MISC_TCPFLOWTIMEOUT: 'a: b: c' } }, /REMORA_TAP_MISC_TCPFLOWTIMEOUT/, /YAML/],
      [{ here: 'node:\n  name: 7\n' }, {}, /remora\.yaml:2:3: node\.name/, /--set-string node\.name=TEXT/],
      [{}, { set: ['tap.portMapping.http={80,90000}'] }, /tap\.portMapping\.http\[1\]: Too big/, /config/],
      [
        {},
        { set: ['tap.enabledDissectors={dns,htpp}'] },
        /there is no protocol htpp; did you mean http\?/,
        /config/,
      ],
      [
        {},
        { set: ['tap.portMapping.htpp={81}'] },
        /--set: tap\.portMapping\.htpp: there is no protocol htpp; did you mean http\?/,
        /config/,
      ],
      [{}, { set: ['scripting.egress.deny={10.0.0.0/99}'] }, /deny\[0\]: expected a host/, /config/],
      [{}, { set: ['scripting.egress.deny={http://example.com/}'] }, /deny\[0\]: expected a host/, /config/],
      [{}, { configPath: '.' }, /^\. cannot be read/, /^$/],
      [{}, { configPath: '/nowhere/remora.yaml' }, /there is no/, /--config-path/],
    ]
    for (const [files, more, message, hint] of wrong)
      assert.throws(
        () => load(files, more),
        (error) => error instanceof Mistake && message.test(error.message) && hint.test(error.hint ?? ''),
        `${JSON.stringify(files)} ${JSON.stringify(more)}`,
      )
  })
})
