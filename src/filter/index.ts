import { Mistake, type TextRange } from '../mistake/mistake.ts'
import { compileCel } from './cel.ts'
import type { Condition } from './condition.ts'
import { compileKfl } from './kfl.ts'
import { detectLanguage, type FilterLanguage } from './language.ts'

export { type Condition, needlesOf } from './condition.ts'
export { isWord } from './kfl.ts'
export type { FilterLanguage } from './language.ts'

export interface FilterOptions {
  /** What a filter is that could be either. */
  readonly prefer: FilterLanguage
  /** Words that stand for filters; KFL only. */
  readonly macros?: Readonly<Record<string, string>>
  /** `now()`, ms since the epoch. */
  readonly now?: number
}

/** A filter that is ready to be asked. */
export interface Filter {
  readonly text: string
  readonly language: FilterLanguage
  readonly warnings: readonly string[]
  /** Most entries that are wanted, when the filter says so. */
  readonly limit: number | undefined
  /** Paths whose values are to be masked in what is shown. */
  readonly redactions: readonly string[]
  /** All of them hold for every entry that matches. */
  readonly conditions: readonly Condition[]
  /** May run code of whoever made the entry (getters); the caller guards against what that throws. */
  matches(entry: unknown): boolean
}

/** Throws E_FILTER_SYNTAX with `line:column: message`. */
export function compileFilter(text: string, { prefer, macros = {}, now = 0 }: FilterOptions): Filter {
  if (text.length > LONGEST_FILTER)
    throw new Mistake('E_FILTER_SYNTAX', `1:1: longer than ${LONGEST_FILTER} characters`)
  const { language, source, isLikely } = detectLanguage(text, prefer, macros)
  try {
    return compileIn(language, text, source, macros, now)
  } catch (error) {
    // What hardly looked like the other language and is neither: the error of the one that is expected says more.
    if (language !== prefer && !isLikely) compileIn(prefer, text, source, macros, now)
    throw behindPrefix(error, text.length - source.length)
  }
}

/** The same mistake, where it is in the whole of the filter. */
function behindPrefix(error: unknown, length: number): unknown {
  if (!(error instanceof Mistake) || error.at === undefined || length === 0) return error
  const { code, message, at } = error
  const moved = message.replace(/^1:(\d+)/, (_whole, column: string) => `1:${Number(column) + length}`)
  return new Mistake(code, moved, { at: { ...at, offset: at.offset + length }, cause: error })
}

function compileIn(
  language: FilterLanguage,
  text: string,
  source: string,
  macros: Readonly<Record<string, string>>,
  now: number,
): Filter {
  if (language === 'kfl1') return { text, language, ...compileKfl(source, { macros, now }) }
  return { text, language, warnings: [], limit: undefined, redactions: [], ...compileCel(source, now) }
}

/** What is to be said of a filter before it is used. */
export interface FilterVerdict {
  readonly valid: boolean
  /** What is wrong, with `line:column: ` in front; "" when nothing is. */
  readonly message: string
  readonly hint?: string
  /** Which language it was read in; the one that is preferred when it has signs of both. */
  readonly language: FilterLanguage
  /** What is wrong, where that is a part of the text. */
  readonly at?: TextRange
  /** What is possible and hardly meant. */
  readonly warnings: readonly string[]
}

/** Never throws for a text. */
export function validateFilter(text: string, options: FilterOptions): FilterVerdict {
  try {
    const { language, warnings } = compileFilter(text, options)
    return { valid: true, message: '', language, warnings }
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    const { message, hint, at } = error
    return {
      valid: false,
      message,
      language: languageOf(text, options),
      warnings: [],
      ...(hint === undefined ? {} : { hint }),
      ...(at === undefined ? {} : { at }),
    }
  }
}

function languageOf(text: string, { prefer, macros = {} }: FilterOptions): FilterLanguage {
  try {
    const { language, isLikely } = detectLanguage(text, prefer, macros)
    return isLikely ? language : prefer
  } catch {
    return prefer
  }
}

/** Compiled filters by their text, but for those that speak of the present; the one that was not asked for longest goes when there are too many. */
export class FilterCache {
  readonly #filters = new Map<string, Filter>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get(text: string, options: FilterOptions): Filter {
    const known = this.#filters.get(text)
    if (known !== undefined) return known
    const filter = compileFilter(text, options)
    // In a compiled filter `now()` stands still.
    if (speaksOfNow(text, options.macros ?? {})) return filter
    this.#filters.set(text, filter)
    const [oldest] = this.#filters
    if (this.#filters.size > this.#most && oldest !== undefined) this.#filters.delete(oldest[0])
    return filter
  }
}

/** Itself, or a macro in it. */
function speaksOfNow(text: string, macros: Readonly<Record<string, string>>): boolean {
  return (
    NOW.test(text) || Object.entries(macros).some(([name, inner]) => text.includes(name) && NOW.test(inner))
  )
}

const NOW = /\b(now|seconds|minutes|hours|days|weeks|months|years)\s*\(/
const LONGEST_FILTER = 64 << 10
