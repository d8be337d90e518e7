/** How services are put together. */
export const GROUPINGS = ['none', 'namespace', 'host'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** Seconds up to now; 0: all that is kept. */
export const WINDOWS = [60, 300, 900, 3600, 0] as const

/** What is shown of the map, as the address of the page says. */
export interface MapPlace {
  readonly filter: string
  readonly window: number
  readonly grouping: Grouping
  readonly isTable: boolean
  /** Badges of protocols that are left out. */
  readonly hidden: readonly string[]
  /** Key of the service or the link that is looked at. */
  readonly chosen: string | undefined
  /** Only the service that is looked at, and whom it talks to. */
  readonly isFocused: boolean
}

export function placeIn(search: URLSearchParams): MapPlace {
  const window = Number(search.get('window') ?? DEFAULT_WINDOW)
  return {
    filter: search.get('q') ?? '',
    window: WINDOWS.find((each) => each === window) ?? DEFAULT_WINDOW,
    grouping: GROUPINGS.find((each) => each === search.get('group')) ?? 'none',
    isTable: search.get('view') === 'table',
    hidden: search.get('hide')?.split(',').filter(Boolean) ?? [],
    chosen: search.get('chosen') || undefined,
    isFocused: search.get('focus') === '1',
  }
}

/** Only what is not as it is without saying. */
export function searchOf(place: MapPlace): URLSearchParams {
  const search = new URLSearchParams()
  const set = (name: string, value: string, usual: string) => {
    if (value !== usual) search.set(name, value)
  }
  set('q', place.filter, '')
  set('window', String(place.window), String(DEFAULT_WINDOW))
  set('group', place.grouping, 'none')
  set('view', place.isTable ? 'table' : 'map', 'map')
  set('hide', place.hidden.join(','), '')
  set('chosen', place.chosen ?? '', '')
  set('focus', place.isFocused && place.chosen !== undefined ? '1' : '', '')
  return search
}

const DEFAULT_WINDOW = 300
