import { type Comparison, type Rows, tally } from './seen.ts'

export const radius: Comparison = (seen, truth) => {
  const { messages } = (truth.radius as { messages?: Rows } | undefined) ?? {}
  if (messages === undefined) return []
  const ours = [...seen.requests('radius'), ...seen.responses('radius')]
  return [
    {
      what: 'radius',
      ours: tally(ours.map(({ codeName, identifier, userName }) => `${codeName} ${identifier} ${userName}`)),
      theirs: tally(messages.rows.map((row) => `${row[4]} ${row[5]} ${row[6] ?? ''}`)),
    },
  ]
}
