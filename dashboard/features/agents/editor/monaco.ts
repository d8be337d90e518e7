import * as monaco from 'monaco-editor/editor'
import 'monaco-editor/features/register.all'
import 'monaco-editor/languages/definitions/javascript/register'
import EditorWorker from 'monaco-editor/editor/editor.worker?worker'
import * as typescript from 'monaco-editor/languages/features/typescript/register'
import typings from '../../../../remora.d.ts?raw'
import { compilerOptions } from './advice.ts'
import AgentWorker from './agent-worker.ts?worker'
import { hooksIn } from './hooks.ts'

export { monaco }

self.MonacoEnvironment = {
  getWorker: (_id, label) => (label === 'javascript' ? new AgentWorker() : new EditorWorker()),
}

/** What scripts are written in, and the keys of `env`: what completion and checks know. */
export function setLanguage(language: 'es5' | 'modern', env: readonly string[]): void {
  const { javascriptDefaults, ScriptTarget } = typescript
  javascriptDefaults.setCompilerOptions({
    ...compilerOptions(language),
    target: language === 'es5' ? ScriptTarget.ES5 : ScriptTarget.ES2020,
  })
  javascriptDefaults.setDiagnosticsOptions({ noSyntaxValidation: true })
  javascriptDefaults.setEagerModelSync(true)
  // What formats or mends works on the text as the worker reads it, which has more in it than what people see.
  javascriptDefaults.setModeConfiguration({
    ...javascriptDefaults.modeConfiguration,
    documentRangeFormattingEdits: false,
    onTypeFormattingEdits: false,
    codeActions: false,
    inlayHints: false,
  })
  javascriptDefaults.setExtraLibs([{ content: typingsWith(env), filePath: 'file:///remora.d.ts' }])
}

function typingsWith(env: readonly string[]): string {
  const keys = env.filter((key) => /^[A-Za-z_$][\w$]*$/.test(key)).map((key) => `readonly ${key}: any; `)
  return typings.replace('declare const env: { ', `declare const env: { ${keys.join('')}`)
}

/** The name of a hook, and its whole function comes. */
function offerHooks(): void {
  const hooks = hooksIn(typings)
  monaco.languages.registerCompletionItemProvider('javascript', {
    provideCompletionItems: (model, position) => {
      const before = model.getLineContent(position.lineNumber).slice(0, position.column - 1)
      if (!/^(function[ \t]+)?\w*$/.test(before)) return { suggestions: [] }
      const { startColumn, endColumn } = model.getWordUntilPosition(position)
      const isFunction = before.startsWith('function')
      const range = new monaco.Range(position.lineNumber, startColumn, position.lineNumber, endColumn)
      return {
        suggestions: hooks.map(({ name, params, doc }) => ({
          label: name,
          kind: monaco.languages.CompletionItemKind.Event,
          detail: 'hook',
          documentation: { value: doc.replace(/@example\n([\s\S]*)$/, '```js\n$1\n```') },
          insertText: `${isFunction ? '' : 'function '}${name}(${params.join(', ')}) {\n\t$0\n}`,
          insertTextRules: monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet,
          sortText: `0${name}`,
          range,
        })),
      }
    },
  })
}

function defineThemes(): void {
  monaco.editor.defineTheme('remora-dark', {
    base: 'vs-dark',
    inherit: true,
    // Its own green is too dark to be read.
    rules: [{ token: 'comment', foreground: '86b573' }],
    colors: {
      'editor.background': '#171b20',
      'editorGutter.background': '#171b20',
      'editorLineNumber.foreground': '#7d8894',
      'minimap.background': '#171b20',
      'editorWidget.background': '#20262d',
      'editorHoverWidget.background': '#20262d',
    },
  })
  monaco.editor.defineTheme('remora-light', {
    base: 'vs',
    inherit: true,
    rules: [],
    colors: { 'editorLineNumber.foreground': '#5a6570' },
  })
}

offerHooks()
defineThemes()
