import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { libFileMap } from 'monaco-editor/languages/features/typescript/lib/lib'
import {
  createLanguageService,
  flattenDiagnosticMessageText,
  typescript,
} from 'monaco-editor/languages/features/typescript/lib/typescriptServices'
import { REPOSITORY } from '../../../../src/testing/remora.ts'
import { adviceOf, compilerOptions } from './advice.ts'
import { annotate } from './annotate.ts'
import { hooksIn } from './hooks.ts'

const TYPINGS = readFileSync(join(REPOSITORY, 'remora.d.ts'), 'utf8')
const HOOKS = hooksIn(TYPINGS)

/** What the editor says of a script. */
function marked(script: string): string[] {
  const { text } = annotate(script, HOOKS)
  const files: Readonly<Record<string, string>> = { ...libFileMap, 'agent.js': text, 'remora.d.ts': TYPINGS }
  const service = createLanguageService({
    getCompilationSettings: () => ({ ...compilerOptions('es5'), target: typescript.ScriptTarget.ES5 }),
    getScriptFileNames: () => ['lib.es5.d.ts', 'agent.js', 'remora.d.ts'],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) =>
      files[name] === undefined ? undefined : typescript.ScriptSnapshot.fromString(files[name]),
    getCurrentDirectory: () => '',
    getDefaultLibFileName: () => 'lib.es5.d.ts',
    fileExists: (name) => name in files,
    readFile: (name) => files[name],
  })
  return adviceOf(service.getSemanticDiagnostics('agent.js'), script).map(({ messageText }) =>
    flattenDiagnosticMessageText(messageText, ' '),
  )
}

describe('what the editor says of scripts', () => {
  for (const folder of ['examples', 'templates'])
    for (const name of readdirSync(join(REPOSITORY, folder)).filter((each) => each.endsWith('.js')))
      test(`is nothing of ${folder}/${name}`, () => {
        assert.deepEqual(marked(readFileSync(join(REPOSITORY, folder, name), 'utf8')), [])
      })

  test('is nothing of functions and variables by the names of helpers', () => {
    const script =
      'var alert = 1\nfunction report(n) { console.log(n + alert) }\nreport(2)\nvar otel = [alert]\notel.push(3)'
    assert.deepEqual(marked(script), [])
  })

  test('is nothing where protocols have the same name for different things', () => {
    const script = `function onItemCaptured(data) {
      if (data.response && data.response.status >= 500 && data.protocol.name === 'mine') console.log(data.request.path)
      if (data.data && data.data.l7Detected) console.log(data.data.l7Detected.length)
      ;[data.request, data.response].forEach(function (message) { if (message) console.log(message.queryString) })
    }`
    assert.deepEqual(marked(script), [])
  })

  test('names what nobody has, unless the script reads a protocol of its own', () => {
    const script = 'function onItemCaptured(data) { console.log(data.request.pth, data.nothing) }'
    const [first = '', second = ''] = marked(script)
    assert.match(first, /^Property 'pth' does not exist .*Did you mean 'path'/)
    assert.match(second, /^Property 'nothing' does not exist/)
    const own = `dissector({ name: 'own', probe: function () { return true }, parse: function () {} })\n${script}`
    assert.deepEqual(marked(own), [second])
    assert.match(marked('console.lgo(1)').join(), /^Property 'lgo' does not exist/)
  })
})
