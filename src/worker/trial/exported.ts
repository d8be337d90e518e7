import { TRIAL_LIMITS, type TrialOutcome } from '../../wire/trials.ts'

/** What an agent has exported, by metric: out of the text that Prometheus would read (`ExportedMetrics.text`). */
export function exportedIn(text: string): TrialOutcome['stored']['metrics'] {
  const families = text.split(/^# HELP .*\n# TYPE /m).slice(1)
  return families.slice(0, TRIAL_LIMITS.metrics).map((family) => {
    const [head = '', ...lines] = family.trimEnd().split('\n')
    const [name = '', type = ''] = head.split(' ')
    return { name, type, text: cut(lines.join('\n')) }
  })
}

function cut(text: string): string {
  const { metricCharacters: most } = TRIAL_LIMITS
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text
}
