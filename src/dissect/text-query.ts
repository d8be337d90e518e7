/** Characters of a text that are shown in a row of a list. */
export const LONGEST_SUMMARY = 256

/**
 * KFL that selects entries whose field says `text`; of one longer than a row shows, or with something in it that no filter
 * can say, those whose field begins like it.
 */
export function textQuery(field: string, text: string, longest = LONGEST_SUMMARY): string {
  const shown = text.slice(0, longest)
  const end = shown.search(UNSPEAKABLE)
  const begins = end < 0 ? shown : shown.slice(0, end)
  return begins.length < text.length
    ? `${field}.startsWith(${JSON.stringify(begins)})`
    : `${field} == ${JSON.stringify(begins)}`
}

/** A text as a row shows it: its beginning, on one line. */
export function onOneLine(text: string): string {
  return text.slice(0, LONGEST_SUMMARY).replace(HALF_AT_END, '').replaceAll(/\s+/g, ' ').trim()
}

/** KFL has no escapes for control characters, and half of a character of UTF-16 is nothing. */
const UNSPEAKABLE = /[\p{Cc}--[\t\n\r\x7f-\x9f]]|\p{Cs}/v
const HALF_AT_END = /\p{Cs}$/v
