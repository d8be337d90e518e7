import { Mistake } from '../mistake/mistake.ts'
import { kflMacros } from './kfl-macros.ts'

export type FilterLanguage = 'kfl1' | 'kfl2'

/**
 * Which of the two languages a filter is written in (agent-api §6.4): by what only one of them has, or by a prefix
 * `kfl1:` or `kfl2:`; `prefer` decides when nothing does. Throws E_FILTER_SYNTAX when it has signs of both.
 */
export function detectLanguage(
  text: string,
  prefer: FilterLanguage,
  macros: Readonly<Record<string, string>>,
): Detected {
  const prefix = /^\s*(kfl[12]):/.exec(text)
  if (prefix !== null)
    return { language: prefix[1] as FilterLanguage, source: text.slice(prefix[0].length), isLikely: true }
  const bare = withoutTexts(text)
  const first = firstOf(bare, KFL1_SIGNS, macros)
  const second = firstOf(bare, KFL2_SIGNS, macros)
  if (first !== undefined && second !== undefined)
    throw new Mistake(
      'E_FILTER_SYNTAX',
      `1:1: ${first === 'REGEX' ? 'r"…"' : `"${first}"`} is KFL and "${second}" is CEL: a filter is one or the other`,
      {
        hint: 'put kfl1: or kfl2: in front to say which',
      },
    )
  const isKfl = first !== undefined || (second === undefined && hasMacro(bare, macros))
  const language = isKfl ? 'kfl1' : second !== undefined ? 'kfl2' : prefer
  return { language, source: text, isLikely: isKfl || (second?.length ?? 0) > 1 }
}

interface Detected {
  readonly language: FilterLanguage
  /** The filter without its prefix. */
  readonly source: string
  /** A word of the language, or an operator of two characters, says so: not just a stray `?` or `+`. */
  readonly isLikely: boolean
}

/** The contents of quoted texts say nothing about the language. */
function withoutTexts(text: string): string {
  return text.replace(/(r?)(["'`])(?:\\.|(?!\2)[^\\])*\2/g, (_whole, regex: string) =>
    regex === 'r' ? ' REGEX ' : ' "" ',
  )
}

function hasMacro(text: string, macros: Readonly<Record<string, string>>): boolean {
  const words = text.match(/(?<![.\w])[A-Za-z_]\w*/g) ?? []
  return words.some((word) => Object.hasOwn(macros, word))
}

/** Macros are of KFL, whatever they look like; those that KFL has itself are words of both. */
function firstOf(
  text: string,
  signs: readonly RegExp[],
  macros: Readonly<Record<string, string>>,
): string | undefined {
  for (const sign of signs)
    for (const [found] of text.matchAll(sign))
      if (!Object.hasOwn(macros, found) && !Object.hasOwn(kflMacros, found)) return found.trim()
  return undefined
}

/** Words behind a dot are names of fields, which may be anything. */
const KFL1_SIGNS = [
  /(?<!\.)\b(and|or|nil)\b/g,
  /\bREGEX\b/g,
  /(?<!\.)\b(redact|record|datetime|limit|rlimit|seconds|minutes|hours|days|weeks|months|years)\s*\(/g,
  /\.(json|xml)\s*\(/g,
  /\brequest\.(method|path|url|payload|questions|command|key)\b/g,
  /\bresponse\.(status|content|code|answers)\b/g,
  /(?<!\.)\belapsedTime\b/g,
  /(?<!\.)\bprotocol\.\w+/g,
  /(?<!\.)\bnode\.name\b/g,
  /\b(src|dst)\.(pod|service|endpointSlice)\.(metadata|spec|status)\b/g,
  /\[\s*\*\s*\]/g,
  /===/g,
]
const KFL2_SIGNS = [
  /&&|\|\|/g,
  /(?<!\.)\bin\b/g,
  /\?/g,
  /[%+/]/g,
  /(?<!\.)\b(map_get|size|timestamp|duration)\s*\(/g,
  /\.(exists|all|exists_one|filter|map|matches|size)\s*\(/g,
  /(?<!\.)\b[a-z0-9]+_[a-z0-9_]+\b(?!\s*")/g,
  /\b(src|dst)\.(pod|service)\.(name|namespace)\b/g,
]
