import type { ScriptPlace } from '../host/place.ts'

/** Text that goes in place of some of a script before it runs; `start` = `end`: between. Edits must not overlap. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface EditedScript {
  readonly source: string
  /** Where text was put in: line (from 1), column (from 1) in the original, and how much: for positions of errors. */
  readonly insertions: readonly (readonly [line: number, column: number, length: number])[]
}

export function edited(source: string, edits: readonly Edit[]): EditedScript {
  let text = ''
  let copied = 0
  const insertions: [number, number, number][] = []
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    text += source.slice(copied, edit.start) + edit.text
    copied = edit.end
    const { line, column } = placeOf(source, edit.start)
    insertions.push([line, column, edit.text.length - (edit.end - edit.start)])
  }
  return { source: text + source.slice(copied), insertions }
}

/** Line and column, both from 1. */
export function placeOf(source: string, offset: number): ScriptPlace {
  let line = 1
  let lineStart = 0
  for (let at = source.indexOf('\n'); at >= 0 && at < offset; at = source.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: offset - lineStart + 1 }
}
