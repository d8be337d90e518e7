import { visibleText } from '../../lib/visible-text.ts'
import { type AnsiColour, fromPalette } from './ansi-colours.ts'

/** How a piece of a console line is to look. */
export interface AnsiStyle {
  readonly colour?: AnsiColour
  readonly background?: AnsiColour
  readonly bold?: true
  readonly dim?: true
  readonly italic?: true
  readonly underline?: true
  readonly inverse?: true
  readonly strike?: true
}

export interface AnsiSpan {
  readonly text: string
  readonly style: AnsiStyle
}

/**
 * A console line as pieces of one look each. Colours and styles (SGR) are obeyed; what else a terminal would obey is left out,
 * and characters that hide, turn or overwrite text are shown by their names.
 */
export function readAnsi(text: string): readonly AnsiSpan[] {
  if (!CONTROLS.test(text)) return text === '' ? [] : [{ text: visibleText(text), style: PLAIN }]
  const spans: { text: string; style: AnsiStyle }[] = []
  let style = PLAIN
  for (const [piece, parameters] of pieces(text)) {
    if (parameters !== undefined) style = restyled(style, parameters)
    else if (piece !== '') {
      const last = spans.at(-1)
      if (last?.style === style) last.text += piece
      else spans.push({ text: piece, style })
    }
  }
  return spans
}

/** The same without its looks: what is searched, copied and saved. */
export function plainText(text: string): string {
  if (!CONTROLS.test(text)) return visibleText(text)
  let plain = ''
  for (const [piece, parameters] of pieces(text)) if (parameters === undefined) plain += piece
  return plain
}

/** Text to show, and parameters of SGR, in their order. */
function* pieces(text: string): Iterable<readonly [text: string, sgr: string | undefined]> {
  let from = 0
  for (const found of text.matchAll(SEQUENCE)) {
    yield [visible(text.slice(from, found.index)), undefined]
    const { sgr } = found.groups ?? {}
    if (sgr !== undefined) yield ['', sgr]
    from = found.index + found[0].length
  }
  yield [visible(text.slice(from)), undefined]
}

/** A terminal would go back to the start of the line, and hide what stands there. */
function visible(text: string): string {
  return visibleText(text.replaceAll('\r\n', '\n')).replaceAll('\r', '\u240d')
}

/** ECMA-48 8.3.117; parameters that nobody knows change nothing. */
function restyled(before: AnsiStyle, text: string): AnsiStyle {
  const parameters = text.split(';', MOST_PARAMETERS)
  let style = before
  for (let at = 0; at < parameters.length; at++) {
    const parameter = parameters[at] ?? ''
    const target = TARGETS[Number.parseInt(parameter, 10)]
    if (target !== undefined) {
      // ISO 8613-6 has colons between what belongs together; most programs write semicolons.
      const isJoined = parameter.includes(':')
      const numbers = (isJoined ? parameter.split(':') : parameters.slice(at)).slice(1).map(Number)
      const { colour, length } = longColour(numbers, isJoined && numbers.length === 5)
      if (!isJoined) at += length
      if (colour !== undefined && target !== 'none') style = { ...style, [target]: colour }
    } else style = withParameter(style, parameter === '4:0' ? 24 : Number.parseInt(parameter || '0', 10))
  }
  return style
}

function withParameter(style: AnsiStyle, number: number): AnsiStyle {
  if (number === 0) return PLAIN
  const on = SWITCHES_ON[number]
  if (on !== undefined) return { ...style, [on]: true }
  const off = SWITCHES_OFF[number]
  if (off !== undefined) return without(style, off)
  if (number >= 30 && number <= 37) return { ...style, colour: fromPalette(number - 30) }
  if (number >= 90 && number <= 97) return { ...style, colour: fromPalette(number - 90 + 8) }
  if (number >= 40 && number <= 47) return { ...style, background: fromPalette(number - 40) }
  if (number >= 100 && number <= 107) return { ...style, background: fromPalette(number - 100 + 8) }
  return style
}

/** `5;n` of 256 colours, `2;r;g;b`, or with the space of the colour before it; answers how many numbers belong to it. */
function longColour(
  numbers: readonly number[],
  hasSpace: boolean,
): { readonly colour: AnsiColour | undefined; readonly length: number } {
  const [kind, second] = numbers
  if (kind === 5) return { colour: isByte(second) ? fromPalette(second) : undefined, length: 2 }
  if (kind !== 2) return { colour: undefined, length: 0 }
  const [red, green, blue] = numbers.slice(hasSpace ? 2 : 1)
  const isColour = isByte(red) && isByte(green) && isByte(blue)
  return { colour: isColour ? { kind: 'exact', rgb: [red, green, blue] } : undefined, length: 4 }
}

function isByte(number: number | undefined): number is number {
  return number !== undefined && Number.isInteger(number) && number >= 0 && number <= 255
}

function without(style: AnsiStyle, keys: readonly (keyof AnsiStyle)[]): AnsiStyle {
  return Object.fromEntries(Object.entries(style).filter(([key]) => !keys.some((each) => each === key)))
}

const PLAIN: AnsiStyle = {}
/** Of a sequence; more are not read. */
const MOST_PARAMETERS = 64

/** What a long colour is for; that of underlines is not drawn. */
const TARGETS: Readonly<Record<number, 'colour' | 'background' | 'none'>> = {
  38: 'colour',
  48: 'background',
  58: 'none',
}
const SWITCHES_ON: Readonly<Record<number, keyof AnsiStyle>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  9: 'strike',
  21: 'underline',
}
const SWITCHES_OFF: Readonly<Record<number, readonly (keyof AnsiStyle)[]>> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  39: ['colour'],
  49: ['background'],
}

/**
 * Control functions of ECMA-48. Strings (OSC, DCS, SOS, PM, APC) go with what is in them, but only when they end: otherwise a
 * single one would hide the rest of the line.
 */
const SEQUENCE = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)(?<sgr>[0-9;:]*)m`,
    String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]`,
    String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)`,
    String.raw`\x1b[ -/]*[0-Z\\^-~]`,
  ].join('|'),
  'g',
)
/** A line without these has nothing to obey. */
const CONTROLS = /[^\P{Cc}\n\t]/u
