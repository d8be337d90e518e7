import { Command } from 'commander'
import { Mistake } from '../../mistake/mistake.ts'
import { EFFECT_OUTCOMES, type EffectRecord, effectsQuery } from '../../wire/effects.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { duration, table } from '../table.ts'
import { fitted, momentOf, plural, printable, wholeNumber } from '../text.ts'

interface AuditFlags extends HubFlags {
  readonly agent?: string
  readonly helper?: string
  readonly outcome?: string
  readonly entry?: string
  readonly since?: string
  readonly limit?: string
  readonly json?: boolean
}

export function auditCommand(): Command {
  const command = new Command('audit')
    .description(
      'What agents have done outside of their sandboxes, and were not allowed to do, newest first.',
    )
    .option('--agent <name>', 'of this agent: its identity or title')
    .option('--helper <path>', 'by this helper, such as vendor.slack')
    .option('--outcome <outcome>', `with this outcome: ${EFFECT_OUTCOMES.join(', ')}`)
    .option('--entry <id>', 'in the hook of this entry')
    .option('--since <time>', 'from then on: 10m, or a date')
    .option('--limit <number>', 'as many at most', '100')
    .option('--json', 'print a line of JSON for each')
    .action((flags: AuditFlags) =>
      withHub(flags, async (hub) => show(await hub.effects(queryOf(flags)), flags)),
    )
  return addHubOptions(command)
}

function queryOf({ agent, helper, outcome, entry, since, limit = '100' }: AuditFlags) {
  const query = effectsQuery.safeParse({
    agent,
    helper,
    outcome,
    entry,
    since: since === undefined ? undefined : momentOf(since, '--since', Date.now()),
    limit: wholeNumber(limit, '--limit'),
  })
  if (query.success) return query.data
  const [issue] = query.error.issues
  throw new Mistake('E_REQUEST', `--${issue?.path.join('.')}: ${issue?.message}`)
}

async function show(
  { effects, missing }: { readonly effects: readonly EffectRecord[]; readonly missing: readonly string[] },
  { json }: AuditFlags,
): Promise<void> {
  if (json === true) for (const effect of effects) await printJson({ type: 'effect', ...effect })
  else if (effects.length === 0) print('no effects')
  else
    print(
      table([['time', 'agent', 'node', 'helper', 'outcome', 'took', 'target'], ...effects.map(rowOf)], ''),
    )
  if (missing.length > 0) note(`${plural(missing.length, 'node')} did not answer: ${missing.join(', ')}`)
}

function rowOf({
  at,
  title,
  version,
  node,
  helper,
  outcome,
  status,
  ms,
  target,
  error,
}: EffectRecord): string[] {
  return [
    new Date(at).toISOString().slice(0, 19),
    fitted(version === undefined ? title : `${title} v${version}`, 30),
    fitted(node, 20),
    helper,
    status === undefined ? outcome : `${outcome} ${status}`,
    duration(ms),
    printable(error === undefined ? target : `${target}: ${error}`),
  ]
}
