/** Texts so that each part fits in a message; an entry that is too long for one goes without what it carries. */
export function parts(texts: readonly string[], mostBytes: number): string[][] {
  const cut: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const text of texts) {
    const fitting = withinMessage(text, mostBytes)
    const size = sizeOf(fitting)
    if (bytes + size > Math.min(mostBytes, PART_BYTES)) {
      cut.push([])
      bytes = 0
    }
    cut.at(-1)?.push(fitting)
    bytes += size
  }
  return cut
}

/** Bytes of a text in a message, with the end of its line. */
export function sizeOf(text: string): number {
  return Buffer.byteLength(text) + 1
}

/** An entry as it is, or what of it says which one it is, and that it was too long. */
export function withinMessage(text: string, mostBytes: number): string {
  if (text.length * 3 < mostBytes || sizeOf(text) <= mostBytes) return text
  const error = {
    type: 'too-long',
    msg: `the entry has ${text.length} characters: more than a message takes`,
  }
  const { request: _, response: __, data: ___, ...entry } = objectIn(text)
  const short = JSON.stringify({ ...entry, request: null, response: null, data: null, error })
  if (sizeOf(short) <= mostBytes) return short
  const { id = null, stream = null, index = null, timestamp = null } = entry
  const shortest = JSON.stringify({ id, stream, index, timestamp, error })
  return sizeOf(shortest) <= mostBytes ? shortest : JSON.stringify({ error })
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** Many small messages cost more than a large one, and a large one waits. */
const PART_BYTES = 256 << 10
