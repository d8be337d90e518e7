/** How scripts are read, but for the version of the language, whose numbers are the compiler's. */
export function compilerOptions(language: 'es5' | 'modern') {
  return {
    allowNonTsExtensions: true,
    allowJs: true,
    checkJs: true,
    noImplicitAny: false,
    lib: [language === 'es5' ? 'es5' : 'es2020'],
    types: [],
  }
}

/** What the language service says of a place: text, or a chain of texts. */
export interface Said {
  readonly messageText: unknown
}

/** What is worth saying of all that the language service has to say of a script. */
export function adviceOf<T extends Said>(said: readonly T[], script: string): readonly T[] {
  const useful = said.filter(({ messageText }) => !isAboutName(JSON.stringify(messageText)))
  if (!/\bdissector\s*\(/.test(script)) return useful
  // Nobody knows the fields of messages of a protocol that an agent defines.
  return useful.filter(({ messageText }) => !isAboutMessage(JSON.stringify(messageText)))
}

/** Scripts may have functions and variables by the names of helpers that they do not use, such as `report`. */
function isAboutName(text: string): boolean {
  return /^"(Cannot redeclare block-scoped variable|Duplicate identifier) /.test(text)
}

/** `Loose` is the type of requests and replies in the typings. */
function isAboutMessage(text: string): boolean {
  return text.includes("on type 'Loose<")
}
