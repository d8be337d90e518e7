import type { FilterLanguage } from '../../../src/filter/language.ts'
import type { MapEnd } from '../../../src/wire/map.ts'
import { languageOf, quoted, withClause } from '../../components/filter-box/clause.ts'

/** What of the traffic is meant: what goes from some to others, or what some have a part in. */
export interface TrafficWish {
  readonly source?: readonly MapEnd[]
  readonly destination?: readonly MapEnd[]
  readonly either?: readonly MapEnd[]
  /** Badge of the protocol. */
  readonly protocol?: string
}

/** Where the traffic is that a part of the map is made of. */
export function trafficPath(filter: string, wish: TrafficWish): string {
  return `/traffic?q=${encodeURIComponent(trafficFilter(filter, wish))}`
}

/** The filter of the map, and that. */
export function trafficFilter(
  filter: string,
  { source, destination, either, protocol }: TrafficWish,
): string {
  const language = filter.trim() === '' ? 'kfl1' : (languageOf(filter) ?? 'kfl1')
  const clauses = [
    ...(source === undefined ? [] : [anyOf('src', source, language)]),
    ...(destination === undefined ? [] : [anyOf('dst', destination, language)]),
    ...(either === undefined
      ? []
      : [`(${[anyOf('src', either, language), anyOf('dst', either, language)].join(OR[language])})`]),
    ...(protocol === undefined ? [] : [`protocol.abbr == ${text(protocol, language)}`]),
  ]
  return clauses.reduce((whole, clause) => withClause(whole, clause, language), filter)
}

function anyOf(side: 'src' | 'dst', ends: readonly MapEnd[], language: FilterLanguage): string {
  const each = ends.slice(0, MOST_ENDS).map((end) => clauseOf(side, end, language))
  return each.length === 1 ? (each[0] ?? '') : `(${each.join(OR[language])})`
}

/** An end without a name is asked for by its address, which then must not be called otherwise. */
function clauseOf(side: 'src' | 'dst', end: MapEnd, language: FilterLanguage): string {
  const equals = (field: string, value: string) => `${side}.${field} == ${text(value, language)}`
  const unnamed = `(${[
    equals('ip', end.ip),
    `(${[equals('name', ''), equals('name', end.ip)].join(OR[language])})`,
  ].join(AND[language])})`
  if (end.name === '') return unnamed
  const named = [
    equals('name', end.name),
    ...(end.namespace === '' ? [] : [equals('namespace', end.namespace)]),
  ]
  const whole = named.length === 1 ? (named[0] ?? '') : `(${named.join(AND[language])})`
  return end.isByAddress ? `(${[whole, unnamed].join(OR[language])})` : whole
}

function text(value: string, language: FilterLanguage): string {
  return quoted(value, language) ?? '""'
}

const AND: Readonly<Record<FilterLanguage, string>> = { kfl1: ' and ', kfl2: ' && ' }
const OR: Readonly<Record<FilterLanguage, string>> = { kfl1: ' or ', kfl2: ' || ' }
/** Filters have an end. */
const MOST_ENDS = 100
