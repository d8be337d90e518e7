/**
 * Cuts a command that came as a line into its words, as Redis' `sdssplitargs` does: quotes and escapes count. A quote
 * that is never closed, which Redis refuses, reaches to the end.
 */
export function inlineWords(line: string): string[] {
  const words: string[] = []
  let at = 0
  while (at < line.length) {
    if (isBlank(line[at])) at++
    else at = readWord(line, at, words)
  }
  return words
}

function readWord(line: string, start: number, words: string[]): number {
  let word = ''
  let at = start
  while (at < line.length && !isBlank(line[at])) {
    const quote = line[at]
    if (quote !== '"' && quote !== "'") {
      word += line[at++]
      continue
    }
    const close = closingQuote(line, at)
    word += unquote(line.slice(at + 1, close), quote)
    at = close + 1
  }
  words.push(word)
  return at
}

function closingQuote(line: string, open: number): number {
  let at = open + 1
  while (at < line.length && line[at] !== line[open]) at += line[at] === '\\' ? 2 : 1
  return Math.min(at, line.length)
}

function unquote(text: string, quote: string): string {
  if (quote === "'") return text.replaceAll("\\'", "'")
  return text.replaceAll(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\0'
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }
