/** Characters of a text that are shown in a row of a list. */
export const LONGEST_SUMMARY = 256

/** KFL that selects entries whose field says `text`; of one longer than a row shows, those whose field begins like it. */
export function textQuery(field: string, text: string, longest = LONGEST_SUMMARY): string {
  return text.length > longest
    ? `${field}.startsWith(${JSON.stringify(text.slice(0, longest))})`
    : `${field} == ${JSON.stringify(text)}`
}
