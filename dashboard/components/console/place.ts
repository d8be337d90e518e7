import type { PlacedLine, ScriptPlace } from './line-buffer.ts'

/** Where in a script a text says that something is wrong, and which part of the text says it. */
export interface PlaceInText extends ScriptPlace {
  readonly from: number
  readonly to: number
}

/**
 * The place of an error, as the sandbox writes it behind the message: `TypeError: x is not a function (file.js:12:3)`, and for
 * what came again `… (file.js:12:3) (4 more like it)`. Of a plain text, without escapes.
 */
export function placeInText(text: string, title: string): PlaceInText | undefined {
  const found = /:(\d{1,9}):(\d{1,9})\)(?: \(\d+ more like it\))?$/.exec(text)
  if (found === null) return undefined
  const [, line = '', column = ''] = found
  const file = fileOf(title)
  const hasFile = file !== '' && text.slice(0, found.index).endsWith(`(${file}`)
  return {
    line: Number(line),
    column: Number(column),
    from: hasFile ? found.index - file.length : found.index + 1,
    to: found.index + 1 + line.length + 1 + column.length,
  }
}

/** Of a line of a console: only errors have places. */
export function placeOfLine(line: PlacedLine, plain: string): PlaceInText | undefined {
  if (line.level !== 'error') return undefined
  const said = placeInText(plain, line.title)
  if (line.place === undefined) return said
  return { ...line.place, from: said?.from ?? plain.length, to: said?.to ?? plain.length }
}

/** Stored agents have no files; places in them go by what follows the last slash of their titles. */
function fileOf(title: string): string {
  return title.split('/').at(-1) ?? ''
}
