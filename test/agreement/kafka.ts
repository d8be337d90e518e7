import { type Comparison, type Rows, tally } from './seen.ts'

/** Requests by API, version, correlation id, client and topics; replies by correlation id and error. */
export const kafka: Comparison = (seen, truth) => {
  const { requests, responses } = (truth.kafka as { requests?: Rows; responses?: Rows } | undefined) ?? {}
  if (requests === undefined) return []
  return [
    {
      what: 'request',
      ours: tally(
        seen
          .requests('kafka')
          .map(({ apiKey, apiVersion, correlationID, clientID, topics }) =>
            [apiKey, apiVersion, correlationID, clientID, ...[...(topics as string[])].sort()].join(' '),
          ),
      ),
      theirs: tally(
        requests.rows.map((row) =>
          [row[3], ...row.slice(5, 8), ...[...new Set(row[8] as string[])].sort()].join(' '),
        ),
      ),
    },
    {
      what: 'reply',
      ours: tally(
        seen.responses('kafka').map(({ correlationID, errorCode }) => `${correlationID} ${errorCode}`),
      ),
      theirs: tally(
        (responses?.rows ?? []).map((row) => `${row[4]} ${(row[6] as number[]).find(Boolean) ?? 0}`),
      ),
    },
  ]
}
