import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { helperArity } from '../../helpers/dispatch.ts'
import { namespaces } from '../../helpers/index.ts'
import { parseAgent } from './gate.ts'
import { neededEnv } from './needed-env.ts'

describe('names of env that a script needs', () => {
  for (const [source, ...needed] of [
    // As in kinesis.js of the public scripts.
    ['if (har.log.entries.length < env.KINESIS_MIN_BATCH_SIZE) return_()', 'KINESIS_MIN_BATCH_SIZE'],
    ["vendor.slack(env.HOOK, 'a', 'b')\nvendor.slack(env.HOOK, 'a', 'b')", 'HOOK', 'HOOK'],
    ["vendor.webhook('POST', env['URL'] + '/x', { token: 'Bearer ' + env.TOKEN })", 'URL', 'TOKEN'],
    ["var url = env.URL\nfunction onItemCaptured() { vendor.webhook('POST', url) }", 'URL'],
    ["if (ACTIVE) vendor.slack.queue(env.HOOK, 'a', 'b')", 'HOOK'],
    ['if (env.A) send(env.B)', 'B if A'],
    ['var a = env.A\nfunction onItemCaptured() {\nif (!a || !env.C) return\nsend(env.B)\n}', 'B if A C'],
    ['env.A && send(env.B)\nsend(env.B)', 'B if A', 'B'],
    ['var n = -env.N', 'N'],
    // It asks.
    ["var url = env.URL || 'http://localhost'"],
    ["vendor.slack(env.A || env.B, 'a', 'b')"],
    ["if (env.HOOK) vendor.slack(env.HOOK, 'a', 'b')"],
    ["if (ACTIVE && env.HOOK) vendor.slack(env.HOOK, 'a', 'b')"],
    ["if (ACTIVE & env.HOOK) vendor.slack(env.HOOK, 'a', 'b')"],
    ["env.HOOK && vendor.slack(env.HOOK, 'a', 'b')"],
    ["if (!env.HOOK) throw new Error('HOOK is missing')\nvendor.slack(env.HOOK, 'a', 'b')"],
    ["var hook = env.HOOK\nif (hook !== undefined) vendor.slack(hook, 'a', 'b')"],
    ['var hook\nhook = env.HOOK\nwhile (hook) break'],
    ["if (typeof env.X === 'string') kfl.match(env.X, {})"],
    ['var isDebug = env.DEBUG == 1 ? 2 : 3'],
    ['var x = env.X ? env.X : 7'],
    ["switch (env.MODE) { case 'a': break }"],
    ["if (Boolean(env.X)) console.log('x')"],
    ['console.log(env.X, env.Y)'],
    ['console.log(JSON.stringify(env))'],
    ['send({ to: env.WHO })'],
    // Helpers that take them or not.
    ["vendor.s3.put('bucket', 'file', 'eu-west-1', env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)"],
    ["var key = env.AWS_ACCESS_KEY_ID\nvendor.s3.put.queue('bucket', 'file', 'eu-west-1', key)"],
    ["llm.prompt({ endpoint: 'http://localhost', model: 'm', apiKey: env.KEY, prompt: 'p' })"],
    // Not read, or not this `env`.
    ['env.X = 1; delete env.Y'],
    ['env[name()]'],
    ['var env = { X: 1 }\nsend(env.X)'],
    ['function of(env) { return env.X + 1 }'],
  ] as const)
    test(JSON.stringify(source), () => {
      const parsed = parseAgent(source, { language: 'es5', file: 'a.js' })
      const found = neededEnv(parsed, helperArity(namespaces))
      const texts = found.map(({ name, when }) => (when.length === 0 ? name : `${name} if ${when.join(' ')}`))
      assert.deepEqual(texts, needed)
    })

  test('are optional in later forms of the language, too', () => {
    const source = "send(env.A ?? 'x', env?.B, env.C?.trim())"
    const parsed = parseAgent(source, { language: 'modern', file: 'a.js' })
    assert.deepEqual(neededEnv(parsed, helperArity(namespaces)), [])
  })
})
