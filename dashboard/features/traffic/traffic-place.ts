import type { TimeRange } from './time-range.ts'

/** What of the traffic somebody looks at, as it is in the address of the page. */
export interface TrafficPlace extends TimeRange {
  readonly filter: string
  /** Identity of the entry that is open. */
  readonly entry: string | undefined
  /** Instead of what workers keep: a recording, a capture file. */
  readonly source: string | undefined
}

export function placeIn(search: URLSearchParams): TrafficPlace {
  return {
    filter: search.get('q') ?? '',
    entry: search.get('entry') || undefined,
    source: search.get('source') || undefined,
    from: timeOf(search.get('from')),
    to: timeOf(search.get('to')),
  }
}

/** Parameters that are none of these stay as they are. */
export function searchOf(place: TrafficPlace, before = new URLSearchParams()): URLSearchParams {
  const search = new URLSearchParams(before)
  const set = (name: string, value: string | number | undefined) => {
    if (value === undefined || value === '') search.delete(name)
    else search.set(name, String(value))
  }
  set('q', place.filter)
  set('from', place.from)
  set('to', place.to)
  set('source', place.source)
  set('entry', place.entry)
  return search
}

/** What comes now is shown where nothing else is asked for. */
export const isLive = ({ from, to, source }: TrafficPlace): boolean =>
  from === undefined && to === undefined && source === undefined

/** Where the API has an entry; undefined for what is no identity of one. */
export function entryPath(id: string, source: string | undefined): string | undefined {
  const [worker, rest] = parts(id)
  if (worker === '' || rest === '') return undefined
  const query = source === undefined ? '' : `?source=${encodeURIComponent(source)}`
  return `/entries/${encodeURIComponent(worker)}/${encodeURIComponent(rest)}${query}`
}

function parts(id: string): readonly [worker: string, rest: string] {
  const slash = id.lastIndexOf('/')
  return [id.slice(0, Math.max(slash, 0)), id.slice(slash + 1)]
}

function timeOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
