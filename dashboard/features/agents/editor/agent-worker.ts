import {
  initialize,
  type Span,
  TypeScriptWorker,
} from 'monaco-editor/languages/features/typescript/ts.worker'
import { adviceOf } from './advice.ts'
import { type Annotated, annotate, toAnnotated, toOriginal } from './annotate.ts'
import { type HookDeclaration, hooksIn } from './hooks.ts'

/**
 * The language service of Monaco, which reads agents as if each hook had its type written above it. Whoever asks knows nothing of
 * that: places are mapped on their way in and out.
 */
class AgentWorker extends TypeScriptWorker {
  #hooks: { readonly typings: string; readonly hooks: readonly HookDeclaration[] } | undefined
  #annotated: { readonly text: string; readonly annotated: Annotated } | undefined

  override _getScriptText(fileName: string): string | undefined {
    return this.#isAgent(fileName) ? this.annotatedOf(fileName).text : super._getScriptText(fileName)
  }

  annotatedOf(fileName: string): Annotated {
    const text = this._getModel(fileName)?.getValue() ?? ''
    if (this.#annotated?.text !== text)
      this.#annotated = { text, annotated: annotate(text, this.#knownHooks()) }
    return this.#annotated.annotated
  }

  #isAgent(fileName: string): boolean {
    return fileName.endsWith('.js') && this._getModel(fileName) !== null
  }

  #knownHooks(): readonly HookDeclaration[] {
    const typings = Object.values(this.getExtraLibs())
      .map(({ content }) => content)
      .join('\n')
    if (this.#hooks?.typings !== typings) this.#hooks = { typings, hooks: hooksIn(typings) }
    return this.#hooks.hooks
  }

  override async getSemanticDiagnostics(fileName: string) {
    const script = this._getModel(fileName)?.getValue() ?? ''
    const found = adviceOf(await super.getSemanticDiagnostics(fileName), script)
    // Types are advice: what the hub refuses is an error, and it says so itself.
    return this.#out(
      fileName,
      found.map((each) => ({ ...each, category: WARNING })),
    )
  }

  override async getSuggestionDiagnostics(fileName: string) {
    return this.#out(fileName, await super.getSuggestionDiagnostics(fileName))
  }

  override async getCompletionsAtPosition(fileName: string, at: number) {
    return this.#out(fileName, await super.getCompletionsAtPosition(fileName, this.#in(fileName, at)))
  }

  override async getCompletionEntryDetails(fileName: string, at: number, entry: string) {
    return await super.getCompletionEntryDetails(fileName, this.#in(fileName, at), entry)
  }

  override async getSignatureHelpItems(fileName: string, at: number, options: unknown) {
    return this.#out(fileName, await super.getSignatureHelpItems(fileName, this.#in(fileName, at), options))
  }

  override async getQuickInfoAtPosition(fileName: string, at: number) {
    return this.#out(fileName, await super.getQuickInfoAtPosition(fileName, this.#in(fileName, at)))
  }

  override async getDocumentHighlights(fileName: string, at: number, files: readonly string[]) {
    return this.#out(fileName, await super.getDocumentHighlights(fileName, this.#in(fileName, at), files))
  }

  override async getDefinitionAtPosition(fileName: string, at: number) {
    return this.#out(fileName, await super.getDefinitionAtPosition(fileName, this.#in(fileName, at)))
  }

  override async getReferencesAtPosition(fileName: string, at: number) {
    return this.#out(fileName, await super.getReferencesAtPosition(fileName, this.#in(fileName, at)))
  }

  override async getRenameInfo(fileName: string, at: number, options: unknown) {
    return this.#out(fileName, await super.getRenameInfo(fileName, this.#in(fileName, at), options))
  }

  override async findRenameLocations(
    fileName: string,
    at: number,
    ...rest: readonly [strings: boolean, comments: boolean, affixes: boolean]
  ) {
    return this.#out(fileName, await super.findRenameLocations(fileName, this.#in(fileName, at), ...rest))
  }

  override async getNavigationTree(fileName: string) {
    return this.#out(fileName, await super.getNavigationTree(fileName))
  }

  #in(fileName: string, at: number): number {
    return this.#isAgent(fileName) ? toAnnotated(this.annotatedOf(fileName), at) : at
  }

  #out<Answer>(fileName: string, answer: Answer): Answer {
    if (!this.#isAgent(fileName)) return answer
    return mapSpans(answer, this.annotatedOf(fileName), fileName) as Answer
  }
}

/** Every span of this file, however deep it is in an answer. */
function mapSpans(value: unknown, annotated: Annotated, fileName: string): unknown {
  if (Array.isArray(value)) return value.map((each) => mapSpans(each, annotated, fileName))
  if (typeof value !== 'object' || value === null) return value
  if ('fileName' in value && value.fileName !== fileName) return value
  const mapped = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, mapSpans(each, annotated, fileName)]),
  )
  if (!isSpan(value)) return mapped
  const start = toOriginal(annotated, value.start)
  return { ...mapped, start, length: toOriginal(annotated, value.start + value.length) - start }
}

function isSpan(value: object): value is Span {
  return (
    'start' in value &&
    typeof value.start === 'number' &&
    'length' in value &&
    typeof value.length === 'number'
  )
}

const WARNING = 0

self.onmessage = () => initialize((context, data) => new AgentWorker(context, data))
