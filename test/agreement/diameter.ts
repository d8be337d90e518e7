import { type Comparison, type Fields, type Rows, tally } from './seen.ts'

export const diameter: Comparison = (seen, truth) => {
  const { messages } = (truth.diameter as { messages?: Rows } | undefined) ?? {}
  if (messages === undefined) return []
  const keyOf = ({ method, applicationId, hopByHopId, endToEndId }: Fields) =>
    `${method} ${applicationId} ${hopByHopId} ${endToEndId}`
  // The truth leaves out what stands in Experimental-Result.
  const resultOf = ({ resultCode, resultVendorId }: Fields) => (resultVendorId === 0 ? resultCode : 0)
  return [
    {
      what: 'diameter',
      ours: tally([
        ...seen.requests('diameter').map((each) => `${keyOf(each)} request`),
        ...seen.responses('diameter').map((each) => `${keyOf(each)} ${resultOf(each)}`),
      ]),
      theirs: tally(
        messages.rows.map(
          (row) =>
            `${row[4]} ${row[6]} ${Number(row[7])} ${Number(row[8])} ${row[5] === 1 ? 'request' : (row[9] ?? 0)}`,
        ),
      ),
    },
  ]
}
