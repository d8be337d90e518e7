/** Where in a script something is; both count from 1. */
export interface ScriptPlace {
  readonly line: number
  readonly column: number
}

/** Where a call stands, as one number, which its source passes on with it. */
export function callPlace({ line, column }: ScriptPlace): number {
  return line * MOST_COLUMNS + Math.min(column, MOST_COLUMNS - 1)
}

export function placeOfCall(place: number): ScriptPlace {
  return { line: Math.floor(place / MOST_COLUMNS), column: place % MOST_COLUMNS }
}

const MOST_COLUMNS = 2 ** 20

/** A message, with where in the script it arose: `placeIn` reads it again. */
export function withPlace(message: string, file: string, { line, column }: ScriptPlace): string {
  return `${message} (${file}:${line}:${column})`
}

/** Where the text of an error says that it arose: at its end, or before everything else when a script cannot be read. */
export function placeIn(text: string, file: string): ScriptPlace | undefined {
  return placeAtStart(text, file) ?? placeAtEnd(text, file)?.place
}

/** The text of an error without its place. */
export function withoutPlace(text: string, file: string): string {
  const at = placeAtEnd(text, file)?.at
  return at === undefined ? text : text.slice(0, at)
}

function placeAtStart(text: string, file: string): ScriptPlace | undefined {
  return text.startsWith(`${file}:`) ? placeOf(/^:(\d+):(\d+): /.exec(text.slice(file.length))) : undefined
}

function placeAtEnd(text: string, file: string) {
  const at = text.lastIndexOf(` (${file}:`)
  if (at < 0) return undefined
  const place = placeOf(/^:(\d+):(\d+)\)(?: \(\d+ more like it\))?$/.exec(text.slice(at + 2 + file.length)))
  return place === undefined ? undefined : { at, place }
}

function placeOf(found: RegExpExecArray | null): ScriptPlace | undefined {
  return found === null ? undefined : { line: Number(found[1]), column: Number(found[2]) }
}
