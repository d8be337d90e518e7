import type { HookDeclaration } from './hooks.ts'

/** Text with comments put into it, and where: in order, by their places in the original. */
export interface Annotated {
  readonly text: string
  readonly insertions: readonly { readonly at: number; readonly length: number }[]
}

/**
 * Puts the type of its hook, with its doc, before each function at the top level that is named like one: so the parameters have
 * types without a word of the author. What already has a doc comment of its own is left as it is.
 */
export function annotate(text: string, hooks: readonly HookDeclaration[]): Annotated {
  const parts: string[] = []
  const insertions: { at: number; length: number }[] = []
  let from = 0
  for (const found of text.matchAll(FUNCTION)) {
    const hook = hooks.find(({ name }) => name === found[1])
    if (hook === undefined || /\*\/\s*$/.test(text.slice(0, found.index))) continue
    const comment = `/**\n${hook.doc}\n@type {${hook.type}} */ `
    parts.push(text.slice(from, found.index), comment)
    insertions.push({ at: found.index, length: comment.length })
    from = found.index
  }
  return { text: parts.join('') + text.slice(from), insertions }
}

/** Where a place of the original is in the annotated text. */
export function toAnnotated({ insertions }: Annotated, at: number): number {
  return insertions.reduce((place, insertion) => place + (insertion.at <= at ? insertion.length : 0), at)
}

/** The other way round; what is within a comment that was put in is where that was put. */
export function toOriginal({ insertions }: Annotated, at: number): number {
  let shift = 0
  for (const insertion of insertions) {
    const start = insertion.at + shift
    if (at < start) break
    if (at < start + insertion.length) return insertion.at
    shift += insertion.length
  }
  return at - shift
}

/** At the beginning of a line: those within other functions are indented. */
const FUNCTION = /^function[ \t]+(on[A-Z]\w*)[ \t]*\(/gm
