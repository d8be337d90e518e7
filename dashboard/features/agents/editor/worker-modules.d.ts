/** What of Monaco's language service is not declared by itself. */
declare module 'monaco-editor/languages/features/typescript/ts.worker' {
  export interface Span {
    readonly start: number
    readonly length: number
  }

  export class TypeScriptWorker {
    constructor(context: unknown, data: unknown)
    _getScriptText(fileName: string): string | undefined
    _getModel(fileName: string): { getValue(): string } | null
    getExtraLibs(): Readonly<Record<string, { readonly content: string }>>
    getSemanticDiagnostics(fileName: string): Promise<readonly { readonly messageText: unknown }[]>
    getSuggestionDiagnostics(fileName: string): Promise<readonly object[]>
    getCompletionsAtPosition(fileName: string, position: number): Promise<unknown>
    getCompletionEntryDetails(fileName: string, position: number, entry: string): Promise<unknown>
    getSignatureHelpItems(fileName: string, position: number, options: unknown): Promise<unknown>
    getQuickInfoAtPosition(fileName: string, position: number): Promise<unknown>
    getDocumentHighlights(fileName: string, position: number, files: readonly string[]): Promise<unknown>
    getDefinitionAtPosition(fileName: string, position: number): Promise<unknown>
    getReferencesAtPosition(fileName: string, position: number): Promise<unknown>
    getRenameInfo(fileName: string, position: number, options: unknown): Promise<unknown>
    findRenameLocations(
      fileName: string,
      position: number,
      strings: boolean,
      comments: boolean,
      affixes: boolean,
    ): Promise<unknown>
    getNavigationTree(fileName: string): Promise<unknown>
  }

  export function initialize(open: (context: unknown, data: unknown) => TypeScriptWorker): void
}
