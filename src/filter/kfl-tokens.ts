import { Mistake } from '../mistake/mistake.ts'

export interface Token {
  readonly kind: 'word' | 'number' | 'text' | 'regex' | 'symbol' | 'end'
  /** Name, symbol, or the value of a text. */
  readonly text: string
  readonly line: number
  readonly column: number
  /** Where it is written, quotes included. */
  readonly offset: number
  readonly length: number
}

/** Where something is in a filter, for people and for editors. */
export type Place = Pick<Token, 'line' | 'column' | 'offset' | 'length'>

/** Cuts a KFL filter into tokens. Throws E_FILTER_SYNTAX at what is none. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  let lineStart = 0
  let at = 0
  while (at < source.length) {
    const character = source[at] as string
    if (character === '\n') {
      line++
      lineStart = at + 1
    }
    if (/\s/.test(character)) {
      at++
      continue
    }
    const place = { line, column: at - lineStart + 1, offset: at, length: 1 }
    const regex = character === 'r' && QUOTES.includes(source[at + 1] ?? '')
    if (regex || QUOTES.includes(character)) {
      const from = regex ? at + 1 : at
      const { value, end } = quoted(source, from, place, regex)
      tokens.push({ kind: regex ? 'regex' : 'text', text: value, ...place, length: end - at })
      at = end
      continue
    }
    WORD.lastIndex = at
    NUMBER.lastIndex = at
    const word = WORD.exec(source)
    const number = word === null ? NUMBER.exec(source) : null
    if (word !== null || number !== null) {
      const text = (word ?? number)?.[0] as string
      tokens.push({ kind: word !== null ? 'word' : 'number', text, ...place, length: text.length })
      at += text.length
      continue
    }
    const symbol = SYMBOLS.find((each) => source.startsWith(each, at))
    if (symbol === undefined) throw syntaxError(place, `unexpected token ${JSON.stringify(character)}`)
    tokens.push({ kind: 'symbol', text: symbol, ...place, length: symbol.length })
    at += symbol.length
  }
  return [...tokens, { kind: 'end', text: '', line, column: at - lineStart + 1, offset: at, length: 0 }]
}

export function syntaxError({ line, column, offset, length }: Place, message: string): Mistake {
  return new Mistake('E_FILTER_SYNTAX', `${line}:${column}: ${message}`, { at: { offset, length } })
}

function quoted(source: string, start: number, place: Place, raw: boolean): { value: string; end: number } {
  const quote = source[start]
  let value = ''
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at] as string
    if (character === quote) return { value, end: at + 1 }
    if (character === '\\' && quote !== '`' && at + 1 < source.length) {
      const next = source[++at] as string
      value += raw && next !== quote ? `\\${next}` : (ESCAPES[next] ?? next)
    } else value += character
  }
  throw syntaxError({ ...place, length: source.length - place.offset }, 'text without an end')
}

const QUOTES = ['"', "'", '`']
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /\d+(\.\d+)?/y
const SYMBOLS = [
  '===',
  '==',
  '!=',
  '>=',
  '<=',
  '>',
  '<',
  '!',
  '-',
  '(',
  ')',
  '[',
  ']',
  '..',
  '.',
  ',',
  ':',
  '*',
]
