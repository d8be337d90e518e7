import type { ConsoleLine } from '../../../src/wire/console.ts'

/** Where in a script something is wrong, from 1, and which part of a text says so. */
export interface PlaceInText {
  readonly line: number
  readonly column: number
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

/** Of a line of a console that comes with its place; at the end of the text where that does not say it. */
export function placeOfLine({ place, title }: ConsoleLine, plain: string): PlaceInText | undefined {
  if (place === undefined) return undefined
  const said = placeInText(plain, title)
  return { ...place, from: said?.from ?? plain.length, to: said?.to ?? plain.length }
}

/** Stored agents have no files; places in them go by what follows the last slash of their titles. */
function fileOf(title: string): string {
  return title.split('/').at(-1) ?? ''
}
