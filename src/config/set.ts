import { parse as parseYaml } from 'yaml'
import { Mistake } from '../mistake/mistake.ts'

export type PathStep = string | number

export interface Assignment {
  readonly path: readonly PathStep[]
  readonly value: unknown
}

/**
 * Reads what follows `--set`: Helm's grammar. Commas separate pairs, `{a,b}` is a list, `a[0]` an element, a backslash
 * takes the meaning from the character after it; values are YAML scalars, or always text with `asText`.
 */
export function parseSet(text: string, asText = false): Assignment[] {
  const option = asText ? '--set-string' : '--set'
  return splitOutside(text, ',').map((pair) => {
    const [key, ...rest] = splitOutside(pair, '=', 2)
    if (key === undefined || key.trim() === '' || rest.length === 0)
      throw new Mistake('E_CONFIG_VALUE', `${option} ${text}: "${pair}" is not key=value`, {
        hint: `for example: ${option} scripting.language=modern`,
      })
    const raw = rest.join('=')
    return { path: pathOf(key.trim(), `${option} ${text}`), value: setValue(raw, asText) }
  })
}

function setValue(raw: string, asText: boolean): unknown {
  if (raw.startsWith('{') && raw.endsWith('}')) {
    const inner = raw.slice(1, -1)
    return inner === '' ? [] : splitOutside(inner, ',').map((each) => setValue(each, asText))
  }
  const text = raw.replace(/\\(.)/g, '$1')
  if (asText) return text
  return /^(true|false|null|~|[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|)$/.test(text)
    ? (parseYaml(text) ?? (text === '' ? '' : null))
    : text
}

function pathOf(key: string, where: string): PathStep[] {
  return splitOutside(key, '.').flatMap((step) => {
    const match = /^([^[\]]*)((?:\[\d+\])*)$/.exec(step)
    if (match === null) throw new Mistake('E_CONFIG_KEY', `${where}: "${step}" is not a key`)
    const name = (match[1] as string).replace(/\\(.)/g, '$1')
    const indexes = [...(match[2] as string).matchAll(/\[(\d+)\]/g)].map(([, index]) => Number(index))
    if (indexes.some((index) => index > LARGEST_INDEX))
      throw new Mistake('E_CONFIG_KEY', `${where}: the index in "${step}" is too large`)
    return [...(name === '' ? [] : [name]), ...indexes]
  })
}

/** Splits at a character that no backslash and no braces protect. */
function splitOutside(text: string, at: string, most = Number.POSITIVE_INFINITY): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (character === '\\') index++
    else if (character === '{') depth++
    else if (character === '}') depth--
    else if (character === at && depth === 0 && parts.length + 1 < most) {
      parts.push(text.slice(from, index))
      from = index + 1
    }
  }
  parts.push(text.slice(from))
  return parts
}

const LARGEST_INDEX = 10_000
