import type { PolicyView } from '../../../src/wire/policies.ts'

/** Those in whose words, agent, reason, namespace or nodes the text is. */
export function found(policies: readonly PolicyView[], searched: string): PolicyView[] {
  const wanted = searched.trim().toLowerCase()
  return policies.filter((policy) => wanted === '' || wordsOf(policy).includes(wanted))
}

function wordsOf({ name, summary, agentTitle, reason, namespace, workers }: PolicyView): string {
  const nodes = workers.map(({ node }) => node)
  return [name, summary, agentTitle, reason, namespace, ...nodes].join('\n').toLowerCase()
}

/** Whether it is in force as it was applied: in a word, and what is wrong in all of them, "" where nothing is. */
export function stateOf({ changed, workers }: PolicyView): {
  readonly word: string
  readonly trouble: string
} {
  const failed = workers.filter(({ state }) => state !== 'in force')
  const trouble = [
    ...(changed ? ['somebody has changed it'] : []),
    ...failed.map(({ node, error = 'no answer' }) => `${node}: ${error}`),
  ].join('; ')
  if (failed.length > 0) return { word: `on ${workers.length - failed.length} of ${workers.length}`, trouble }
  return { word: changed ? 'changed' : 'in force', trouble }
}
