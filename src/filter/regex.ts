import { type Place, syntaxError } from './kfl-tokens.ts'

/**
 * A regular expression as filters know it (RE2): inline flags in front, no look-around and no back-references, which
 * cannot be matched in linear time.
 */
export function safeRegex(source: string, place: Place): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(source)
  const pattern = flags === null ? source : source.slice(flags[0].length)
  if (/\(\?<?[=!]/.test(pattern)) throw syntaxError(place, 'look-around is not possible in a filter')
  if (/\\[1-9]|\\k</.test(pattern)) throw syntaxError(place, 'back-references are not possible in a filter')
  try {
    return new RegExp(pattern.replaceAll('(?P<', '(?<'), flags?.[1] ?? '')
  } catch (error) {
    throw syntaxError(place, (error as Error).message)
  }
}
