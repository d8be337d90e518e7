import { type Comparison, type Counts, tally } from './seen.ts'

export const sctp: Comparison = (seen, truth) => {
  const { chunks } = (truth.sctp as { chunks?: Counts } | undefined) ?? {}
  if (chunks === undefined) return []
  return [
    {
      what: 'chunk',
      ours: tally(seen.data('sctp').map(({ chunkTypeNumber }) => String(chunkTypeNumber))),
      theirs: chunks,
    },
  ]
}
