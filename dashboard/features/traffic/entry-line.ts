/** An entry as it came: only what the order of the list needs is read of it. */
export interface EntryLine {
  /** Unique in the cluster: `<worker>/<stream>-<index>`. */
  readonly id: string
  /** ms since the epoch. */
  readonly at: number
  /** JSON, as its worker wrote it. */
  readonly text: string
}

/** Undefined for what is no entry. */
export function lineOf(text: string): EntryLine | undefined {
  return asWritten(text) ?? asParsed(text)
}

/**
 * Workers write `id` first, and quotes in values are escaped: `"timestamp":` is a key wherever it stands, and the first one is
 * that of the entry, since only the names of ends come before it.
 */
function asWritten(text: string): EntryLine | undefined {
  if (!text.startsWith(ID)) return undefined
  const end = text.indexOf('"', ID.length)
  const id = text.slice(ID.length, end)
  const key = text.indexOf(TIMESTAMP, end)
  if (id === '' || id.includes('\\') || key < 0) return undefined
  const from = key + TIMESTAMP.length
  const digits = /^\d+(?=[,}])/.exec(text.slice(from, from + LONGEST_TIME))
  return digits === null ? undefined : { id, at: Number(digits[0]), text }
}

/** What an agent has changed may be in any order. */
function asParsed(text: string): EntryLine | undefined {
  try {
    const entry: unknown = JSON.parse(text)
    if (typeof entry !== 'object' || entry === null || !('id' in entry) || !('timestamp' in entry))
      return undefined
    const { id, timestamp } = entry
    return typeof id === 'string' && id !== '' && Number.isFinite(timestamp)
      ? { id, at: Number(timestamp), text }
      : undefined
  } catch {
    return undefined
  }
}

const ID = '{"id":"'
const TIMESTAMP = '"timestamp":'
const LONGEST_TIME = 20
