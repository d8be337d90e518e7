/** An entry that another screen shows. */
export interface EntryAsked {
  readonly id: string
  /** Instead of what workers keep. */
  readonly source: string | undefined
  readonly entry: Readonly<Record<string, unknown>>
}

/** Where the API has something of an entry: `packets`, `pcap`, `har`; undefined for what is no identity of one. */
export function pathOf({ id }: Pick<EntryAsked, 'id'>, what: string): string | undefined {
  const slash = id.lastIndexOf('/')
  const [worker, rest] = [id.slice(0, Math.max(slash, 0)), id.slice(slash + 1)]
  if (worker === '' || rest === '') return undefined
  return `/entries/${encodeURIComponent(worker)}/${encodeURIComponent(rest)}/${what}`
}

/** What a file of an entry is called. */
export function fileNameOf({ id }: Pick<EntryAsked, 'id'>, extension: string): string {
  const name = id.slice(id.lastIndexOf('/') + 1).replace(/\.pcap/, '')
  return `${name.replace(/[^\w.-]+/g, '_').slice(0, 100) || 'entry'}.${extension}`
}
