/** What tests need of the compiler that Monaco's language service runs. */
declare module 'monaco-editor/languages/features/typescript/lib/typescriptServices' {
  interface Diagnostic {
    readonly messageText: unknown
  }

  interface LanguageServiceHost {
    getCompilationSettings(): object
    getScriptFileNames(): string[]
    getScriptVersion(name: string): string
    getScriptSnapshot(name: string): object | undefined
    getCurrentDirectory(): string
    getDefaultLibFileName(): string
    fileExists(name: string): boolean
    readFile(name: string): string | undefined
  }

  export function createLanguageService(host: LanguageServiceHost): {
    getSemanticDiagnostics(name: string): readonly Diagnostic[]
  }
  export function flattenDiagnosticMessageText(message: unknown, newLine: string): string
  export const typescript: {
    readonly ScriptSnapshot: { fromString(text: string): object }
    readonly ScriptTarget: { readonly ES5: number }
  }
}

declare module 'monaco-editor/languages/features/typescript/lib/lib' {
  /** Text of the libraries: `lib.es5.d.ts`. */
  export const libFileMap: Readonly<Record<string, string>>
}
