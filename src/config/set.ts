import { Mistake } from '../mistake/mistake.ts'

export type PathStep = string | number

export interface Assignment {
  readonly path: readonly PathStep[]
  readonly value: unknown
}

/**
 * Reads what follows `--set`, in Helm's grammar: commas separate pairs, `{a,b}` is a list, `a[0]` one of its elements,
 * and a backslash takes its meaning from the character that follows (`a\.b=1\,5`). Values get the types that YAML gives
 * plain scalars (numbers with leading zeros, or too long to be exact, stay text); with `asText` all stay text.
 */
export function parseSet(source: string, asText = false): Assignment[] {
  const option = asText ? '--set-string' : '--set'
  return split(source, ',', option).map((pair) => {
    const at = indexOutside(pair, '=')
    const key = pair.slice(0, at).trim()
    if (at < 0 || key === '')
      throw new Mistake('E_CONFIG_VALUE', `${option}: ${excerpt(pair)} is not key=value`, {
        hint: `for example: ${option} scripting.language=modern; write \\, for a comma within a value`,
      })
    return { path: parsePath(key, option), value: parseValue(pair.slice(at + 1), asText, `${option} ${key}`) }
  })
}

function parsePath(key: string, option: string): PathStep[] {
  return split(key, '.', option).flatMap((part) => {
    const open = indexOutside(part, '[')
    const name = withoutBackslashes(open < 0 ? part : part.slice(0, open))
    const indexes = open < 0 ? '' : part.slice(open)
    if (name === '' || !/^(\[\d{1,4}\])*$/.test(indexes))
      throw new Mistake('E_CONFIG_KEY', `${option}: ${excerpt(key)} is not a key`, {
        hint: 'keys look like scripting.language or scripting.sources[0]; indexes go up to 9999',
      })
    return [name, ...[...indexes.matchAll(/\d+/g)].map(([index]) => Number(index))]
  })
}

function parseValue(source: string, asText: boolean, where: string): unknown {
  if (!source.startsWith('{')) return asText ? withoutBackslashes(source) : scalar(withoutBackslashes(source))
  if (!source.endsWith('}') || source.endsWith('\\}'))
    throw new Mistake('E_CONFIG_VALUE', `${where}: expected a list such as {a,b}, found ${excerpt(source)}`, {
      hint: 'write \\{ for a value that starts with a brace',
    })
  const inner = source.slice(1, -1)
  return inner.trim() === '' ? [] : split(inner, ',', where).map((each) => parseValue(each, asText, where))
}

/** The type that YAML's core schema gives a plain scalar. Text that YAML would read otherwise stays text. */
function scalar(text: string): unknown {
  if (/^(null|Null|NULL|~)$/.test(text)) return null
  if (/^(true|True|TRUE)$/.test(text)) return true
  if (/^(false|False|FALSE)$/.test(text)) return false
  if (/^[-+]?(0|[1-9]\d*)$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : text
  if (/^[-+]?(\.\d+|(0|[1-9]\d*)(\.\d*)?)([eE][-+]?\d+)?$/.test(text)) return Number(text)
  return text
}

/** Splits where no backslash and no braces protect the separator. */
function split(source: string, separator: string, where: string): string[] {
  const parts: string[] = []
  let rest = source
  for (let at = indexOutside(rest, separator); at >= 0; at = indexOutside(rest, separator)) {
    parts.push(rest.slice(0, at))
    rest = rest.slice(at + 1)
    if (parts.length > MOST_PARTS)
      throw new Mistake('E_CONFIG_VALUE', `${where}: more than ${MOST_PARTS} parts`)
  }
  parts.push(rest)
  return parts
}

/** Braces only mean a list where a value starts: `a=x{y` is text. */
function indexOutside(source: string, wanted: string): number {
  let depth = 0
  for (let at = 0; at < source.length; at++) {
    const character = source[at]
    if (character === '\\') at++
    else if (character === wanted && depth === 0) return at
    else if (character === '{' && (at === 0 || '={,'.includes(source[at - 1] as string))) depth++
    else if (character === '}' && depth > 0) depth--
  }
  return -1
}

function withoutBackslashes(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}

const MOST_PARTS = 10_000
