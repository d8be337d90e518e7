import { Mistake } from '../mistake/mistake.ts'

export type FilterLanguage = 'kfl1' | 'kfl2'

/**
 * Which of the two languages a filter is written in (agent-api §6.4): by what only one of them has, or by a prefix
 * `kfl1:` or `kfl2:`; `prefer` decides when nothing does. Throws E_FILTER_SYNTAX when it has signs of both.
 */
export function detectLanguage(
  text: string,
  prefer: FilterLanguage,
): { readonly language: FilterLanguage; readonly source: string } {
  const prefix = /^\s*(kfl[12]):/.exec(text)
  if (prefix !== null) return { language: prefix[1] as FilterLanguage, source: text.slice(prefix[0].length) }
  const bare = withoutTexts(text)
  const first = firstOf(bare, KFL1_SIGNS)
  const second = firstOf(bare, KFL2_SIGNS)
  if (first !== undefined && second !== undefined)
    throw new Mistake(
      'E_FILTER_SYNTAX',
      `1:1: "${first}" is KFL and "${second}" is CEL: a filter is one or the other`,
      {
        hint: 'put kfl1: or kfl2: in front to say which',
      },
    )
  return { language: first !== undefined ? 'kfl1' : second !== undefined ? 'kfl2' : prefer, source: text }
}

/** The contents of quoted texts say nothing about the language. */
function withoutTexts(text: string): string {
  return text.replace(/(r?)(["'`])(?:\\.|(?!\2)[^\\])*\2/g, (_whole, regex: string) =>
    regex === 'r' ? ' REGEX ' : ' "" ',
  )
}

function firstOf(text: string, signs: readonly RegExp[]): string | undefined {
  for (const sign of signs) {
    const found = sign.exec(text)
    if (found !== null) return found[0].trim()
  }
  return undefined
}

const KFL1_SIGNS = [
  /\b(and|or|nil)\b/,
  /\bREGEX\b/,
  /\b(redact|record|datetime|limit|rlimit|seconds|minutes|hours|days|weeks|months|years)\s*\(/,
  /\.(json|xml)\s*\(/,
  /\brequest\.(method|path|url|payload|questions|command|key)\b/,
  /\bresponse\.(status|content|code|answers)\b/,
  /\belapsedTime\b/,
  /\bprotocol\.\w+/,
  /\bnode\.name\b/,
  /\[\s*\*\s*\]/,
  /===/,
]
const KFL2_SIGNS = [
  /&&|\|\|/,
  /\bin\b/,
  /\?/,
  /[%+/]/,
  /\b(map_get|size|timestamp|duration)\s*\(/,
  /\.(exists|all|exists_one|filter|map|matches|size)\s*\(/,
  /\b[a-z0-9]+_[a-z0-9_]+\b(?!\s*")/,
  /\b(src|dst)\.(pod|service)\.\w+/,
]
