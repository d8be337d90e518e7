import { SNAPSHOT_METRICS } from './declarations.ts'
import { RECORDED_METRICS } from './metrics.ts'

/** `docs/generated/metrics.md`. */
export function metricsPage(): string {
  const rows = [...SNAPSHOT_METRICS, ...RECORDED_METRICS].map(
    ({ name, type, labels, doc }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${doc.replaceAll('|', '\\|')} |`,
  )
  return `${[
    '# Metrics',
    '',
    'Written by `npm run gen`. Each also has the labels `component` and `node`. What a program does not count has no series;',
    'there are those of the process, too (`process_…`, `nodejs_…`).',
    '',
    '| name | type | labels | what |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`
}
